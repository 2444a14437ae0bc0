"""The auxiliary classifier that helps deep networks of the DARTS space to train (Liu et al. 2019, Appendix A.2)."""

import torch.nn.functional as F
from torch import Tensor, nn


class AuxiliaryHead(nn.Module):
    """Features (N, inputs, H, W) -> logits (N, classes), by way of a 2 x 2 image.

    `pooling_stride` is that of the 5 x 5 pooling: 3 for the 8 x 8 features of CIFAR, 2 for the 7 x 7 ones of ImageNet.
    Features of which it would not make a 2 x 2 image, those of smaller pictures, are averaged over four quarters.
    The authors' head for ImageNet has no second batch norm ("omitted in my earlier implementation due to a typo").
    """

    def __init__(self, inputs: int, classes: int, *, pooling_stride: int, second_norm: bool) -> None:
        super().__init__()
        self.pooling_stride = pooling_stride
        self.layers = nn.Sequential(
            nn.Conv2d(inputs, 128, 1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(),
            nn.Conv2d(128, 768, 2, bias=False),
            nn.BatchNorm2d(768) if second_norm else nn.Identity(),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(768, classes),
        )

    def forward(self, features: Tensor) -> Tensor:
        """The logits."""
        features = F.relu(features)
        if all((side - 5) // self.pooling_stride == 1 for side in features.shape[2:]):
            pooled = F.avg_pool2d(features, 5, self.pooling_stride)
        else:
            pooled = F.adaptive_avg_pool2d(features, 2)
        logits: Tensor = self.layers(pooled)
        return logits


__all__ = ["AuxiliaryHead"]

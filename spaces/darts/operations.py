"""The candidate operations of the DARTS space (Liu et al., "DARTS", ICLR 2019, Section 3.1 and Appendix A.1)."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ReLUConvBN(nn.Sequential):
    """ReLU, 1x1 convolution without bias, batch normalisation: (N, inputs, H, W) -> (N, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.ReLU(), nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))


class FactorizedReduce(nn.Module):
    """Halves the resolution (rounded up): two 1x1 convolutions of stride 2, the second a pixel further, side by side.

    (N, inputs, H, W) -> (N, outputs, H / 2, W / 2).
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.activation = nn.ReLU()
        self.even = nn.Conv2d(inputs, outputs // 2, 1, stride=2, bias=False)
        self.odd = nn.Conv2d(inputs, outputs - outputs // 2, 1, stride=2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """ReLU, the two convolutions, batch normalisation."""
        inputs = self.activation(inputs)
        height, width = inputs.shape[2:]
        # Where a side is odd, a row or column of zeros makes the shifted half as large as the other one.
        shifted = F.pad(inputs, (0, width % 2, 0, height % 2))[:, :, 1:, 1:]
        out: Tensor = self.norm(torch.cat([self.even(inputs), self.odd(shifted)], dim=1))
        return out


class DepthwiseConv(nn.Sequential):
    """ReLU, depthwise and pointwise convolution, batch norm: (N, C, H, W) -> (N, C, H / stride, W / stride)."""

    def __init__(self, channels: int, *, kernel: int, stride: int, dilation: int) -> None:
        padding = dilation * (kernel // 2)
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel, stride, padding, dilation, groups=channels, bias=False),
            nn.Conv2d(channels, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )


class Noise(nn.Module):
    """N(0, 1) in place of the input, in evaluation as well (Zela et al. 2020, Section 3)."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H / stride, W / stride)."""
        return torch.randn_like(inputs[:, :, :: self.stride, :: self.stride])


class NegativeIdentity(nn.Identity):
    """-x (Yang et al., "Optimization-inspired Manual Architecture Design and NAS", Table 6)."""

    def forward(self, inputs: Tensor) -> Tensor:
        """The inputs with the opposite sign."""
        return -inputs


def operation_module(operation: str, channels: int, *, stride: int) -> nn.Module:
    """A candidate operation other than `none`: (N, C, H, W) -> (N, C, H / stride, W / stride), sides rounded up.

    A separable convolution is two depthwise ones in a row; a skip connection or a negative identity of stride 2 is a
    factorised reduction, the latter's negated.
    """

    def depthwise(kernel: int, stride: int, dilation: int = 1) -> nn.Module:
        return DepthwiseConv(channels, kernel=kernel, stride=stride, dilation=dilation)

    match operation:
        case "max_pool_3x3":
            return nn.MaxPool2d(3, stride, padding=1)
        case "avg_pool_3x3":
            return nn.AvgPool2d(3, stride, padding=1, count_include_pad=False)
        case "sep_conv_3x3":
            return nn.Sequential(depthwise(3, stride), depthwise(3, 1))
        case "sep_conv_5x5":
            return nn.Sequential(depthwise(5, stride), depthwise(5, 1))
        case "dil_conv_3x3":
            return depthwise(3, stride, dilation=2)
        case "dil_conv_5x5":
            return depthwise(5, stride, dilation=2)
        case "noise":
            return Noise(stride)
        case "negative_identity":
            negative = NegativeIdentity()
            return negative if stride == 1 else nn.Sequential(FactorizedReduce(channels, channels), negative)
        case _:
            return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels)


__all__ = ["DepthwiseConv", "FactorizedReduce", "NegativeIdentity", "Noise", "ReLUConvBN", "operation_module"]

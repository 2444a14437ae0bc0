"""What every network of the topology space has around its cells (NAS-Bench-201, Fig. 1)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


class ReLUConvBN(nn.Sequential):
    """ReLU, convolution without bias, batch normalisation: NAS-Bench-201's order of the three."""

    def __init__(
        self, inputs: int, outputs: int, *, kernel: int, stride: int = 1, track_running_stats: bool = True
    ) -> None:
        super().__init__(
            nn.ReLU(),
            nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(outputs, track_running_stats=track_running_stats),
        )


class ResidualBlock(nn.Module):
    """Halves the resolution and doubles the channels: (N, C, H, W) -> (N, 2 C, H / 2, W / 2)."""

    def __init__(self, channels: int, *, track_running_stats: bool) -> None:
        super().__init__()
        outputs, tracked = 2 * channels, track_running_stats
        self.first = ReLUConvBN(channels, outputs, kernel=3, stride=2, track_running_stats=tracked)
        self.second = ReLUConvBN(outputs, outputs, kernel=3, track_running_stats=tracked)
        self.shortcut = nn.Sequential(nn.AvgPool2d(2), nn.Conv2d(channels, outputs, 1, bias=False))

    def forward(self, inputs: Tensor) -> Tensor:
        """The shortcut plus two convolutions."""
        out: Tensor = self.shortcut(inputs) + self.second(self.first(inputs))
        return out


def _call(cell: nn.Module, *inputs: object) -> Tensor:
    return cell(*inputs)


class Skeleton(nn.Module):
    """Stem, three stages of cells joined by residual blocks, classifier.

    `cell` builds the cell for a number of channels (C, 2 C and 4 C in the three stages). A cell is called with the
    features and whatever else `forward` is given. Batch statistics are always used when `track_running_stats` is
    false; no state but the weights exists then.
    """

    def __init__(
        self,
        cell: Callable[[int], nn.Module],
        *,
        channels: int,
        cells_per_stage: int,
        classes: int,
        in_channels: int,
        track_running_stats: bool,
    ) -> None:
        super().__init__()
        tracked = track_running_stats
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels, track_running_stats=tracked),
        )
        self.stages = nn.ModuleList(
            nn.ModuleList(cell(channels * 2**stage) for _ in range(cells_per_stage)) for stage in range(3)
        )
        self.reductions = nn.ModuleList(
            ResidualBlock(channels * 2**stage, track_running_stats=tracked) for stage in range(2)
        )
        self.head = nn.Sequential(
            nn.BatchNorm2d(4 * channels, track_running_stats=tracked),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4 * channels, classes),
        )
        # Small convolutions, batch norms and poolings all run faster with the channels last.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor, *context: object, run: Callable[..., Tensor] = _call) -> Tensor:
        """Images (N, in_channels, H, W) -> logits (N, classes); `run` is given a cell and what it is called with."""
        features = self.stem(images.contiguous(memory_format=torch.channels_last))
        for stage, cells in enumerate(self.stages):
            if stage > 0:
                features = self.reductions[stage - 1](features)
            for cell in cells:  # type: ignore[attr-defined]
                features = run(cell, features, *context)
        logits: Tensor = self.head(features)
        return logits


__all__ = ["ReLUConvBN", "ResidualBlock", "Skeleton"]

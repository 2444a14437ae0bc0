"""The DARTS search network in its plain form (Liu et al., "DARTS", ICLR 2019): every operation on its own, then summed.

The supernet under test is held against it, value by value and gradient by gradient. Nothing is shared, fused or left
out here; slow and large on purpose.
"""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.darts.cell import INPUTS, OPERATIONS, edges


def _norm(channels: int, affine: bool = False) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, affine=affine, track_running_stats=False)


class Zero(nn.Module):
    """`none`."""

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, :: self.stride, :: self.stride] * 0.0


class FactorizedReduce(nn.Module):
    """Halves the resolution: two strided 1x1 convolutions, the second one shifted by a pixel, side by side."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs // 2, 1, stride=2, bias=False)
        self.second = nn.Conv2d(inputs, outputs // 2, 1, stride=2, bias=False)
        self.norm = _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x, odd = F.relu(x), (x.shape[2] % 2, x.shape[3] % 2)
        out: Tensor = self.norm(
            torch.cat([self.first(x), self.second(F.pad(x, (0, odd[1], 0, odd[0]))[:, :, 1:, 1:])], dim=1)
        )
        return out


class Negated(nn.Module):
    """`negative_identity`; at stride 2, of a factorised reduction."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.inner = nn.Identity() if stride == 1 else FactorizedReduce(channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        return -self.inner(x)


class Noise(nn.Module):
    """`noise`: what `draw`, which the test gives, makes of the output's shape."""

    draw: Callable[[Sequence[int]], Tensor]

    def __init__(self, stride: int) -> None:
        super().__init__()
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        return self.draw(x[:, :, :: self.stride, :: self.stride].shape)


def relu_conv_norm(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(nn.ReLU(), nn.Conv2d(inputs, outputs, 1, bias=False), _norm(outputs))


def _separable(channels: int, kernel: int, stride: int, dilation: int = 1) -> list[nn.Module]:
    depthwise = nn.Conv2d(
        channels,
        channels,
        kernel,
        stride=stride,
        padding=dilation * (kernel // 2),
        dilation=dilation,
        groups=channels,
        bias=False,
    )
    return [nn.ReLU(), depthwise, nn.Conv2d(channels, channels, 1, bias=False), _norm(channels)]


def operation(name: str, channels: int, stride: int) -> nn.Module:
    """A candidate operation as DARTS defines it."""
    if name == "none":
        return Zero(stride)
    if name == "max_pool_3x3":
        return nn.Sequential(nn.MaxPool2d(3, stride=stride, padding=1), _norm(channels))
    if name == "avg_pool_3x3":
        return nn.Sequential(nn.AvgPool2d(3, stride=stride, padding=1, count_include_pad=False), _norm(channels))
    if name == "skip_connect":
        return nn.Identity() if stride == 1 else FactorizedReduce(channels, channels)
    if name == "negative_identity":
        return Negated(channels, stride)
    if name == "noise":
        return Noise(stride)
    family, _, size = name.split("_")
    kernel = int(size[0])
    if family == "sep":
        return nn.Sequential(*_separable(channels, kernel, stride), *_separable(channels, kernel, 1))
    return nn.Sequential(*_separable(channels, kernel, stride, dilation=2))


class MixedOp(nn.Module):
    """sum_o w_o o(x), over all operations or, as implementations of GDAS have it, over those with w_o != 0."""

    skip_zero = False

    def __init__(self, channels: int, stride: int, names: Sequence[str]) -> None:
        super().__init__()
        self.operations = nn.ModuleList(operation(name, channels, stride) for name in names)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        pairs = zip(weights, self.operations, strict=True)
        out: Tensor = sum(w * o(x) for w, o in pairs if w != 0 or not self.skip_zero)
        return out


Wiring = Sequence[tuple[int, int, Sequence[str]]]  # (target, source, operations) of every edge


def darts_wiring(nodes: int) -> Wiring:
    return [(target, source, OPERATIONS) for target, source in edges(nodes)]


class Cell(nn.Module):
    """A cell of mixed operations."""

    def __init__(
        self, wiring: Wiring, older: int, newer: int, channels: int, *, reduction: bool, previous_reduction: bool
    ) -> None:
        super().__init__()
        self.reduction = reduction
        self.wiring = wiring
        self.first = FactorizedReduce(older, channels) if previous_reduction else relu_conv_norm(older, channels)
        self.second = relu_conv_norm(newer, channels)
        self.edges = nn.ModuleList(
            MixedOp(channels, 2 if reduction and source < INPUTS else 1, names) for _, source, names in wiring
        )

    def forward(self, older: Tensor, newer: Tensor, weights: Tensor) -> Tensor:
        states = [self.first(older), self.second(newer)]
        for node in range(INPUTS, self.wiring[-1][0] + 1):
            rows = [row for row, (target, _, _) in enumerate(self.wiring) if target == node]
            states.append(sum(self.edges[row](states[self.wiring[row][1]], weights[row]) for row in rows))
        return torch.cat(states[INPUTS:], dim=1)


class PlainDartsSupernet(nn.Module):
    """The whole network; images (N, in_channels, H, W) and two mixtures (E, 8) -> logits (N, classes)."""

    def __init__(
        self,
        *,
        channels: int = 16,
        cells: int = 8,
        nodes: int = 4,
        classes: int = 10,
        in_channels: int = 3,
        stem_multiplier: int = 3,
        wirings: tuple[Wiring, Wiring] | None = None,
    ) -> None:
        super().__init__()
        wirings = wirings or (darts_wiring(nodes),) * 2
        older = newer = stem_multiplier * channels
        self.stem = nn.Sequential(nn.Conv2d(in_channels, newer, 3, padding=1, bias=False), _norm(newer, affine=True))
        self.cells = nn.ModuleList()
        previous_reduction = False
        for index in range(cells):
            reduction = index in (cells // 3, 2 * cells // 3)
            channels = channels * 2 if reduction else channels
            self.cells.append(
                Cell(
                    wirings[reduction],
                    older,
                    newer,
                    channels,
                    reduction=reduction,
                    previous_reduction=previous_reduction,
                )
            )
            previous_reduction = reduction
            older, newer = newer, (wirings[reduction][-1][0] - 1) * channels
        self.classifier = nn.Linear(newer, classes)

    def forward(self, images: Tensor, mixture: Sequence[Tensor]) -> Tensor:
        normal, reduction = mixture
        older = newer = self.stem(images)
        for cell in self.cells:
            older, newer = newer, cell(older, newer, reduction if cell.reduction else normal)
        logits: Tensor = self.classifier(newer.mean((2, 3)))
        return logits


def weights_for_supernet(plain: nn.Module, net: nn.Module) -> dict[str, Tensor]:
    """The state of `net`, a DartsSupernet, that makes it the plain network: both hold their weights in one order."""
    values = plain.state_dict().values()
    return dict(zip(net.state_dict(), values, strict=True))

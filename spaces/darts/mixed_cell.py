"""A cell of the DARTS search network: every edge computes the mixture of all its operations."""

from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.darts.cell import INPUTS, OPERATIONS, edges
from spaces.darts.pooling import average_pool, maximum_pool

NONE, MAX_POOL, AVG_POOL, SKIP, SEP_3X3, SEP_5X5, DIL_3X3, DIL_5X5 = range(len(OPERATIONS))


@cache
def executed(active: tuple[tuple[bool, ...], ...], nodes: int) -> tuple[tuple[int, ...], ...]:
    """The operations to run on each edge: the active ones of edges whose source is not zero throughout.

    A node without active operations is exactly zero, and so is every operation's result on it: batch norms have no
    shift here.
    """
    alive = set(range(INPUTS))
    plan = []
    for (target, source), edge in zip(edges(nodes), active, strict=True):
        used = tuple(o for o in range(len(OPERATIONS)) if o != NONE and edge[o]) if source in alive else ()
        plan.append(used)
        if used:
            alive.add(target)
    return tuple(plan)


def batch_norm(channels: int, *, affine: bool = False) -> nn.BatchNorm2d:
    """Batch norm that always uses the statistics of the batch."""
    return nn.BatchNorm2d(channels, affine=affine, track_running_stats=False)


class FactorizedReduce(nn.Module):
    """ReLU, two strided 1x1 convolutions of which one is shifted by a pixel, batch norm: half the resolution, rounded up."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(inputs, outputs // 2, 1, stride=2, bias=False) for _ in range(2))
        self.norm = batch_norm(outputs)

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, outputs, H / 2, W / 2)."""
        rectified = F.relu(inputs)
        straight, shifted = self.convolutions
        height, width = inputs.shape[2:]
        # Where a side is odd, a row or column of zeros makes the shifted half as large as the other one.
        moved = F.pad(rectified, (-1, width % 2, -1, height % 2))
        out: Tensor = self.norm(torch.cat([straight(rectified), shifted(moved)], dim=1))
        return out


class ReLUConvBN(nn.Sequential):
    """ReLU, 1x1 convolution, batch norm."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(nn.ReLU(), nn.Conv2d(inputs, outputs, 1, bias=False), batch_norm(outputs))


class DepthwiseSeparable(nn.Module):
    """The weights of a depthwise convolution and the 1x1 convolution after it; `MixedCell` runs them."""

    def __init__(self, channels: int, *, kernel: int, stride: int, dilation: int) -> None:
        super().__init__()
        padding = dilation * (kernel // 2)
        self.depthwise = nn.Conv2d(
            channels,
            channels,
            kernel,
            stride=stride,
            padding=padding,
            dilation=dilation,
            groups=channels,
            bias=False,
        )
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)

    def forward(self, rectified: Tensor) -> Tensor:
        """Normalised."""
        return F.batch_norm(self.pointwise(self.depthwise(rectified)), None, None, training=True)


class MixedEdge(nn.Module):
    """The weights of the operations of one edge that have any."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.skip = FactorizedReduce(channels, channels) if stride == 2 else nn.Identity()

        def convolutions(kernel: int, dilation: int, strides: Sequence[int]) -> nn.ModuleList:
            return nn.ModuleList(
                DepthwiseSeparable(channels, kernel=kernel, stride=s, dilation=dilation) for s in strides
            )

        self.separable_3x3 = convolutions(3, 1, (stride, 1))
        self.separable_5x5 = convolutions(5, 1, (stride, 1))
        self.dilated_3x3 = convolutions(3, 2, (stride,))
        self.dilated_5x5 = convolutions(5, 2, (stride,))


class MixedCell(nn.Module):
    """The outputs of the previous cell but one and of the previous cell -> the cell's output (N, nodes * C, H, W).

    `older` and `newer` are the channels of the two inputs, `channels` is C.
    """

    def __init__(
        self, nodes: int, older: int, newer: int, channels: int, *, reduction: bool, previous_reduction: bool
    ) -> None:
        super().__init__()
        self.nodes = nodes
        self.reduction = reduction
        self.first = FactorizedReduce(older, channels) if previous_reduction else ReLUConvBN(older, channels)
        self.second = ReLUConvBN(newer, channels)
        self.edges = nn.ModuleList(MixedEdge(channels, self._stride(source)) for _, source in edges(nodes))

    def _stride(self, source: int) -> int:
        return 2 if self.reduction and source < INPUTS else 1

    def forward(
        self, older: Tensor, newer: Tensor, mixture: Sequence[Sequence[Tensor]], plan: Sequence[Sequence[int]]
    ) -> Tensor:
        """Under the scalar `mixture[edge][operation]`; `plan` holds the operations to run on each edge."""
        states: list[Tensor | None] = [self.first(older), self.second(newer)]
        states += [None] * self.nodes
        for edge, (target, source) in enumerate(edges(self.nodes)):
            node = states[source]
            for operation in plan[edge]:
                assert node is not None  # the plan runs nothing on a node that is zero
                term = self._operate(operation, edge, source, node)
                total = states[target]
                weight = mixture[edge][operation]
                states[target] = term * weight if total is None else total.addcmul_(term, weight)
        stride = self._stride(0)
        n, c, h, w = states[0].shape  # type: ignore[union-attr]
        zero = newer.new_zeros(n, c, -(-h // stride), -(-w // stride)) if None in states else None
        return torch.cat([zero if state is None else state for state in states[INPUTS:]], dim=1)  # type: ignore[misc]

    def _operate(self, operation: int, edge: int, source: int, node: Tensor) -> Tensor:
        module, stride = self.edges[edge], self._stride(source)
        if operation == SKIP:
            return module.skip(node)  # type: ignore[no-any-return,operator]
        if operation in (MAX_POOL, AVG_POOL):
            pooled = (maximum_pool if operation == MAX_POOL else average_pool)(node, stride)
            return F.batch_norm(pooled, None, None, training=True)
        name = {SEP_3X3: "separable_3x3", SEP_5X5: "separable_5x5", DIL_3X3: "dilated_3x3", DIL_5X5: "dilated_5x5"}
        for convolution in getattr(module, name[operation]):
            node = convolution(F.relu(node))
        return node


__all__ = ["MixedCell", "batch_norm", "executed"]

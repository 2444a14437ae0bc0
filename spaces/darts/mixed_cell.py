"""A cell of the DARTS search network: every edge computes the mixture of all its operations."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import torch
from torch import Tensor, nn

from spaces.darts.cell import INPUTS, OPERATIONS, edges
from spaces.darts.mixed_convolutions import Branch, mixed_convolutions
from spaces.darts.source import Source

NONE, MAX_POOL, AVG_POOL, SKIP, SEP_3X3, SEP_5X5, DIL_3X3, DIL_5X5 = range(len(OPERATIONS))
CONVOLUTIONS = (SEP_3X3, SEP_5X5, DIL_3X3, DIL_5X5)
SEPARABLE = (SEP_3X3, SEP_5X5)


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


@cache
def _places(sites: tuple[tuple[int, int], ...], device: torch.device) -> Tensor:
    """Where the mixture weights of the (edge, operation) are; on the device once, not once a step."""
    return torch.tensor([edge * len(OPERATIONS) + operation for edge, operation in sites], device=device)


class FactorizedReduce(nn.Module):
    """Two 1x1 convolutions of every other pixel, the second starting a pixel further, and batch norm."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(inputs, outputs // 2, 1, bias=False) for _ in range(2))
        self.norm = batch_norm(outputs)

    def forward(self, source: Source) -> Tensor:
        """(N, C, H, W) -> (N, outputs, H / 2, W / 2), rounded up."""
        even, odd = self.convolutions
        out: Tensor = self.norm(torch.cat([even(source.even), odd(source.odd)], dim=1))
        return out


class ConvBN(nn.Module):
    """1x1 convolution and batch norm."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inputs, outputs, 1, bias=False)
        self.norm = batch_norm(outputs)

    def forward(self, source: Source) -> Tensor:
        """(N, C, H, W) -> (N, outputs, H, W)."""
        out: Tensor = self.norm(self.convolution(source.rectified))
        return out


class MixedEdge(nn.Module):
    """The weights of the operations of one edge; `MixedCell` runs the convolutions."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.skip = FactorizedReduce(channels, channels) if stride == 2 else None
        self.convolutions = nn.ModuleDict(
            {
                name: nn.ModuleList(
                    module
                    for _ in range(2 if name.startswith("sep") else 1)
                    for module in (
                        nn.Conv2d(channels, channels, int(name[-1]), groups=channels, bias=False),  # depthwise
                        nn.Conv2d(channels, channels, 1, bias=False),
                    )
                )
                for name in (OPERATIONS[o] for o in CONVOLUTIONS)
            }
        )

    def weights(self, operation: int) -> list[Tensor]:
        """Of the convolution: depthwise (C, 1, k, k) and pointwise (C, C, 1, 1) in turn."""
        convolutions: Iterable[nn.Conv2d] = self.convolutions[OPERATIONS[operation]]  # type: ignore[assignment]
        return [convolution.weight for convolution in convolutions]


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
        self.first = FactorizedReduce(older, channels) if previous_reduction else ConvBN(older, channels)
        self.second = ConvBN(newer, channels)
        self.edges = nn.ModuleList(
            MixedEdge(channels, 2 if reduction and source < INPUTS else 1) for _, source in edges(nodes)
        )

    def forward(
        self, older: Tensor, newer: Tensor, mixture: Tensor, plan: Sequence[Sequence[int]], fused: bool
    ) -> Tensor:
        """Under the mixture (edges, 8); `plan` holds the operations to run on each edge."""
        inputs = [self.first(Source(older, fused=fused)), self.second(Source(newer, fused=fused))]
        stride = 2 if self.reduction else 1
        sources = {index: Source(node, stride, fused=fused) for index, node in enumerate(inputs)}
        outputs: list[Tensor] = []
        for target in range(INPUTS, INPUTS + self.nodes):
            chosen = [
                (edge, source, operation)
                for edge, (node, source) in enumerate(edges(self.nodes))
                if node == target
                for operation in plan[edge]
            ]
            if chosen:
                outputs.append(self._node(sources, mixture, chosen))
                sources[target] = Source(outputs[-1], fused=fused)
            else:
                outputs.append(newer.new_zeros(sources[0].output_shape))
        return torch.cat(outputs, dim=1)

    def _node(self, sources: Mapping[int, Source], mixture: Tensor, chosen: Sequence[tuple[int, int, int]]) -> Tensor:
        """The weighted sum of the chosen (edge, source, operation)."""
        total = None
        convolutions = [site for site in chosen if site[2] in CONVOLUTIONS]
        if convolutions:
            features: list[Tensor] = []
            branches: list[Branch] = []
            weights: list[Tensor] = []
            index: dict[tuple[int, bool], int] = {}
            for edge, source, operation in convolutions:
                state, separable = sources[source], operation in SEPARABLE
                key = source, separable
                if key not in index:
                    index[key] = len(features)
                    features.append(state.rectified if separable else state.arranged)
                if separable:
                    branch = Branch(index[key], True, stride=state.stride)
                else:
                    branch = Branch(index[key], False, dilation=state.dilation, split=state.split)
                branches.append(branch)
                weights += self._edge(edge).weights(operation)
            scales = mixture.take(_places(tuple((edge, o) for edge, _, o in convolutions), mixture.device))
            total = mixed_convolutions(branches, features, weights, scales, fused=sources[0].fused)
        for edge, source, operation in chosen:
            if operation in CONVOLUTIONS:
                continue
            state = sources[source]
            if operation == SKIP:
                reduce = self._edge(edge).skip
                term = state.node if reduce is None else reduce(state)
            else:
                term = state.maximum if operation == MAX_POOL else state.average
            weight = mixture[edge, operation]
            # Nothing saves a node for its gradient before the node is complete: adding in place is safe.
            total = term * weight if total is None else total.addcmul_(term, weight)
        assert total is not None
        return total

    def _edge(self, index: int) -> MixedEdge:
        edge = self.edges[index]
        assert isinstance(edge, MixedEdge)
        return edge


__all__ = ["MixedCell", "batch_norm", "executed"]

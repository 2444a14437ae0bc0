"""A cell of the DARTS search network: every edge computes the mixture of all its operations."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.darts.cell import ALL_OPERATIONS, INPUTS, CellDesign
from spaces.darts.mixed_convolutions import Branch, mixed_convolutions
from spaces.darts.noise import dropout, normal_noise
from spaces.darts.source import Source
from spaces.partial_channels import check_share, joined

NONE, MAX_POOL, AVG_POOL, SKIP, SEP_3X3, SEP_5X5, DIL_3X3, DIL_5X5, NOISE, NEGATIVE = range(len(ALL_OPERATIONS))
CONVOLUTIONS = (SEP_3X3, SEP_5X5, DIL_3X3, DIL_5X5)
SEPARABLE = (SEP_3X3, SEP_5X5)
IDENTITIES = (SKIP, NEGATIVE)


@cache
def executed(
    active: tuple[tuple[bool, ...], ...], edges: tuple[tuple[int, int], ...], *, passed_by: bool = False
) -> tuple[tuple[int, ...], ...]:
    """The operations to run on each edge (target, source): the active ones, if the source is not zero throughout.

    A node without active operations is exactly zero, and so is every operation's result on it but noise: batch norms
    have no shift here. Where channels pass the operations by, no node is.
    """
    alive = set(range(INPUTS))
    plan = []
    for (target, source), edge in zip(edges, active, strict=True):
        runs = passed_by or source in alive
        used = tuple(o for o in range(len(edge)) if o != NONE and edge[o] and (runs or o == NOISE))
        plan.append(used)
        if used:
            alive.add(target)
    return tuple(plan)


def batch_norm(channels: int, *, affine: bool = False) -> nn.BatchNorm2d:
    """Batch norm that always uses the statistics of the batch."""
    return nn.BatchNorm2d(channels, affine=affine, track_running_stats=False)


@cache
def _places(sites: tuple[tuple[int, int], ...], width: int, device: torch.device) -> Tensor:
    """Where the mixture weights (E, width) of the (edge, operation) are; on the device once, not once a step."""
    return torch.tensor([edge * width + operation for edge, operation in sites], device=device)


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
    """The weights of the candidate operations of one edge; `MixedCell` runs the convolutions."""

    def __init__(self, channels: int, stride: int, operations: Sequence[int]) -> None:
        super().__init__()
        self.skip = FactorizedReduce(channels, channels) if stride == 2 and SKIP in operations else None
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
                for name in (ALL_OPERATIONS[o] for o in CONVOLUTIONS if o in operations)
            }
        )
        self.negative = FactorizedReduce(channels, channels) if stride == 2 and NEGATIVE in operations else None

    def weights(self, operation: int) -> list[Tensor]:
        """Of the convolution: depthwise (C, 1, k, k) and pointwise (C, C, 1, 1) in turn."""
        convolutions: Iterable[nn.Conv2d] = self.convolutions[ALL_OPERATIONS[operation]]  # type: ignore[assignment]
        return [convolution.weight for convolution in convolutions]


class MixedCell(nn.Module):
    """The outputs of the previous cell but one and of the previous cell -> the cell's output (N, nodes * C, H, W).

    `older` and `newer` are the channels of the two inputs, `channels` is C. Operations see 1 / `share` of them.
    """

    def __init__(
        self,
        design: CellDesign,
        older: int,
        newer: int,
        channels: int,
        *,
        reduction: bool,
        previous_reduction: bool,
        share: int = 1,
    ) -> None:
        super().__init__()
        self.design = design
        self.share = share
        self.seen = check_share(channels, share)
        self.reduction = reduction
        self.first = FactorizedReduce(older, channels) if previous_reduction else ConvBN(older, channels)
        self.second = ConvBN(newer, channels)
        self.edges = nn.ModuleList(
            MixedEdge(self.seen, 2 if reduction and source < INPUTS else 1, operations)
            for (_, source), operations in zip(design.edges, design.columns, strict=True)
        )

    def forward(
        self,
        older: Tensor,
        newer: Tensor,
        mixture: Tensor,
        plan: Sequence[Sequence[int]],
        fused: bool,
        noise: tuple[int, ...] = (),
        skip_dropout: float = 0.0,
    ) -> Tensor:
        """Under the mixture (edges, ALL_OPERATIONS or the first of them); `plan` holds what to run on each edge.

        `noise` tells one draw of noise or dropout from another.
        """
        inputs = [self.first(Source(older, fused=fused)), self.second(Source(newer, fused=fused))]
        stride = 2 if self.reduction else 1
        sources: dict[int, Source] = {}
        rests: dict[int, Tensor] = {}

        def add(index: int, node: Tensor, stride: int) -> None:
            if self.share > 1:
                rest = node[:, self.seen :]
                rests[index] = F.max_pool2d(rest, 2, 2) if stride == 2 else rest
                node = node[:, : self.seen].contiguous(memory_format=torch.channels_last)
            sources[index] = Source(node, stride, fused=fused)

        for index, node in enumerate(inputs):
            add(index, node, stride)
        outputs: list[Tensor] = []
        for target in range(INPUTS, INPUTS + self.design.nodes):
            rows = self.design.rows_to(target)
            chosen = [(edge, self.design.edges[edge][1], operation) for edge in rows for operation in plan[edge]]
            node = self._node(sources, mixture, chosen, noise, skip_dropout) if chosen else None
            if self.share > 1:
                weighted = [(self.design.edges[edge][1], mixture[edge].sum()) for edge in rows]
                node = joined(node, rests, weighted, share=self.share)
            outputs.append(inputs[0].new_zeros(sources[0].output_shape) if node is None else node)
            add(target, outputs[-1], 1)
        return torch.cat(outputs, dim=1)

    def _node(
        self,
        sources: Mapping[int, Source],
        mixture: Tensor,
        chosen: Sequence[tuple[int, int, int]],
        noise: tuple[int, ...],
        skip_dropout: float,
    ) -> Tensor:
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
            places = _places(tuple((edge, o) for edge, _, o in convolutions), mixture.shape[1], mixture.device)
            scales = mixture.take(places)
            total = mixed_convolutions(branches, features, weights, scales, fused=sources[0].fused)
        for edge, source, operation in chosen:
            if operation in CONVOLUTIONS:
                continue
            state, weight = sources[source], mixture[edge, operation]
            if operation in IDENTITIES:
                reduce = self._edge(edge).skip if operation == SKIP else self._edge(edge).negative
                term = state.node if reduce is None else reduce(state)
                if operation == SKIP and skip_dropout:
                    term = dropout(term, skip_dropout, (*noise, edge))
                weight = weight if operation == SKIP else -weight
            elif operation == NOISE:
                term = normal_noise((*noise, edge), state.output_shape, state.node)
            else:
                term = state.maximum if operation == MAX_POOL else state.average
            # Nothing saves a node for its gradient before the node is complete: adding in place is safe.
            total = term * weight if total is None else total.addcmul_(term, weight)
        assert total is not None
        return total

    def _edge(self, index: int) -> MixedEdge:
        edge = self.edges[index]
        assert isinstance(edge, MixedEdge)
        return edge


__all__ = ["MixedCell", "batch_norm", "executed"]

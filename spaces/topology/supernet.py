"""The topology space's supernet: every operation of every edge, with weights shared by all architectures."""

from collections.abc import Sequence
from functools import cache, partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.partial_channels import check_share, joined
from spaces.pooling import average_pool
from spaces.space import Batch, SuperNet
from spaces.topology.architecture import EDGES, OPERATIONS
from spaces.topology.skeleton import Skeleton

NONE, SKIP, CONV_1X1, CONV_3X3, POOL = range(len(OPERATIONS))
INPUT, OUTPUT = 0, 3  # the nodes of a cell


@cache
def active_operations(active: tuple[tuple[bool, ...], ...]) -> tuple[tuple[int, ...], ...]:
    """The operations to run on each edge where channels pass them by: all active ones."""
    return tuple(tuple(o for o in range(len(OPERATIONS)) if o != NONE and edge[o]) for edge in active)


@cache
def executed(active: tuple[tuple[bool, ...], ...]) -> tuple[tuple[int, ...], ...]:
    """The operations to run on each edge: those active on a path of active operations from the input to the output.

    A node that the input does not reach is exactly zero, and so is every operation's result on it (batch norms have
    no shift here); a node that does not reach the output changes nothing.
    """
    used = active_operations(active)
    from_input, to_output = {INPUT}, {OUTPUT}
    for (target, source), operations in zip(EDGES, used, strict=True):
        if operations and source in from_input:
            from_input.add(target)
    for (target, source), operations in zip(reversed(EDGES), reversed(used), strict=True):
        if operations and target in to_output:
            to_output.add(source)
    return tuple(
        operations if source in from_input and target in to_output else ()
        for (target, source), operations in zip(EDGES, used, strict=True)
    )


class MixedCell(nn.Module):
    """One cell in which each edge computes the mixture of its operations, on 1 / `share` of the channels."""

    def __init__(self, channels: int, *, share: int = 1) -> None:
        super().__init__()
        self.share = share
        self.seen = seen = check_share(channels, share)
        self.convolutions_1x1 = nn.ModuleList(nn.Conv2d(seen, seen, 1, bias=False) for _ in EDGES)
        self.convolutions_3x3 = nn.ModuleList(nn.Conv2d(seen, seen, 3, padding=1, bias=False) for _ in EDGES)

    def forward(self, inputs: Tensor, mixture: Sequence[Sequence[Tensor]], plan: Sequence[Sequence[int]]) -> Tensor:
        """Features (N, C, H, W) -> features of the same shape, under the scalar `mixture[edge][operation]`.

        `plan` holds the operations to run on each edge.
        """
        if self.share == 1:
            output = self._nodes([inputs, None, None, None], mixture, plan, range(1, 4))[OUTPUT]
            return torch.zeros_like(inputs) if output is None else output
        node, rests = inputs, {}
        nodes: list[Tensor | None] = [None] * 4
        for target in range(1, 4):
            nodes[target - 1] = node[:, : self.seen].contiguous(memory_format=torch.channels_last)
            rests[target - 1] = node[:, self.seen :]
            mixed = self._nodes(nodes, mixture, plan, [target])[target]
            edges = [
                (source, torch.stack(list(mixture[edge])).sum())
                for edge, (to, source) in enumerate(EDGES)
                if to == target
            ]
            node = joined(mixed, rests, edges, share=self.share)
        return node

    def _nodes(
        self,
        nodes: list[Tensor | None],
        mixture: Sequence[Sequence[Tensor]],
        plan: Sequence[Sequence[int]],
        targets: Sequence[int],
    ) -> list[Tensor | None]:
        """The nodes, of which the targets are the sums of their edges' mixtures; None is zero throughout."""
        rectified: dict[int, Tensor] = {}
        pooled: dict[int, Tensor] = {}
        for edge, (target, source) in enumerate(EDGES):
            if target not in targets:
                continue
            for operation in plan[edge]:
                node, weight, total = nodes[source], mixture[edge][operation], nodes[target]
                assert node is not None  # the plan runs nothing on a node that the input does not reach
                if operation in (CONV_1X1, CONV_3X3):
                    if source not in rectified:
                        rectified[source] = F.relu(node)
                    convolutions = self.convolutions_1x1 if operation == CONV_1X1 else self.convolutions_3x3
                    term = _normalise(convolutions[edge](rectified[source]), weight)
                    # Nothing saves a node for its gradient before the node is complete: adding in place is safe.
                    nodes[target] = term if total is None else total.add_(term)
                    continue
                if operation == POOL and source not in pooled:
                    pooled[source] = average_pool(node)
                term = pooled[source] if operation == POOL else node
                nodes[target] = term * weight if total is None else total.addcmul_(term, weight)
        return nodes


def _normalise(features: Tensor, weight: Tensor) -> Tensor:
    """Batch norm without affine parameters, times the scalar mixture weight: one kernel for both."""
    scale = weight.expand(features.shape[1]).contiguous()  # ATen's gradient for channels last reads past a stride of 0
    return F.batch_norm(features, None, None, weight=scale, training=True)


class TopologySupernet(SuperNet):
    """NAS-Bench-201's search network (Section 2 and 5.1 there): N mixed cells in each of three stages.

    The mixture is one tensor (6 edges, 5 operations), in the order of EDGES and OPERATIONS, on the images' device.
    Batch norms always use the statistics of the batch, those within cells have no affine parameters. `none` and
    operations with mixture weight zero are not executed, nor are those whose result does not depend on the images or
    does not reach the output.
    """

    def __init__(
        self,
        *,
        channels: int = 16,
        cells_per_stage: int = 5,
        classes: int = 10,
        in_channels: int = 3,
        partial_channels: int = 1,
    ) -> None:
        super().__init__()
        self.partial_channels = partial_channels
        self.skeleton = Skeleton(
            partial(MixedCell, share=partial_channels),
            channels=channels,
            cells_per_stage=cells_per_stage,
            classes=classes,
            in_channels=in_channels,
            track_running_stats=False,
        )

    def forward(self, images: Tensor, mixture: Sequence[Tensor]) -> Tensor:
        """Images (N, in_channels, H, W) -> logits (N, classes)."""
        (weights,) = mixture
        plan = (executed if self.partial_channels == 1 else active_operations)(*self.active(mixture))
        logits: Tensor = self.skeleton(images, [edge.unbind() for edge in weights.unbind()], plan, run=self.run_cell)
        return logits

    def compile_cells(self) -> None:
        """Every cell on its own: cells of one stage have their code in common."""
        for module in self.modules():
            if isinstance(module, MixedCell):
                module.compile(dynamic=False)

    def loss(self, batch: Batch, mixture: Sequence[Tensor]) -> Tensor:
        """The mean cross entropy of the batch, a scalar."""
        return F.cross_entropy(self(batch.inputs, mixture), batch.targets)

    def errors(self, batch: Batch, mixture: Sequence[Tensor]) -> Tensor:
        """The number of wrongly classified images of the batch, a scalar tensor."""
        with torch.no_grad():
            return (self(batch.inputs, mixture).argmax(dim=1) != batch.targets).sum()


__all__ = ["MixedCell", "TopologySupernet", "executed"]

"""The network that an architecture of the topology space stands for (NATS-Bench's, trained from scratch)."""

import torch
from torch import Tensor, nn

from spaces.pooling import average_pool
from spaces.topology.architecture import EDGES, TopologyArchitecture
from spaces.topology.skeleton import ReLUConvBN, Skeleton

OUTPUT = 3  # the cell's last node


class AveragePool(nn.Module):
    """3x3 average pooling, stride 1."""

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        return average_pool(inputs)


def executed_edges(architecture: TopologyArchitecture) -> list[int]:
    """The edges that carry an operation and lead to the output, by index."""
    used = {OUTPUT}  # the nodes that the output depends on
    for (target, source), operation in zip(reversed(EDGES), reversed(architecture.operations), strict=True):
        if operation != "none" and target in used:
            used.add(source)
    carrying = (edge for edge, operation in enumerate(architecture.operations) if operation != "none")
    return [edge for edge in carrying if EDGES[edge][0] in used]


class Cell(nn.Module):
    """One cell of the architecture; `edges` holds the module of every edge that has one, by the edge's index."""

    def __init__(self, architecture: TopologyArchitecture, channels: int) -> None:
        super().__init__()
        # An edge that leads nowhere is not run, yet its weights exist: the benchmark's tables count them.
        self.edges = nn.ModuleDict(
            {
                str(edge): operation_module(operation, channels)
                for edge, operation in enumerate(architecture.operations)
                if operation != "none"
            }
        )
        self.executed = [(*EDGES[edge], str(edge)) for edge in executed_edges(architecture)]

    def forward(self, inputs: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        nodes: list[Tensor | None] = [inputs, None, None, None]
        for target, source, edge in self.executed:
            node, total = nodes[source], nodes[target]
            # A node without inputs is zero, which batch norm's shift may turn into something else.
            term = self.edges[edge](torch.zeros_like(inputs) if node is None else node)
            nodes[target] = term if total is None else total + term
        output = nodes[OUTPUT]
        return torch.zeros_like(inputs) if output is None else output


def operation_module(operation: str, channels: int) -> nn.Module:
    """A candidate operation other than `none`: (N, C, H, W) -> (N, C, H, W)."""
    match operation:
        case "nor_conv_1x1":
            return ReLUConvBN(channels, channels, kernel=1)
        case "nor_conv_3x3":
            return ReLUConvBN(channels, channels, kernel=3)
        case "avg_pool_3x3":
            return AveragePool()
        case _:
            return nn.Identity()


class TopologyNetwork(Skeleton):
    """N cells in each of three stages with C, 2 C and 4 C channels (NAS-Bench-201, Section 2.1).

    Images (N, in_channels, H, W) -> logits (N, classes). Batch norms are affine and keep running statistics.
    """

    def __init__(
        self,
        architecture: TopologyArchitecture,
        *,
        channels: int = 16,
        cells_per_stage: int = 5,
        classes: int = 10,
        in_channels: int = 3,
    ) -> None:
        super().__init__(
            lambda width: Cell(architecture, width),
            channels=channels,
            cells_per_stage=cells_per_stage,
            classes=classes,
            in_channels=in_channels,
            track_running_stats=True,
        )


__all__ = ["TopologyNetwork", "executed_edges", "operation_module"]

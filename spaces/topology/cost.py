"""What an architecture's stand-alone network costs, counted as the benchmark's tables count it."""

from functools import cache
from typing import Literal

from spaces.cost import Cost, network_cost
from spaces.topology.architecture import EDGES, TopologyArchitecture
from spaces.topology.network import TopologyNetwork


def parameters_m(
    architecture: TopologyArchitecture, *, channels: int = 16, cells_per_stage: int = 5, classes: int = 10
) -> float:
    """Parameters of the network, in millions; those of edges that lead nowhere are included."""
    return _total(architecture, "parameters", channels, cells_per_stage, classes, 32) / 1e6


def flops_m(
    architecture: TopologyArchitecture,
    *,
    channels: int = 16,
    cells_per_stage: int = 5,
    classes: int = 10,
    resolution: int = 32,
) -> float:
    """Multiply-adds for one image of `resolution` x `resolution` pixels, in millions.

    Convolutions and the classifier (with its bias) count; batch norms, pooling and sums do not.
    """
    return _total(architecture, "multiply_adds", channels, cells_per_stage, classes, resolution) / 1e6


def _total(architecture: TopologyArchitecture, which: Literal["parameters", "multiply_adds"], *network: int) -> int:
    # Operations add up: the network without any, and what each operation adds on one edge.
    empty: int = getattr(_measured("none", *network), which)
    added = (getattr(_measured(operation, *network), which) - empty for operation in architecture.operations)
    return empty + sum(added) // len(EDGES)


@cache
def _measured(operation: str, channels: int, cells_per_stage: int, classes: int, resolution: int) -> Cost:
    """The cost of the network with the operation on all edges."""
    architecture = TopologyArchitecture((operation,) * len(EDGES))
    return network_cost(
        lambda: TopologyNetwork(architecture, channels=channels, cells_per_stage=cells_per_stage, classes=classes),
        (3, resolution, resolution),
    )


__all__ = ["flops_m", "parameters_m"]

"""What an architecture's stand-alone network costs, counted as the benchmark's tables count it."""

from functools import cache
from typing import Any

import torch
from torch import nn

from spaces.topology.architecture import EDGES, TopologyArchitecture
from spaces.topology.network import TopologyNetwork


def parameters_m(
    architecture: TopologyArchitecture, *, channels: int = 16, cells_per_stage: int = 5, classes: int = 10
) -> float:
    """Parameters of the network, in millions; those of edges that lead nowhere are included."""
    return _total(architecture, 0, channels, cells_per_stage, classes, 32) / 1e6


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
    return _total(architecture, 1, channels, cells_per_stage, classes, resolution) / 1e6


def _total(architecture: TopologyArchitecture, which: int, *network: int) -> int:
    # Operations add up: the network without any, and what each operation adds on one edge.
    empty = _measured("none", *network)[which]
    added = (_measured(operation, *network)[which] - empty for operation in architecture.operations)
    return empty + sum(added) // len(EDGES)


@cache
def _measured(operation: str, channels: int, cells_per_stage: int, classes: int, resolution: int) -> tuple[int, int]:
    """(parameters, multiply-adds) of the network with the operation on all edges."""
    architecture = TopologyArchitecture((operation,) * len(EDGES))
    with torch.device("meta"):
        network = TopologyNetwork(architecture, channels=channels, cells_per_stage=cells_per_stage, classes=classes)
        images = torch.empty(1, 3, resolution, resolution)
    multiply_adds = 0

    def count(module: nn.Module, inputs: Any, output: torch.Tensor) -> None:
        nonlocal multiply_adds
        if isinstance(module, nn.Conv2d):
            multiply_adds += output.numel() * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            multiply_adds += module.weight.numel() + module.bias.numel()

    for module in network.modules():
        module.register_forward_hook(count)
    network.eval()(images)
    return sum(parameter.numel() for parameter in network.parameters()), multiply_adds


__all__ = ["flops_m", "parameters_m"]

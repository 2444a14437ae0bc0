"""What a network costs: parameters and multiply-adds, counted without computing anything."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Cost:
    """Parameters of a network and its multiply-adds for one image."""

    parameters: int
    multiply_adds: int

    @property
    def parameters_m(self) -> float:
        """Parameters, in millions."""
        return self.parameters / 1e6

    @property
    def flops_m(self) -> float:
        """Multiply-adds for one image, in millions: what papers on architecture search call FLOPs."""
        return self.multiply_adds / 1e6


def network_cost(build: Callable[[], nn.Module], image_shape: tuple[int, int, int]) -> Cost:
    """The cost of the network that `build` makes, for one image of shape (C, H, W), in evaluation mode.

    Convolutions and linear layers count, the latter with their bias, as the tables of NATS-Bench and the papers of
    the DARTS space have it; batch norms, pooling, activations and sums do not. The network is built on the meta device,
    so that neither memory nor time nor random numbers are spent.
    """
    with torch.device("meta"):
        network = build()
        images = torch.empty(1, *image_shape)
    multiply_adds = 0

    def count(module: nn.Module, inputs: Any, output: Tensor) -> None:
        nonlocal multiply_adds
        if isinstance(module, nn.Conv2d):
            multiply_adds += output.numel() * module.weight[0].numel()
        elif isinstance(module, nn.Linear):
            multiply_adds += output.numel() * (module.in_features + (module.bias is not None))

    for module in network.modules():
        module.register_forward_hook(count)
    with torch.no_grad():
        network.eval()(images)
    return Cost(sum(parameter.numel() for parameter in network.parameters()), multiply_adds)


__all__ = ["Cost", "network_cost"]

"""The weights of supernets and the descent that moves them."""

from collections.abc import Sequence
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from methods.method import SettingsModel
from spaces.space import Batch, SuperNet

Gradients = Sequence[Tensor]
Mixture = Sequence[Tensor]


class WeightTraining:
    """Supernets whose weights descend by SGD, each with an optimiser of its own."""

    class Settings(SettingsModel):
        """The optimiser, and the arithmetic of the passes; weights and optimisers stay float32."""

        momentum: float = Field(0.9, ge=0, lt=1)  # RARTS, Section IV-A
        nesterov: bool = True  # NATS-Bench's recipe
        weight_decay: float = Field(5e-4, ge=0)  # RARTS, Section IV-A on NATS-Bench
        gradient_clip: float = Field(5.0, gt=0)  # DARTS, Appendix A.1.1: the norm of a network's gradient
        precision: Literal["float32", "bfloat16"] = "float32"

    def __init__(self, networks: Sequence[SuperNet], *, settings: Any) -> None:
        self.networks = list(networks)
        self.settings = settings
        self.weights = {network: list(network.parameters()) for network in self.networks}
        self.weight_optimisers = [
            torch.optim.SGD(
                self.weights[network],
                lr=settings.weight_learning_rate,
                momentum=settings.momentum,
                weight_decay=settings.weight_decay,
                nesterov=settings.nesterov and settings.momentum > 0,
            )
            for network in self.networks
        ]

    def set_weight_learning_rate(self, value: float) -> None:
        """eta_w (and eta_y) of the next step."""
        for optimiser in self.weight_optimisers:
            for group in optimiser.param_groups:
                group["lr"] = value

    def weight_gradients(self, network: SuperNet, batch: Batch, mixture: Mixture) -> tuple[Tensor, Gradients]:
        """(loss, its gradient in the network's weights); zeros in weights that the mixture does not use."""
        loss = self.loss(network, batch, mixture)
        return loss.detach(), gradients([loss], self.weights[network])

    def loss(self, network: SuperNet, batch: Batch, mixture: Mixture) -> Tensor:
        """The network's loss of the batch, in the arithmetic that the settings ask for."""
        reduced = self.settings.precision == "bfloat16"
        with torch.autocast(mixture[0].device.type, torch.bfloat16, enabled=reduced, cache_enabled=False):
            return network.loss(batch, mixture)

    def move_weights(self, index: int, gradient: Gradients) -> None:
        """One optimiser step of network `index` along `gradient`, clipped to the norm `gradient_clip`."""
        weights = self.weights[self.networks[index]]
        descend(self.weight_optimisers[index], weights, gradient, clip=self.settings.gradient_clip)

    def state_dict(self) -> dict[str, Any]:
        """Weights and optimisers."""
        return {
            "networks": [network.state_dict() for network in self.networks],
            "weight_optimisers": [optimiser.state_dict() for optimiser in self.weight_optimisers],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a saved state."""
        for network, saved in zip(self.networks, state["networks"], strict=True):
            network.load_state_dict(saved)
        for optimiser, saved in zip(self.weight_optimisers, state["weight_optimisers"], strict=True):
            optimiser.load_state_dict(saved)


def gradients(
    values: Sequence[Tensor],
    variables: Sequence[Tensor],
    of_values: Sequence[Tensor] | None = None,
    *,
    retain_graph: bool = False,
) -> list[Tensor]:
    """d values / d variables; zeros for variables that no value depends on (operations not executed)."""
    chosen = [index for index, value in enumerate(values) if value.requires_grad]
    if not chosen:
        return [torch.zeros_like(variable) for variable in variables]
    found = torch.autograd.grad(
        [values[index] for index in chosen],
        variables,
        None if of_values is None else [of_values[index] for index in chosen],
        retain_graph=retain_graph,
        allow_unused=True,
    )
    return [torch.zeros_like(v) if g is None else g for v, g in zip(variables, found, strict=True)]


def descend(
    optimiser: torch.optim.Optimizer, parameters: Sequence[Tensor], gradient: Gradients, *, clip: float | None
) -> None:
    """One step of the optimiser along the gradient, whose norm is clipped where `clip` is given."""
    for parameter, part in zip(parameters, gradient, strict=True):
        parameter.grad = part.to(memory_format=torch.preserve_format)
    if clip is not None:
        torch.nn.utils.clip_grad_norm_(parameters, clip)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)


__all__ = ["Gradients", "Mixture", "WeightTraining", "descend", "gradients"]

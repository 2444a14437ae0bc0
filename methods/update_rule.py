"""What every update rule is made of: gradients of one pass, and optimiser steps along given gradients.

Letters: w = weights of the network trained on D_t, y = weights of RARTS' primary network, a = alpha.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from methods.cuda_graph import CudaGraphs
from methods.method import Metrics, SettingsModel
from methods.part import Part
from methods.regulariser import Regulariser
from methods.relaxation import Relaxation
from methods.side_by_side import SideBySide
from spaces.space import Batch, SuperNet

Gradients = Sequence[Tensor]
Mixture = Sequence[Tensor]


class OptimiserSettings(SettingsModel):
    """The optimisers of the weights (SGD) and of alpha (Adam, or plain SGD as in the theory)."""

    momentum: float = Field(0.9, ge=0, lt=1)  # RARTS, Section IV-A
    nesterov: bool = True  # NATS-Bench's recipe
    weight_decay: float = Field(5e-4, ge=0)  # RARTS, Section IV-A on NATS-Bench
    gradient_clip: float = Field(5.0, gt=0)  # DARTS, Appendix A.1.1: the norm of a network's gradient
    alpha_optimiser: Literal["adam", "sgd"] = "adam"
    alpha_learning_rate: float = Field(3e-4, gt=0)  # RARTS, Section IV-A
    alpha_weight_decay: float = Field(1e-3, ge=0)  # RARTS, Section IV-A
    alpha_beta1: float = Field(0.5, ge=0, lt=1)  # DARTS, Appendix A.1.1
    alpha_beta2: float = Field(0.999, ge=0, lt=1)  # DARTS, Appendix A.1.1


class UpdateRule(Part, ABC):
    """Whose gradient moves what, and in which order.

    `networks` start from the same weights; all share `alphas`, whose mixture weights come from `relaxation`.
    With `graphs`, passes are replayed from CUDA graphs.
    """

    networks_needed: ClassVar[int] = 1

    class Settings(OptimiserSettings, Part.Settings):
        """The optimisers' settings, and the arithmetic of the passes; weights, alpha and optimisers stay float32."""

        precision: Literal["float32", "bfloat16"] = "float32"

    def __init__(
        self,
        networks: Sequence[SuperNet],
        alphas: Sequence[Tensor],
        *,
        relaxation: Relaxation,
        regularisers: Sequence[Regulariser],
        settings: Any,
    ) -> None:
        self.networks = list(networks)
        self.alphas = list(alphas)
        self.relaxation = relaxation
        self.regularisers = regularisers
        self.settings = settings
        for network in self.networks:
            network.dense = relaxation.dense and relaxation.allowed is None
        self.weights = {network: list(network.parameters()) for network in self.networks}
        self.graphs: CudaGraphs | None = None
        self.side_by_side = SideBySide(self.alphas[0].device, places=len(self.networks))
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
        self.alpha_optimiser = self.make_alpha_optimiser()

    def make_alpha_optimiser(self) -> torch.optim.Optimizer:
        """Adam as in DARTS, or plain SGD."""
        settings = self.settings
        if settings.alpha_optimiser == "adam":
            return torch.optim.Adam(
                self.alphas,
                lr=settings.alpha_learning_rate,
                betas=(settings.alpha_beta1, settings.alpha_beta2),
                weight_decay=settings.alpha_weight_decay,
            )
        return torch.optim.SGD(self.alphas, lr=settings.alpha_learning_rate, weight_decay=settings.alpha_weight_decay)

    @abstractmethod
    def step(self, train: Batch, validation: Batch, *, alpha_moves: bool) -> Metrics:
        """One iteration on a batch of D_t and one of D_v; alpha stays as it is unless `alpha_moves`."""

    def set_weight_learning_rate(self, value: float) -> None:
        """eta_w (and eta_y) of the next step."""
        for optimiser in self.weight_optimisers:
            for group in optimiser.param_groups:
                group["lr"] = value

    def weight_gradients(
        self, network: SuperNet, batch: Batch, mixture: Mixture | None = None
    ) -> tuple[Tensor, Gradients]:
        """(loss, its gradient in the network's weights); no gradient in alpha is computed."""
        loss, found, _ = self._pass(network, batch, mixture, weights=True, alpha=False)
        return loss, found

    def alpha_gradients(
        self, network: SuperNet, batch: Batch, mixture: Mixture | None = None
    ) -> tuple[Tensor, Gradients]:
        """(loss, its gradient in alpha); no gradient in the weights is computed, nor is anything kept for one."""
        loss, _, found = self._pass(network, batch, mixture, weights=False, alpha=True)
        return loss, found

    def all_gradients(
        self, network: SuperNet, batch: Batch, mixture: Mixture | None = None
    ) -> tuple[Tensor, Gradients, Gradients]:
        """(loss, its gradient in the weights, its gradient in alpha) from one pass."""
        return self._pass(network, batch, mixture, weights=True, alpha=True)

    def _pass(
        self, network: SuperNet, batch: Batch, mixture: Mixture | None, *, weights: bool, alpha: bool
    ) -> tuple[Tensor, Gradients, Gradients]:
        """One forward and one backward; the gradient in alpha is that in the mixture, handed through the relaxation."""
        mixture = self.relaxation(self.alphas, for_alpha=alpha) if mixture is None else mixture
        count = len(self.weights[network]) if weights else 0

        def run(inputs: Tensor, targets: Tensor, *mixed: Tensor) -> list[Tensor]:
            leaves = [part.detach().requires_grad_(alpha) for part in mixed]
            for weight in self.weights[network]:
                weight.requires_grad_(weights)
            try:
                loss = self.loss(network, Batch(inputs, targets), leaves)
                found = gradients([loss], [*self.weights[network][:count], *(leaves if alpha else ())])
            finally:
                for weight in self.weights[network]:
                    weight.requires_grad_(True)
            return [loss.detach(), *found]

        tensors = batch.inputs, batch.targets, *mixture
        call = partial(self.graphs, (network, weights, alpha), run) if self.graphs else run
        loss, *found = call(*tensors)
        # Kept, since a second derivative asks the same sample twice.
        of_alpha = gradients(mixture, self.alphas, found[count:], retain_graph=True) if alpha else ()
        return loss, found[:count], of_alpha

    def loss(self, network: SuperNet, batch: Batch, mixture: Mixture) -> Tensor:
        """The network's loss of the batch, in the arithmetic that the settings ask for."""
        reduced = self.settings.precision == "bfloat16"
        with torch.autocast(self.alphas[0].device.type, torch.bfloat16, enabled=reduced, cache_enabled=False):
            return network.loss(batch, mixture)

    def of_every_network(self, gradients_of: Callable[..., Any], *batches: Batch) -> list[Any]:
        """`gradients_of` every network on its batch, side by side; what is random is drawn before, in order."""
        for_alpha = gradients_of != self.weight_gradients
        passes = [
            partial(gradients_of, network, batch, self.relaxation(self.alphas, for_alpha=for_alpha))
            for network, batch in zip(self.networks, batches, strict=True)
        ]
        return self.side_by_side(passes)

    def penalty_gradients(self) -> Gradients:
        """The gradient of all regularisers in alpha."""
        with torch.enable_grad():
            preferences = self.relaxation.preferences(self.alphas)
            terms = (regulariser(self.alphas, preferences) for regulariser in self.regularisers)
            penalty = sum(terms, self.alphas[0].sum() * 0)
        return gradients([penalty], self.alphas)

    def move_weights(self, index: int, gradient: Gradients) -> None:
        """One optimiser step of network `index` along `gradient`, clipped to the norm `gradient_clip`."""
        weights = self.weights[self.networks[index]]
        _step(self.weight_optimisers[index], weights, gradient, clip=self.settings.gradient_clip)

    def move_alpha(self, *terms: Gradients) -> None:
        """One optimiser step of alpha along the sum of the terms and of the regularisers' gradient."""
        total = [torch.stack(parts).sum(0) for parts in zip(*terms, self.penalty_gradients(), strict=True)]
        _step(self.alpha_optimiser, self.alphas, total, clip=None)

    def state_dict(self) -> dict[str, Any]:
        """Weights and optimisers (alpha is the method's)."""
        return {
            "networks": [network.state_dict() for network in self.networks],
            "weight_optimisers": [optimiser.state_dict() for optimiser in self.weight_optimisers],
            "alpha_optimiser": self.alpha_optimiser.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a saved state."""
        for network, saved in zip(self.networks, state["networks"], strict=True):
            network.load_state_dict(saved)
        for optimiser, saved in zip(self.weight_optimisers, state["weight_optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.alpha_optimiser.load_state_dict(state["alpha_optimiser"])


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


def _step(
    optimiser: torch.optim.Optimizer, parameters: Sequence[Tensor], gradient: Gradients, *, clip: float | None
) -> None:
    for parameter, part in zip(parameters, gradient, strict=True):
        parameter.grad = part.to(memory_format=torch.preserve_format)
    if clip is not None:
        torch.nn.utils.clip_grad_norm_(parameters, clip)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)

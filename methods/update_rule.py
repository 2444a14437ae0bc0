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
from methods.method import Metrics
from methods.part import Part
from methods.regulariser import Regulariser
from methods.relaxation import Relaxation
from methods.side_by_side import SideBySide
from methods.weight_training import Gradients, Mixture, WeightTraining, descend, gradients
from spaces.space import Batch, SuperNet


class UpdateRule(WeightTraining, Part, ABC):
    """Whose gradient moves what, and in which order.

    `networks` start from the same weights; all share `alphas`, whose mixture weights come from `relaxation`.
    With `graphs`, passes are replayed from CUDA graphs.
    """

    networks_needed: ClassVar[int] = 1

    class Settings(Part.Settings, WeightTraining.Settings):
        """The optimisers of the weights (SGD) and of alpha (Adam, or plain SGD as in the theory); alpha is float32."""

        alpha_optimiser: Literal["adam", "sgd"] = "adam"
        alpha_learning_rate: float = Field(3e-4, gt=0)  # RARTS, Section IV-A
        alpha_weight_decay: float = Field(1e-3, ge=0)  # RARTS, Section IV-A
        alpha_beta1: float = Field(0.5, ge=0, lt=1)  # DARTS, Appendix A.1.1
        alpha_beta2: float = Field(0.999, ge=0, lt=1)  # DARTS, Appendix A.1.1

    def __init__(
        self,
        networks: Sequence[SuperNet],
        alphas: Sequence[Tensor],
        *,
        relaxation: Relaxation,
        regularisers: Sequence[Regulariser],
        settings: Any,
    ) -> None:
        super().__init__(networks, settings=settings)
        self.alphas = list(alphas)
        self.relaxation = relaxation
        self.regularisers = regularisers
        for network in self.networks:
            network.dense = relaxation.dense and relaxation.allowed is None
        self.graphs: CudaGraphs | None = None
        self.side_by_side = SideBySide(self.alphas[0].device, places=len(self.networks))
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

    def move_alpha(self, *terms: Gradients) -> None:
        """One optimiser step of alpha along the sum of the terms and of the regularisers' gradient."""
        total = [torch.stack(parts).sum(0) for parts in zip(*terms, self.penalty_gradients(), strict=True)]
        before = [alpha.detach().clone() for alpha in self.alphas]
        descend(self.alpha_optimiser, self.alphas, total, clip=None)
        with torch.no_grad():
            self.relaxation.settle(self.alphas, before)

    def state_dict(self) -> dict[str, Any]:
        """Weights and optimisers (alpha is the method's)."""
        return {**super().state_dict(), "alpha_optimiser": self.alpha_optimiser.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a saved state."""
        super().load_state_dict(state)
        self.alpha_optimiser.load_state_dict(state["alpha_optimiser"])

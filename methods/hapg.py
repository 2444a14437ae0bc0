"""SparseNAS' update rules: (Adam)HAPG moves alpha under a growing sparse group lasso (Wu et al. 2021, Algorithm 1)."""

from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor

from methods import proximal
from methods.method import Metrics
from methods.second_order import SecondOrder
from spaces.space import Batch

if TYPE_CHECKING:
    from methods.parts import Parts


class Hapg(SecondOrder):
    """SparseNAS: second-order gradients, alpha pruned by HAPG; operations entering one node form a group.

    The sparse group lasso's strength (lambda) grows linearly from 0 to `sparsity_strength` over the search. Operations
    of weight zero stay part of the supernet's passes, so that they have a gradient, as Eq. 6 needs: an operation
    returns when its gradient exceeds the thresholds of Eq. 9 and 10, and as long as its momentum carries it.
    The paper does not say whether t in u_t counts iterations or epochs; here it grows to `momentum_epochs`.
    """

    adaptive: ClassVar[bool] = False

    class Settings(SecondOrder.Settings):
        """The penalty; alpha's optimiser is HAPG, without weight decay, which Eq. 2 does not have."""

        alpha_optimiser: Literal["hapg"] = "hapg"  # type: ignore[assignment]
        alpha_weight_decay: float = Field(0.0, ge=0)
        sparsity_strength: float = Field(0.5, ge=0)  # SparseNAS, "Effect of lambda": 0.01 an epoch, DARTS' 50 epochs
        momentum_epochs: int = Field(50, ge=1)  # DARTS, Section 3.1; as many as steps: t counts iterations
        sparsity_mixing: float = Field(0.5, ge=0, le=1)  # SparseNAS, Table 4: the share of the l1 norm

    @classmethod
    def misfit(cls, parts: "Parts") -> str:
        """A softmax of a pruned alpha is not zero."""
        if parts.relaxation.exact_zeros:
            return ""
        return "HAPG prunes the weights that operations are multiplied with: use it with linear weights"

    def make_alpha_optimiser(self) -> torch.optim.Optimizer:
        """(Adam)HAPG, its penalty still at zero."""
        settings = self.settings
        options: dict[str, Any] = {
            "groups": self._groups(),
            "mixing": settings.sparsity_mixing,
            "weight_decay": settings.alpha_weight_decay,
            "period": -(-settings.steps // settings.momentum_epochs),
        }
        if self.adaptive:
            betas = settings.alpha_beta1, settings.alpha_beta2
            return proximal.AdamHapg(self.alphas, settings.alpha_learning_rate, betas=betas, **options)
        return proximal.Hapg(self.alphas, settings.alpha_learning_rate, **options)

    def step(self, train: Batch, validation: Batch, *, alpha_moves: bool) -> Metrics:
        """Weights on D_t, then alpha under today's penalty; also tells the share of operations that are pruned."""
        strength = self.settings.sparsity_strength * self.relaxation.progress
        self.alpha_optimiser.param_groups[0]["strength"] = strength
        metrics = super().step(train, validation, alpha_moves=alpha_moves)
        pruned = torch.cat([alpha.detach().eq(0).flatten() for alpha in self.alphas])
        return {**metrics, "pruned_ratio": pruned.double().mean().item()}

    def _groups(self) -> list[Tensor]:
        """The label of each entry's group: the node that its edge leads to; where there are no nodes, its row."""
        edges = self.relaxation.edges or [[(row, row) for row in range(len(alpha))] for alpha in self.alphas]
        return [
            torch.tensor([target for target, _ in rows])[:, None].expand(alpha.shape)
            for alpha, rows in zip(self.alphas, edges, strict=True)
        ]


class AdamHapg(Hapg):
    """SparseNAS: second-order gradients, alpha pruned by AdamHAPG; operations entering one node form a group."""

    adaptive: ClassVar[bool] = True


__all__ = ["AdamHapg", "Hapg"]

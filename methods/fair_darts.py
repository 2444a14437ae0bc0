"""FairDARTS: operations do not compete (Chu et al., "Fair DARTS", ECCV 2020)."""

from collections.abc import Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from methods.discretisation import Discretisation
from methods.part import Part, needs_gates
from methods.parts import Parts
from methods.regulariser import Regulariser
from methods.relaxation import Relaxation
from spaces.space import Space


class Sigmoid(Relaxation):
    """m = sigmoid(alpha), for every operation on its own (FairDARTS, Section 3.2)."""

    gates = True

    def mixture(self, alpha: Tensor) -> Tensor:
        """The sigmoid of every entry."""
        return torch.sigmoid(alpha)

    def preference(self, alpha: Tensor) -> Tensor:
        """The same."""
        return torch.sigmoid(alpha)


class ZeroOne(Regulariser):
    """-w / N * sum (sigmoid(alpha) - 0.5)^2, which drives the weights to zero or one (FairDARTS, Eq. 7)."""

    weight = "zero_one"

    class Settings(Part.Settings):
        """The loss's weight."""

        zero_one: float = Field(10.0, ge=0)  # FairDARTS, Section 4.1

    @classmethod
    def misfit(cls, parts: Parts) -> str:
        """Weights that share one sum cannot all be zero or one."""
        return needs_gates(parts, "the zero-one loss")

    def __call__(self, alphas: Sequence[Tensor], preferences: Sequence[Tensor]) -> Tensor:
        """The loss, never positive."""
        every = torch.cat([preference.flatten() for preference in preferences])
        penalty: Tensor = -self.settings.zero_one * ((every - 0.5) ** 2).mean()
        return penalty


class Threshold(Discretisation):
    """The operations above a threshold, at most one an edge and as many edges a node as the space allows.

    Where nothing in a cell is above it, the cell keeps its strongest operation alone: the paper has no word on it.
    """

    exact_zeros = True

    class Settings(Part.Settings):
        """The least weight of an operation that is kept."""

        threshold: float = Field(0.85, gt=0, lt=1)  # FairDARTS, Section 4.1

    @classmethod
    def misfit(cls, parts: Parts) -> str:
        """Weights that share one sum fall with the number of operations."""
        return needs_gates(parts, "a threshold")

    def __call__(self, space: Space, scores: Sequence[Tensor]) -> Any:
        """Scores below the threshold count as zero, which stands for no operation."""
        zeros = space.marks(scores, "none".__eq__)
        return space.discretise(
            [self._above(score.masked_fill(zero, 0)) for score, zero in zip(scores, zeros, strict=True)]
        )

    def _above(self, score: Tensor) -> Tensor:
        kept = score.masked_fill(score < self.settings.threshold, 0)
        return kept if kept.any() else score.masked_fill(score < score.max(), 0)

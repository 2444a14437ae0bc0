"""beta-DARTS: a penalty on what softmax(alpha) is divided by (Ye et al., "beta-DARTS", CVPR 2022)."""

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from methods.part import Part
from methods.parts import Parts
from methods.regulariser import Regulariser
from methods.relaxation import Softmax


class BetaDecay(Regulariser):
    """lambda * mean over edges of log sum exp(alpha), lambda rising linearly from 0 (beta-DARTS, Eq. 13-14)."""

    weight = "beta_decay"

    class Settings(Part.Settings):
        """lambda at the end of the search."""

        beta_decay: float = Field(50.0, ge=0)  # beta-DARTS, Section 4.1

    @classmethod
    def misfit(cls, parts: Parts) -> str:
        """It regularises what a softmax does with alpha."""
        return (
            ""
            if issubclass(parts.relaxation, Softmax)
            else "beta decay regularises the softmax's divisor: use it with softmax"
        )

    def __call__(self, alphas: Sequence[Tensor], preferences: Sequence[Tensor]) -> Tensor:
        """The penalty at this moment of the search."""
        smooth_maximum = torch.cat([torch.logsumexp(alpha, dim=-1) for alpha in alphas]).mean()
        penalty: Tensor = self.progress * self.settings.beta_decay * smooth_maximum
        return penalty

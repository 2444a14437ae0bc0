"""SparseNAS' discretisation: what the search has not pruned (Wu et al. 2021, below Eq. 3)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import Tensor

from methods.discretisation import Discretisation
from spaces.space import Space

if TYPE_CHECKING:
    from methods.parts import Parts


class KeepSupport(Discretisation):
    """The operations whose weight is not exactly zero; where the space has one an edge, that of the largest weight.

    Weights count by their magnitude, and the zero operation, whatever its weight, as nothing.
    """

    @classmethod
    def misfit(cls, parts: "Parts") -> str:
        """All operations would be kept."""
        if parts.relaxation.exact_zeros:
            return ""
        return "keeping the support needs weights that can be exactly zero: use it with linear weights"

    def __call__(self, space: Space, scores: Sequence[Tensor]) -> Any:
        """The architecture of the magnitudes."""
        zeros = space.marks(scores, "none".__eq__)
        return space.discretise([score.abs().masked_fill(zero, 0) for score, zero in zip(scores, zeros, strict=True)])


__all__ = ["KeepSupport"]

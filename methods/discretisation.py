"""Discretisations: from the relaxation's scores to one architecture."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from torch import Tensor

from methods.method import Metrics
from methods.part import Part
from methods.relaxation import Edges
from spaces.space import Space

if TYPE_CHECKING:
    from methods.differentiable import DifferentiableMethod


class Discretisation(Part, ABC):
    """scores (E, O) -> architecture."""

    exact_zeros: ClassVar[bool] = False  # whether weak operations are given a score of zero
    selects: ClassVar[bool] = False  # whether steps after the search choose the operations

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @abstractmethod
    def __call__(self, space: Space, scores: Sequence[Tensor]) -> Any:
        """The architecture that the scores stand for."""

    def steps(self, edges: Sequence[Edges]) -> int:
        """How many steps after the search `select` takes, for alphas whose rows are these edges."""
        return 0

    def select(self, method: "DifferentiableMethod", step: int) -> Metrics:
        """One of these steps."""
        raise NotImplementedError

    def state_dict(self) -> dict[str, Any]:
        """What `select` remembers."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""


class Argmax(Discretisation):
    """The strongest operation of every edge."""

    class Settings(Part.Settings):
        """Which operations may be chosen."""

        allow_none: bool = True  # NAS-Bench-201's rule; false is DARTS' rule, which never chooses the zero operation

    def __call__(self, space: Space, scores: Sequence[Tensor]) -> Any:
        """The argmax over the allowed operations of each edge."""
        if self.settings.allow_none:
            return space.discretise(scores)
        zeros = zip(scores, space.marks(scores, "none".__eq__), strict=True)
        return space.discretise([score.masked_fill(zero, -torch.inf) for score, zero in zeros])

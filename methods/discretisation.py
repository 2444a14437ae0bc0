"""Discretisations: from the relaxation's scores to one architecture."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from methods.method import SettingsModel
from spaces.space import Space


class Discretisation(ABC):
    """scores (E, O) -> architecture."""

    class Settings(SettingsModel):
        """No settings."""

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @abstractmethod
    def __call__(self, space: Space, scores: Sequence[Tensor]) -> Any:
        """The architecture that the scores stand for."""


class Argmax(Discretisation):
    """The strongest operation of every edge."""

    class Settings(SettingsModel):
        """Which operations may be chosen."""

        allow_none: bool = True  # NAS-Bench-201's rule; false is DARTS' rule, which never chooses the zero operation

    def __call__(self, space: Space, scores: Sequence[Tensor]) -> Any:
        """The argmax over the allowed operations of each edge."""
        if self.settings.allow_none:
            return space.discretise(scores)
        allowed = torch.tensor([name != "none" for name in space.operation_names], device=scores[0].device)
        return space.discretise([score.masked_fill(~allowed, -torch.inf) for score in scores])

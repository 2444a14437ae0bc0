"""Penalties on the architecture parameters: gamma * P(alpha)."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from methods.method import Task
from methods.part import Part
from spaces.errors import InputError


class Regulariser(Part, ABC):
    """A differentiable scalar function of alpha that is added to the architecture's loss."""

    weight: ClassVar[str]  # the setting that the penalty is multiplied by

    def __init__(self, settings: Any, task: Task) -> None:
        self.settings = settings
        self.task = task
        self.progress = 0.0  # the share of the search that is done

    @abstractmethod
    def __call__(self, alphas: Sequence[Tensor], preferences: Sequence[Tensor]) -> Tensor:
        """The weighted penalty, a scalar, of alpha and what the relaxation makes of it, see `Relaxation.preference`."""


class Latency(Regulariser):
    """gamma * sum over edges of <p(alpha_edge), Lat_edge> (RARTS, Eq. 5; gamma: thesis, Eq. 2.11).

    p is the relaxation's preference, the papers' softmax. Lat is in milliseconds and has the shape of alpha.
    """

    weight = "gamma"

    class Settings(Regulariser.Settings):
        """The latency weight."""

        gamma: float = Field(0.0, ge=0)  # RARTS, Section IV-A uses 0.002 on the DARTS space

    def __init__(self, settings: Any, task: Task) -> None:
        super().__init__(settings, task)
        if settings.gamma > 0 and task.operation_latency is None:
            raise InputError(
                f"gamma={settings.gamma} needs the latency of every operation, which the space "
                f"'{task.space.name}' does not have: use gamma=0"
            )

    def __call__(self, alphas: Sequence[Tensor], preferences: Sequence[Tensor]) -> Tensor:
        """gamma * <p(alpha), Lat>."""
        if self.settings.gamma == 0 or self.task.operation_latency is None:
            return alphas[0].new_zeros(())
        terms = [
            (preference * latency.to(preference)).sum()
            for preference, latency in zip(preferences, self.task.operation_latency, strict=True)
        ]
        penalty: Tensor = self.settings.gamma * torch.stack(terms).sum()
        return penalty

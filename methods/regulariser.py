"""Penalties on the architecture parameters: gamma * P(alpha)."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from methods.method import SettingsModel, Task
from spaces.errors import InputError


class Regulariser(ABC):
    """A differentiable scalar function of alpha that is added to the architecture's loss."""

    class Settings(SettingsModel):
        """No settings."""

    def __init__(self, settings: Any, task: Task) -> None:
        self.settings = settings
        self.task = task

    @abstractmethod
    def __call__(self, alphas: Sequence[Tensor]) -> Tensor:
        """The weighted penalty, a scalar."""


class Latency(Regulariser):
    """gamma * sum over edges of <softmax(alpha_edge), Lat_edge> (RARTS, Eq. 5; gamma: thesis, Eq. 2.11).

    Lat is in milliseconds and has the shape of alpha.
    """

    class Settings(SettingsModel):
        """The latency weight."""

        gamma: float = Field(0.0, ge=0)  # RARTS, Section IV-A uses 0.002 on the DARTS space

    def __init__(self, settings: Any, task: Task) -> None:
        super().__init__(settings, task)
        if settings.gamma > 0 and task.operation_latency is None:
            raise InputError(
                f"gamma={settings.gamma} needs the latency of every operation, which the space "
                f"'{task.space.name}' does not have: use gamma=0"
            )

    def __call__(self, alphas: Sequence[Tensor]) -> Tensor:
        """gamma * <softmax(alpha), Lat>."""
        if self.settings.gamma == 0 or self.task.operation_latency is None:
            return alphas[0].new_zeros(())
        terms = [
            (torch.softmax(alpha, dim=-1) * latency.to(alpha)).sum()
            for alpha, latency in zip(alphas, self.task.operation_latency, strict=True)
        ]
        return self.settings.gamma * torch.stack(terms).sum()

"""Relaxations: how architecture parameters become the mixture weights that a supernet is called with.

E = edges, O = operations; every alpha and every mixture is an (E, O) tensor.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from methods.method import SettingsModel


class Relaxation(ABC):
    """alpha -> mixture weights, differentiable in alpha."""

    dense: ClassVar[bool] = True  # whether no mixture weight is zero but by underflow

    class Settings(SettingsModel):
        """No settings."""

    def __init__(self, settings: Any, generator: torch.Generator) -> None:
        self.settings = settings
        self.generator = generator
        self.progress = 0.0  # the share of the search that is done, for annealed temperatures

    @abstractmethod
    def mixture(self, alpha: Tensor) -> Tensor:
        """The mixture weights (E, O) of one forward pass."""

    def __call__(self, alphas: Sequence[Tensor]) -> list[Tensor]:
        """The mixture weights of every alpha."""
        return [self.mixture(alpha) for alpha in alphas]

    def scores(self, alphas: Sequence[Tensor]) -> list[Tensor]:
        """What discretisation ranks by: the noiseless preference for each operation, (E, O)."""
        return [torch.softmax(alpha.detach(), dim=-1) for alpha in alphas]


class Softmax(Relaxation):
    """m = softmax(alpha) on every edge (DARTS, Liu et al. 2019, Eq. 2)."""

    def mixture(self, alpha: Tensor) -> Tensor:
        """The softmax over the operations of each edge."""
        return torch.softmax(alpha, dim=-1)


class Identity(Relaxation):
    """m = alpha: for architecture parameters that multiply directly (channel scores, the quadratic model)."""

    def mixture(self, alpha: Tensor) -> Tensor:
        """alpha itself."""
        return alpha * 1.0

    def scores(self, alphas: Sequence[Tensor]) -> list[Tensor]:
        """alpha itself."""
        return [alpha.detach() for alpha in alphas]


class GumbelSoftmax(Relaxation):
    """m = softmax((log softmax(alpha) + g) / tau), g ~ Gumbel(0, 1) (SNAS, Xie et al. 2019, Eq. 4)."""

    class Settings(Relaxation.Settings):
        """A temperature annealed linearly over the search."""

        temperature_start: float = Field(10.0, gt=0)  # GDAS, Section 4.1
        temperature_end: float = Field(0.1, gt=0)  # GDAS, Section 4.1

    @property
    def temperature(self) -> float:
        """tau, annealed linearly from its start to its end over the search."""
        start, end = self.settings.temperature_start, self.settings.temperature_end
        return start + (end - start) * self.progress

    def mixture(self, alpha: Tensor) -> Tensor:
        """One sample of the relaxed categorical distribution per edge."""
        # Drawn on the CPU, so that every device sees the same noise; -log(Exponential(1)) is Gumbel(0, 1).
        exponential = torch.empty(alpha.shape, dtype=alpha.dtype).exponential_(generator=self.generator)
        gumbel = -exponential.log().to(alpha.device)
        return torch.softmax((torch.log_softmax(alpha, dim=-1) + gumbel) / self.temperature, dim=-1)


class HardGumbel(GumbelSoftmax):
    """One-hot Gumbel samples with the straight-through gradient (GDAS, Dong and Yang 2019, Eq. 3-7).

    Exactly one operation of each edge has a non-zero weight, so the supernet runs only that one.
    """

    dense = False

    def mixture(self, alpha: Tensor) -> Tensor:
        """The one-hot argmax of a Gumbel-softmax sample; its gradient is that of the sample."""
        soft = super().mixture(alpha)
        hard = torch.zeros_like(soft).scatter_(-1, soft.argmax(dim=-1, keepdim=True), 1.0)
        return _StraightThrough.apply(soft, hard)


class _StraightThrough(torch.autograd.Function):
    """Forward: the hard sample, exactly. Backward: identity on the soft one."""

    @staticmethod
    def forward(ctx: Any, soft: Tensor, hard: Tensor) -> Tensor:
        """The hard sample."""
        return hard

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """The gradient of the hard sample, handed to the soft one."""
        return gradients[0], None

"""Relaxations: how architecture parameters become the mixture weights that a supernet is called with.

E = edges, O = operations; every alpha and every mixture is an (E, O) tensor.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor

from methods.part import Part

Edges = Sequence[tuple[int, int]]


class Relaxation(Part, ABC):
    """alpha -> mixture weights, differentiable in alpha."""

    dense: ClassVar[bool] = True  # whether no mixture weight is zero but by underflow
    gates: ClassVar[bool] = False  # whether an operation has a probability of its own, whatever the others have

    exact_zeros: ClassVar[bool] = False  # whether preferences can be exactly zero

    def __init__(self, settings: Any, generator: torch.Generator, edges: Sequence[Edges] = ()) -> None:
        self.settings = settings
        self.generator = generator
        self.edges = edges  # (target, source) of every row of every alpha
        self.progress = 0.0  # the share of the search that is done, for annealed temperatures
        self.for_alpha = True  # whether the pass that asks for a mixture moves alpha, rather than weights alone
        self.allowed: list[Tensor] | None = None  # (E, O), True for the operations that are left; None: all

    @property
    def supernet_settings(self) -> dict[str, int]:
        """What the relaxation asks of the supernet, beside the space's settings."""
        return {}

    def parameters(self, alphas: Sequence[Tensor]) -> list[Tensor]:
        """What is searched, to start from: the space's alphas, and what the relaxation adds to them."""
        return list(alphas)

    @abstractmethod
    def mixture(self, alpha: Tensor) -> Tensor:
        """The mixture weights (E, O) of one forward pass."""

    def preference(self, alpha: Tensor) -> Tensor:
        """The noiseless preference for each operation, (E, O): a probability, unless alpha multiplies directly."""
        return torch.softmax(alpha, dim=-1)

    def settle(self, alphas: Sequence[Tensor], before: Sequence[Tensor]) -> None:
        """Put right, in place, what a step has moved alpha to from where it was before; most leave it as it is."""

    def __call__(self, alphas: Sequence[Tensor], *, for_alpha: bool = True) -> list[Tensor]:
        """The mixture weights of every alpha."""
        self.for_alpha = for_alpha
        return [self.mixture(alpha) for alpha in self.masked(alphas)]

    def preferences(self, alphas: Sequence[Tensor]) -> list[Tensor]:
        """What regularisers look at, differentiable in alpha."""
        return [self.preference(alpha) for alpha in self.masked(alphas)]

    def scores(self, alphas: Sequence[Tensor]) -> list[Tensor]:
        """What discretisation ranks by: the preferences, without gradients."""
        return [preference.detach() for preference in self.preferences(alphas)]

    def masked(self, alphas: Sequence[Tensor]) -> list[Tensor]:
        """The alphas with minus infinity, which makes a mixture weight of zero, for operations that are not left."""
        if self.allowed is None:
            return list(alphas)
        return [alpha.masked_fill(~left, -torch.inf) for alpha, left in zip(alphas, self.allowed, strict=True)]


class Softmax(Relaxation):
    """m = softmax(alpha) on every edge (DARTS, Liu et al. 2019, Eq. 2)."""

    def mixture(self, alpha: Tensor) -> Tensor:
        """The softmax over the operations of each edge."""
        return torch.softmax(alpha, dim=-1)


class Identity(Relaxation):
    """m = alpha: for architecture parameters that multiply directly (channel scores, the quadratic model)."""

    exact_zeros = True

    def mixture(self, alpha: Tensor) -> Tensor:
        """alpha itself."""
        return alpha * 1.0

    def preference(self, alpha: Tensor) -> Tensor:
        """alpha itself."""
        return alpha


class Linear(Identity):
    """m = alpha, all candidates of an edge starting with about the same share (SparseNAS, Wu et al. 2021, Eq. 1)."""

    def parameters(self, alphas: Sequence[Tensor]) -> list[Tensor]:
        """The space's alphas, moved to a mean of 1 / O on every edge: near zero, batch norms would undo any weight."""
        return [alpha - alpha.mean(dim=-1, keepdim=True) + 1 / alpha.shape[-1] for alpha in alphas]


class AnnealedTemperature(Relaxation):
    """A temperature that falls linearly over the search."""

    class Settings(Relaxation.Settings):
        """The temperature at the start and at the end."""

        temperature_start: float = Field(10.0, gt=0)  # GDAS, Section 4.1; PR-DARTS, Section 5.1
        temperature_end: float = Field(0.1, gt=0)  # GDAS, Section 4.1; PR-DARTS, Section 5.1

    @property
    def temperature(self) -> float:
        """tau, annealed linearly from its start to its end over the search."""
        start, end = self.settings.temperature_start, self.settings.temperature_end
        return start + (end - start) * self.progress


class GumbelSoftmax(AnnealedTemperature):
    """m = softmax((log softmax(alpha) + g) / tau), g ~ Gumbel(0, 1) (SNAS, Xie et al. 2019, Eq. 4)."""

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
        return straight_through(soft, hard)


def straight_through(soft: Tensor, hard: Tensor) -> Tensor:
    """The hard sample, exactly; its gradient is handed to the soft one as it is."""
    result: Tensor = _StraightThrough.apply(soft, hard)
    return result


class _StraightThrough(torch.autograd.Function):
    """Forward: the hard sample. Backward: identity on the soft one."""

    @staticmethod
    def forward(ctx: Any, soft: Tensor, hard: Tensor) -> Tensor:
        """The hard sample."""
        return hard

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """The gradient of the hard sample, handed to the soft one."""
        return gradients[0], None

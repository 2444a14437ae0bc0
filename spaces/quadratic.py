"""The analytically solvable bilevel model (RARTS, Section III-D) as a space of its own kind.

    L_v(w, a) = a w - 2 a + 1,    L_t(w, a) = (w - a)^2

The bilevel optimum is (a, w) = (1, 1); first-order DARTS and MiLeNAS end at (2, 2); RARTS ends at
(a, w, y) = (4 b l, 4 b l - 2 b, 4 b l - 2 b - 4 l) / (4 b l - b - 2 l) with l = lambda, b = beta.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from spaces.errors import InputError
from spaces.space import Batch, Space, SuperNet


@dataclass(frozen=True)
class QuadraticArchitecture:
    """A value of alpha. It has no operations, hence no skip-connections."""

    alpha: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """The architecture written as a number."""
        try:
            return cls(float(text))
        except ValueError:
            raise InputError(f"'{text}' is not a point of the quadratic model: write a number such as 1.05") from None

    def __str__(self) -> str:
        return repr(self.alpha)

    @property
    def operations(self) -> tuple[str, ...]:
        """None."""
        return ()

    @property
    def skip_ratio(self) -> float:
        """0: there are no operations."""
        return 0.0

    @property
    def zero_ratio(self) -> float:
        """0: there are no operations."""
        return 0.0

    @property
    def connected(self) -> bool:
        """Always."""
        return True


class QuadraticSuperNet(SuperNet):
    """One weight w; the mixture is alpha itself; the batch says which of the two losses is asked for."""

    def __init__(self, weight: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[weight]], dtype=torch.float64))

    def loss(self, batch: Batch, mixture: Sequence[Tensor]) -> Tensor:
        """L_t(w, a) on a training batch (target 0), L_v(w, a) on a validation batch (target 1)."""
        alpha = mixture[0]
        if int(batch.targets) == 0:
            return ((self.weight - alpha) ** 2).sum()
        return (alpha * self.weight - 2 * alpha + 1).sum()

    def errors(self, batch: Batch, mixture: Sequence[Tensor]) -> Tensor:
        """0: there is nothing to classify."""
        return batch.targets.new_zeros(())


class ConstantStream:
    """The same batch for ever: the model's losses are deterministic."""

    def __init__(self, target: int) -> None:
        self.batch = Batch(torch.empty(1), torch.tensor(target))

    def next(self) -> Batch:
        """The batch."""
        return self.batch

    def state_dict(self) -> dict[str, Any]:
        """Nothing to remember."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to restore."""


class QuadraticSpace(Space):
    """Points (a, w, y) start at `start`, by default (2, -2, 0) as in Fig. 1."""

    name: ClassVar[str] = "quadratic"

    def __init__(self, *, start: tuple[float, float, float] = (2.0, -2.0, 0.0)) -> None:
        self.start = start

    def alpha_shapes(self, **settings: Any) -> tuple[tuple[int, ...], ...]:
        """One number."""
        return ((1, 1),)

    @property
    def operation_names(self) -> tuple[str, ...]:
        """The single coordinate."""
        return ("alpha",)

    def initial_alpha(self, generator: torch.Generator, **settings: Any) -> list[Tensor]:
        """a_0."""
        return [torch.tensor([[self.start[0]]], dtype=torch.float64)]

    def supernet(self, *, classes: int = 0, in_channels: int = 0, **settings: Any) -> QuadraticSuperNet:
        """The network of w_0."""
        return QuadraticSuperNet(self.start[1])

    def supernets(self, count: int, *, classes: int = 0, in_channels: int = 0, **settings: Any) -> list[SuperNet]:
        """The networks of w_0 and, for RARTS, of y_0."""
        return [QuadraticSuperNet(weight) for weight in self.start[1 : 1 + count]]

    def streams(self) -> tuple[ConstantStream, ConstantStream]:
        """(what asks for L_t, what asks for L_v)."""
        return ConstantStream(0), ConstantStream(1)

    def discretise(self, scores: Sequence[Tensor]) -> QuadraticArchitecture:
        """The value of alpha."""
        return QuadraticArchitecture(float(scores[0]))

    def parse(self, text: str) -> QuadraticArchitecture:
        """The architecture written as a number."""
        return QuadraticArchitecture.parse(text)

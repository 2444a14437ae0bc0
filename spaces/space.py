"""What a search space offers: the nouns Architecture, SuperNet and Space."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn


@runtime_checkable
class Architecture(Protocol):
    """An immutable, hashable point of a space; `parse(str(architecture)) == architecture`."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """The architecture that `text` describes; raises InputError naming what is wrong with the text."""
        ...

    @property
    def operations(self) -> tuple[str, ...]:
        """The chosen operation of every edge, in the space's edge order."""
        ...

    @property
    def skip_ratio(self) -> float:
        """Skip-connections / all operations of the architecture, in [0, 1] (RARTS, Table 4)."""
        ...

    @property
    def zero_ratio(self) -> float:
        """Zero operations / all operations of the architecture, in [0, 1]."""
        ...

    @property
    def connected(self) -> bool:
        """Whether the cell's input reaches its output."""
        ...


@dataclass(frozen=True)
class Batch:
    """One mini-batch on the search's device."""

    inputs: Tensor  # (N, C, H, W) images, or whatever the supernet takes
    targets: Tensor  # (N,) class indices


class SuperNet(nn.Module, ABC):
    """Every architecture of a space in one module with shared weights.

    It knows nothing of softmax, Gumbel noise or gates: it is called with mixture weights, one tensor per
    architecture parameter, that a relaxation computed from alpha. An operation whose mixture weight is exactly
    zero is not executed (and then receives no gradient). Architecture parameters are not module parameters, so
    two networks can share one alpha.
    """

    @abstractmethod
    def loss(self, batch: Batch, mixture: Sequence[Tensor]) -> Tensor:
        """The scalar training loss of the batch under the given mixture weights."""

    @abstractmethod
    def errors(self, batch: Batch, mixture: Sequence[Tensor]) -> Tensor:
        """The number of wrongly classified examples of the batch, a scalar tensor."""


class Space(ABC):
    """A set of architectures and the networks that they stand for."""

    name: ClassVar[str]
    network_settings: ClassVar[dict[str, int]] = {}  # what `supernet` and `network` take, with the papers' values

    @property
    @abstractmethod
    def alpha_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shapes of the architecture parameters, each (edges, operations)."""

    @property
    @abstractmethod
    def operation_names(self) -> tuple[str, ...]:
        """The candidate operations, in the order of alpha's last axis."""

    @abstractmethod
    def supernet(self, *, classes: int, in_channels: int, **settings: Any) -> SuperNet:
        """The supernet; its weights come from torch's global generator."""

    def supernets(self, count: int, *, classes: int, in_channels: int, **settings: Any) -> list[SuperNet]:
        """`count` supernets that start from the same weights (RARTS splits the network in two, Section III-A)."""
        first = self.supernet(classes=classes, in_channels=in_channels, **settings)
        return [first, *(copy.deepcopy(first) for _ in range(count - 1))]

    def initial_alpha(self, generator: torch.Generator) -> list[Tensor]:
        """Architecture parameters to start from: 1e-3 * N(0, 1), as DARTS does."""
        return [1e-3 * torch.randn(shape, generator=generator) for shape in self.alpha_shapes]

    @abstractmethod
    def discretise(self, scores: Sequence[Tensor]) -> Any:
        """The architecture that takes the operation with the highest score on every edge."""

    @abstractmethod
    def parse(self, text: str) -> Any:
        """The architecture that `text` describes; raises InputError."""


class CellSpace(Space):
    """A finite space of cells that can be sampled and built as stand-alone networks."""

    @abstractmethod
    def sample(self, generator: np.random.Generator) -> Any:
        """One architecture, uniformly."""

    @abstractmethod
    def mutate(self, architecture: Any, generator: np.random.Generator) -> Any:
        """The architecture with the operation of one uniformly drawn edge replaced by another operation."""

    @abstractmethod
    def neighbours(self, architecture: Any) -> list[Any]:
        """All architectures that differ in exactly one edge."""

    @abstractmethod
    def canonical(self, architecture: Any) -> str:
        """A string equal for two architectures exactly when they are isomorphic."""

    @abstractmethod
    def network(self, architecture: Any, *, classes: int, in_channels: int, **settings: Any) -> nn.Module:
        """The stand-alone network of the architecture: images (N, C, H, W) -> logits (N, classes)."""


__all__ = ["Architecture", "Batch", "CellSpace", "Space", "SuperNet"]

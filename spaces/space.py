"""What a search space offers: the nouns Architecture, SuperNet and Space."""

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, Self, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from spaces.benchmark import TabularBenchmark
from spaces.latency import LatencyModel


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


class Stream(Protocol):
    """An endless stream of training batches whose position can be saved and restored exactly."""

    def next(self) -> Batch:
        """The next batch."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """The position in the stream."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to a saved position."""
        ...


class SuperNet(nn.Module, ABC):
    """Every architecture of a space in one module with shared weights.

    It knows nothing of softmax, Gumbel noise or gates: it is called with mixture weights, one tensor per
    architecture parameter, that a relaxation computed from alpha. An operation whose mixture weight is exactly
    zero is not executed (and then receives no gradient), unless the network is `dense`. Architecture parameters
    are not module parameters, so two networks can share one alpha.
    """

    # What may be asked of a network between two passes; none of it changes what it computes.
    fused: bool = True  # False: torch's own operations alone, which have second derivatives
    checkpoint_cells: bool = False  # keep only the inputs of cells for the gradients and compute the rest again
    skip_dropout: float = 0.0  # the share of every skip connection's result that is set to zero (P-DARTS)
    dense: bool = False  # run every operation, without waiting for the device to tell which weights are zero

    def active(self, mixture: Sequence[Tensor]) -> list[tuple[tuple[bool, ...], ...]]:
        """For every mixture (edges, operations), which operations are to run."""
        if self.dense:
            return [((True,) * weights.shape[1],) * weights.shape[0] for weights in mixture]
        return [tuple(map(tuple, weights.detach().ne(0).tolist())) for weights in mixture]

    def run_cell(self, cell: nn.Module, *inputs: Any) -> Tensor:
        """The cell's output."""
        run = cell if self.fused else cell.forward  # what torch.compile makes of a cell has no second derivatives
        if not (self.checkpoint_cells and torch.is_grad_enabled()):
            return run(*inputs)
        return checkpoint(run, *inputs, use_reentrant=False, preserve_rng_state=False)

    def compile_cells(self) -> None:
        """Let torch.compile make faster code of the cells, where there is anything to gain."""

    @abstractmethod
    def loss(self, batch: Batch, mixture: Sequence[Tensor]) -> Tensor:
        """The scalar training loss of the batch under the given mixture weights."""

    @abstractmethod
    def errors(self, batch: Batch, mixture: Sequence[Tensor]) -> Tensor:
        """The number of wrongly classified examples of the batch, a scalar tensor."""


class Space(ABC):
    """A set of architectures and the networks that they stand for."""

    name: ClassVar[str]
    compilable: ClassVar[bool] = False  # whether `compile_cells` of its supernets does anything
    chooses_none: ClassVar[bool] = True  # whether `discretise` may choose the zero operation
    partial_channels: ClassVar[bool] = False  # whether `supernet` takes the setting of this name
    keeps_support: ClassVar[bool] = False  # whether `discretise` keeps every operation whose score is not zero
    needs_softmax: ClassVar[bool] = False  # whether the weights of each row of alpha must sum to one
    supernet_settings: ClassVar[dict[str, int]] = {}  # what `supernet` takes, with the paper's values
    search_settings: ClassVar[dict[str, Any]] = {}  # where the space's paper departs from the methods' defaults

    @abstractmethod
    def alpha_shapes(self, **settings: Any) -> tuple[tuple[int, ...], ...]:
        """Shapes of the architecture parameters, each (edges, operations), of the supernet with these settings."""

    @property
    @abstractmethod
    def operation_names(self) -> tuple[str, ...]:
        """All candidate operations, in the order of alpha's last axis where it is the same for all edges."""

    def operations_of(self, alpha: int, edge: int) -> tuple[str, ...]:
        """The candidates of a row of the architecture parameter with that index, in the order of its last axis."""
        return self.operation_names

    def marks(self, alphas: Sequence[Tensor], chosen: Callable[[str], bool]) -> list[Tensor]:
        """True for the candidates whose names are chosen, shaped like the alphas and on their device."""
        return [
            torch.tensor(
                [[chosen(name) for name in self.operations_of(index, edge)] for edge in range(len(alpha))],
                device=alpha.device,
            )
            for index, alpha in enumerate(alphas)
        ]

    @abstractmethod
    def supernet(self, *, classes: int, in_channels: int, **settings: Any) -> SuperNet:
        """The supernet; its weights come from torch's global generator."""

    def supernets(self, count: int, *, classes: int, in_channels: int, **settings: Any) -> list[SuperNet]:
        """`count` supernets that start from the same weights (RARTS splits the network in two, Section III-A)."""
        first = self.supernet(classes=classes, in_channels=in_channels, **settings)
        return [first, *(copy.deepcopy(first) for _ in range(count - 1))]

    def initial_alpha(self, generator: torch.Generator, **settings: Any) -> list[Tensor]:
        """Architecture parameters to start from: 1e-3 * N(0, 1), as DARTS does."""
        return [1e-3 * torch.randn(shape, generator=generator) for shape in self.alpha_shapes(**settings)]

    def streams(self) -> tuple[Stream, Stream] | None:
        """The space's own batches for training and validation, or None where a data set gives them."""
        return None

    def table(self, path: Path | None) -> TabularBenchmark | None:
        """The space's tabular benchmark, from the file or the default one; None where there is none."""
        return None

    def tabulated_latency(self, path: Path | None) -> LatencyModel | None:
        """The latencies of the space's tabular benchmark; None where there are none."""
        return None

    @abstractmethod
    def discretise(self, scores: Sequence[Tensor]) -> Any:
        """The architecture that the scores, each (edges, operations), stand for: the strongest operations."""

    @abstractmethod
    def parse(self, text: str) -> Any:
        """The architecture that `text` describes; raises InputError."""


class CellEdge(NamedTuple):
    """An edge of a cell as it is drawn; `operation` is empty where the source is only concatenated to the target."""

    source: str
    target: str
    operation: str


@dataclass(frozen=True)
class OperationSite:
    """A place where the stand-alone network runs a candidate operation, if the architecture chooses it there."""

    alpha: int  # index of the architecture parameter
    edge: int
    operation: str
    channels: int
    resolution: int  # height and width of the operation's input, pixels
    stride: int
    count: int  # how many cells have this site


class CellSpace(Space):
    """A finite space of cells that can be sampled and built as stand-alone networks."""

    network_settings: ClassVar[dict[str, int]]  # what `network` takes, with the paper's values
    auxiliary_head: ClassVar[bool] = False  # whether `network` takes `auxiliary` and then trains a second classifier

    @abstractmethod
    def edges(self, **settings: Any) -> tuple[tuple[tuple[int, int], ...], ...]:
        """(target node, source node) of every row of every alpha of the supernet with these settings."""

    @abstractmethod
    def sample(self, generator: np.random.Generator) -> Any:
        """One architecture, uniformly."""

    @abstractmethod
    def mutate(self, architecture: Any, generator: np.random.Generator) -> Any:
        """The architecture with one uniformly drawn choice replaced by another."""

    @abstractmethod
    def neighbours(self, architecture: Any) -> list[Any]:
        """All architectures that differ in exactly one choice."""

    @abstractmethod
    def canonical(self, architecture: Any) -> str:
        """A string equal for two architectures exactly when they are isomorphic."""

    @abstractmethod
    def network(self, architecture: Any, *, classes: int, in_channels: int, **settings: Any) -> nn.Module:
        """The stand-alone network of the architecture: images (N, C, H, W) -> logits (N, classes)."""

    @abstractmethod
    def cost(self, architecture: Any) -> tuple[float, float]:
        """(parameters, multiply-adds for one image), in millions, of the stand-alone network of the paper's size."""

    @abstractmethod
    def chosen(self, architecture: Any) -> tuple[np.ndarray, ...]:
        """1 where the architecture chooses the operation on the edge, else 0; shaped like the alphas."""

    def executed(self, architecture: Any) -> tuple[np.ndarray, ...]:
        """`chosen`, where the stand-alone network really runs the operation: all of it, unless edges lead nowhere."""
        return self.chosen(architecture)

    @abstractmethod
    def cells(self, architecture: Any) -> dict[str, list[CellEdge]]:
        """The named cells of the architecture as graphs, for drawings."""

    @property
    @abstractmethod
    def without_operations(self) -> Any:
        """The architecture with the zero operation everywhere: what its network costs, all networks cost."""

    @abstractmethod
    def operation_sites(self, *, resolution: int, **settings: Any) -> list[OperationSite]:
        """Where the stand-alone network of these settings runs candidate operations, the zero operation left out."""

    @abstractmethod
    def operation_module(self, site: OperationSite) -> nn.Module:
        """The operation as the stand-alone network has it at the site."""


__all__ = ["Architecture", "Batch", "CellEdge", "CellSpace", "OperationSite", "Space", "Stream", "SuperNet"]

"""The uniform interface of every search algorithm, and the task it is given."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from spaces.space import Space, Stream, SuperNet

Metrics = Mapping[str, float]


class SettingsModel(BaseModel):
    """Settings of a method or of one of its parts: validated, immutable, unknown names refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, strict=False)


class Objective(Protocol):
    """What a sample-based method is rewarded with: the validation error of an architecture and what it cost to know."""

    def evaluate(self, architecture: Any) -> tuple[float, float]:
        """(validation error in %, simulated seconds of training and validation)."""
        ...


@dataclass(frozen=True)
class Task:
    """Everything a search may use. It holds no test data."""

    space: Space
    settings: Any  # the method's own Settings
    seed: int
    device: torch.device
    space_settings: Mapping[str, Any]
    classes: int = 0
    in_channels: int = 0
    train: Stream | None = None  # D_t, half of the training split
    validation: Stream | None = None  # D_v, the other half
    operation_latency: tuple[Tensor, ...] | None = None  # milliseconds, one tensor shaped like each alpha
    objective: Objective | None = None
    # How steps are computed, not what: with torch.compile and CUDA graphs; with less memory and more time.
    compile_cells: bool = False
    checkpoint_cells: bool = False


@dataclass(frozen=True)
class OneShot:
    """What a validation with shared weights looks at."""

    network: SuperNet
    mixture: Sequence[Tensor]  # the mixture weights that the network is called with
    alphas: Sequence[Tensor]  # recorded with the error; empty where the method has none
    describes: str  # what is validated, in words


class Method(ABC):
    """One search algorithm. The harness owns the loop, the method owns the step."""

    Settings: ClassVar[type[SettingsModel]]
    trains_supernet: ClassVar[bool] = False  # on images; else it evaluates architectures on a table

    @classmethod
    def own_defaults(cls) -> Mapping[str, Any]:
        """Defaults of the method's paper, which a space's do not replace."""
        return {}

    @classmethod
    def misplaced(cls, space: Space) -> str:
        """Why the method makes no sense on the space; empty where it does."""
        return ""

    @abstractmethod
    def start(self, task: Task) -> None:
        """Build what the search needs; the same task always gives the same start."""

    @abstractmethod
    def step(self) -> Metrics:
        """One update (methods that train a supernet) or one evaluated architecture."""

    @property
    @abstractmethod
    def progress(self) -> float:
        """The share of the budget that is spent, in [0, 1]; the search is over at 1."""

    @property
    def networks(self) -> Sequence[SuperNet]:
        """The supernets that are trained."""
        return ()

    def one_shot(self) -> OneShot | None:
        """What its validation looks at now, or None where no supernet is trained."""
        return None

    @property
    def simulated_seconds(self) -> float | None:
        """Training seconds that a table answered for, or None where the training really took place."""
        return None

    @abstractmethod
    def architecture(self) -> Any:
        """The architecture that the method would return now."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on, bit for bit; only tensors, numbers, strings, lists and dictionaries."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; called after `start` with the same task."""

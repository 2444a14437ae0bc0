"""What a tabular benchmark of a space answers, without any training."""

from collections.abc import Sequence
from typing import Any, Literal, Protocol

import numpy as np

Seed = int | str  # a training seed, or "mean"


class TabularBenchmark(Protocol):
    """Errors and training times of every architecture of a space; see `spaces.topology.table.Table`."""

    name: str

    @property
    def label(self) -> str:
        """Name and version, as records state where a looked-up figure comes from."""
        ...

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets with errors of any kind."""
        ...

    @property
    def reported_datasets(self) -> tuple[str, ...]:
        """The data sets that results are reported on."""
        ...

    def __len__(self) -> int: ...

    def knows(self, *, dataset: str, split: str, epochs: int) -> bool:
        """Whether there are any such errors."""
        ...

    def seeds(self, *, dataset: str, split: str, epochs: int) -> tuple[int, ...]:
        """The training seeds with such errors; raises InputError if there are none."""
        ...

    def error(
        self,
        architectures: Sequence[Any] | np.ndarray,
        *,
        dataset: str,
        split: str,
        epochs: int,
        seed: Seed,
        missing: Literal["raise", "nan"] = "raise",
    ) -> np.ndarray:
        """Top-1 errors in %."""
        ...

    def simulated_seconds(
        self,
        architectures: Sequence[Any] | np.ndarray,
        *,
        dataset: str,
        epochs: int,
        missing: Literal["raise", "nan"] = "raise",
    ) -> np.ndarray:
        """Seconds that a search is charged for one evaluation."""
        ...


__all__ = ["Seed", "TabularBenchmark"]

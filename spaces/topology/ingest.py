"""From the official NATS-Bench folder of the topology space to a table file."""

import math
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import nullcontext
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from nats_bench.api_utils import ArchResults

from spaces.errors import InputError
from spaces.topology.architecture import SIZE, TopologyArchitecture
from spaces.topology.plain_pickle import load_plain_pickle
from spaces.topology.table import Table
from spaces.topology.table_file import write_table

FOLDER_NAME = "NATS-tss-v1_0-3ffb9-simple"
_EXTENSION = ".pickle.pbz2"
_CHUNK = 250  # architectures that a worker reads between two reports of progress

Row = dict[str, float]
Origins = dict[str, Counter[str]]
Progress = Callable[[int, int], None]


def ingest(path: Path, destination: Path, *, progress: Progress | None = None, workers: int | None = None) -> Path:
    """Read the official folder (one `NNNNNN.pickle.pbz2` an architecture, and `meta`) and write the table file.

    Every number equals what the `nats_bench` package answers for the same folder. Architectures and trials that the
    folder lacks become NaN. The pickles are read without letting them run code, and the table file appears at once
    or not at all. `progress` is called with (architectures read, architectures in all); `workers` is the number of
    processes, by default one a core. Raises InputError if the folder is not usable.
    """
    indices = _recorded_indices(path)
    columns: dict[str, np.ndarray] = defaultdict(lambda: np.full(SIZE, np.nan))
    origins: Origins = defaultdict(Counter)
    done = 0
    for chunk, rows, chunk_origins in _read_chunks(path, indices, workers or os.cpu_count() or 1):
        for index, row in zip(chunk, rows, strict=True):
            for name, value in row.items():
                columns[name][index] = value
        for name, counts in chunk_origins.items():
            origins[name].update(counts)
        done += len(chunk)
        if progress is not None:
            progress(done, len(indices))
    description = {
        "name": "nats-tss",
        "provenance": f"NATS-Bench topology space, official files in {path.resolve().name}, "
        f"{len(indices)} of {SIZE} architectures",
        "origins": origins,
    }
    write_table(destination, columns, description)
    Table.load(destination)  # what cannot be read back is worth nothing
    return destination


def _recorded_indices(path: Path) -> list[int]:
    """The indices of the architectures with a file; raises InputError unless the folder is the topology benchmark."""
    if path.is_file():
        raise InputError(f"{path} is a packed file: unpack it and give the folder, e.g. {FOLDER_NAME}")
    if not path.is_dir():
        raise InputError(f"there is no folder {path}: give the unpacked official folder {FOLDER_NAME}")
    if not (path / f"meta{_EXTENSION}").is_file():
        raise InputError(f"{path} has no file meta{_EXTENSION}: give the unpacked official folder {FOLDER_NAME}")
    meta = load_plain_pickle(path / f"meta{_EXTENSION}")
    order = meta.get("meta_archs") if isinstance(meta, dict) else None
    if order != [str(TopologyArchitecture.from_index(index)) for index in range(SIZE)]:
        raise InputError(f"{path} does not list the {SIZE} topology architectures: give the official {FOLDER_NAME}")
    indices = [index for index in range(SIZE) if _file(path, index).is_file()]
    if not indices:
        raise InputError(f"{path} has no architecture files such as {_file(path, 0).name}: unpack the folder again")
    return indices


def _file(path: Path, index: int) -> Path:
    return path / f"{index:06d}{_EXTENSION}"


def _read_chunks(path: Path, indices: list[int], workers: int) -> Iterator[tuple[list[int], list[Row], Origins]]:
    chunks = [indices[start : start + _CHUNK] for start in range(0, len(indices), _CHUNK)]
    paths = [path] * len(chunks)
    pool: Any = nullcontext()
    if workers > 1 and len(chunks) > 1:
        pool = ProcessPoolExecutor(min(workers, len(chunks)), mp_context=get_context("spawn"))
    with pool as executor:
        results = executor.map(_read_chunk, paths, chunks) if executor else map(_read_chunk, paths, chunks)
        try:
            for chunk, (rows, origins) in zip(chunks, results, strict=True):
                yield chunk, rows, origins
        except BaseException:
            if isinstance(executor, Executor):
                executor.shutdown(cancel_futures=True)
            raise


def _read_chunk(path: Path, indices: list[int]) -> tuple[list[Row], Origins]:
    rows = []
    origins: Origins = defaultdict(Counter)
    for index in indices:
        file = _file(path, index)
        state = load_plain_pickle(file)
        try:
            rows.append(_row(state, index, origins))
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            raise InputError(
                f"{file} is not the record of architecture {index} ({type(error).__name__}: {error}): get the file anew"
            ) from error
    return rows, dict(origins)


def _row(state: dict[str, dict[str, Any]], index: int, origins: Origins) -> Row:
    """Every number of one architecture, by column name."""
    row: Row = {}
    for recipe, recorded in sorted(state.items(), key=lambda item: int(item[0])):  # 200 last: its sizes are kept
        epochs = int(recipe)
        if not isinstance(recorded, dict):  # nats_bench would take a text for a file name and unpickle that file
            raise TypeError("the record is not a dictionary")
        results = ArchResults.create_from_state_dict(recorded)
        expected = str(TopologyArchitecture.from_index(index))
        if results.arch_str != expected:
            raise ValueError(f"it describes {results.arch_str} instead of {expected}")
        for dataset in results.get_dataset_names():
            costs = results.get_compute_costs(dataset)
            row[f"train_seconds/{dataset}/{epochs}"] = _number(costs["T-train@total"])
            row[f"latency_seconds/{dataset}"] = _number(costs["latency"])
            row[f"parameters_m/{dataset}"] = _number(costs["params"])
            row[f"flops_m/{dataset}"] = _number(costs["flops"])
            trials = {seed: results.query(dataset, seed) for seed in results.get_dataset_seeds(dataset)}
            for split in {split for trial in trials.values() for split in trial.get_eval_set()}:
                seconds = _number(costs.get(f"T-{split}@total"))
                row[f"evaluation_seconds/{dataset}/{split}/{epochs}"] = seconds / epochs
                prefix = f"accuracy/{dataset}/{split}/{epochs}"
                accuracies = []
                for seed, trial in trials.items():
                    accuracies.append(_number(trial.eval_acc1es.get(f"{split}@{epochs - 1}")))
                    row[f"{prefix}/{seed}"] = accuracies[-1]
                    origin = getattr(trial, "provenance", {}).get(split)
                    if origin is not None:
                        origins[f"{prefix}/{seed}"][str(origin)] += 1
                row[f"{prefix}/mean"] = sum(accuracies) / len(accuracies)
    return row


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


__all__ = ["FOLDER_NAME", "ingest"]

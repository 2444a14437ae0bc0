"""From a run's description to the task that its method is given."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from harness.data.datasets import ImageDataset, load_dataset
from harness.data.streams import ordered_batches, split_half
from harness.experiment import RunSpec
from harness.machine import device_name
from harness.objective import TabularObjective
from harness.timing import SearchClock, TimedStream
from methods import Task, find_method
from spaces.benchmark import TabularBenchmark
from spaces.errors import InputError
from spaces.latency import LatencyModel
from spaces.latency_table import COLUMN_FORMATS, LatencyTable, check_fits, column_model
from spaces.registry import find_space
from spaces.space import Batch, CellSpace, Space


@dataclass(frozen=True)
class Resources:
    """Where a run finds its data and what it computes on; none of it changes what the run means."""

    device: str = "cpu"
    data_folder: Path | None = None
    table: Path | None = None
    latency: str | None = None  # a latency table's file, or FILE:COLUMN
    foreign_latency: bool = False  # whether the latency table may be of another device or of other shapes
    compile_cells: bool = False
    checkpoint_cells: bool = False


def open_dataset(name: str, data: Mapping[str, int], resources: Resources) -> ImageDataset:
    """The data set on the run's device; the latest one is kept for the next run of this process."""
    return _loaded(name, resources.data_folder, resources.device, data["downsample"], data["resolution"] or None)


@lru_cache(maxsize=1)
def _loaded(name: str, folder: Path | None, device: str, downsample: int, resolution: int | None) -> ImageDataset:
    return load_dataset(name, folder=folder, device=device, downsample=downsample, resolution=resolution)


def check_data(specs: list[RunSpec], resources: Resources, table: TabularBenchmark | None) -> None:
    """Report what is missing before the first search starts; raises InputError."""
    for spec in {(spec.method, spec.dataset, *spec.data.items()): spec for spec in specs}.values():
        if spec.data:
            open_dataset(spec.dataset, spec.data, resources)
        elif spec.table:
            open_objective(spec, table)


def open_objective(spec: RunSpec, table: TabularBenchmark | None) -> TabularObjective:
    """The table's answers that the run's settings ask for."""
    assert table is not None  # an experiment refuses sample-based methods on a space without a table
    return TabularObjective(
        table, dataset=spec.dataset, epochs=spec.settings["reward_epochs"], seed=spec.settings["reward_seed"]
    )


def open_latency(space: Space, resources: Resources) -> LatencyModel | None:
    """The latencies of the file that the user names, else those of the space's table; raises InputError."""
    if resources.latency is None:
        return space.tabulated_latency(resources.table)
    if not isinstance(space, CellSpace):
        raise InputError(f"space '{space.name}' has no operations with latencies: leave out --latency")
    file, _, column = resources.latency.partition(":")
    if Path(file).suffix in COLUMN_FORMATS:
        return column_model(space, Path(file), column)
    table = LatencyTable.read(Path(resources.latency))
    if not resources.foreign_latency:
        check_fits(table, space, device=device_name(resources.device))
    return table.model(space)


def build_task(
    spec: RunSpec,
    *,
    resources: Resources,
    table: TabularBenchmark | None,
    latency: LatencyModel | None,
    clock: SearchClock,
) -> tuple[Task, list[Batch]]:
    """(the task, the held-out batches that validation reads); no test data in either."""
    method, space, device = find_method(spec.method), find_space(spec.space), torch.device(resources.device)
    settings: Any = method.implementation.Settings(**spec.settings)
    if not method.trains_supernet:
        objective = open_objective(spec, table)
        task = Task(
            space=space, settings=settings, seed=spec.search_seed, device=device, space_settings={}, objective=objective
        )
        return task, []
    if own_streams := space.streams():
        train, validation = own_streams
        task = Task(
            space=space, settings=settings, seed=spec.search_seed, device=device, space_settings={},
            train=train, validation=validation,
        )  # fmt: skip
        return task, []
    dataset = open_dataset(spec.dataset, spec.data, resources)
    halves = split_half(len(dataset.train_images), seed=spec.search_seed)
    streams = [
        TimedStream(
            dataset.stream(
                batch_size=settings.batch_size,
                generator=torch.Generator().manual_seed(2 * spec.search_seed + index),
                augment=dataset.augmentation,
                indices=half,
            ),
            clock,
        )
        for index, half in enumerate(halves)
    ]
    held_out = list(
        ordered_batches(
            dataset.train_images, dataset.train_labels, batch_size=256, mean=dataset.mean, std=dataset.std,
            indices=halves[1][:1024],
        )
    )  # fmt: skip
    task = Task(
        space=space,
        settings=settings,
        seed=spec.search_seed,
        device=device,
        space_settings=spec.network,
        classes=dataset.classes,
        in_channels=dataset.channels,
        train=streams[0],
        validation=streams[1],
        operation_latency=_operation_latency(space, latency, spec, device),
        compile_cells=resources.compile_cells,
        checkpoint_cells=resources.checkpoint_cells,
    )
    return task, held_out


def _operation_latency(
    space: Space, latency: LatencyModel | None, spec: RunSpec, device: torch.device
) -> tuple[torch.Tensor, ...] | None:
    """Lat of Eq. 5 where the search is penalised by it."""
    if latency is None or not spec.settings.get("gamma"):
        return None
    shapes = space.alpha_shapes(**spec.network)
    if shapes != tuple(added.shape for added in latency.operations_ms):
        raise InputError(
            f"the latencies are of a network whose alphas have the shapes "
            f"{[added.shape for added in latency.operations_ms]}, the supernet's have {list(shapes)}: "
            "search with the network's number of nodes, or with gamma=0"
        )
    return tuple(torch.tensor(added, device=device, dtype=torch.float32) for added in latency.operations_ms)

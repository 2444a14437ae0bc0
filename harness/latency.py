"""Measuring latency: candidate operations, whole networks, and how well the sum of the former predicts the latter."""

import datetime
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from scipy import stats
from torch import Tensor, nn
from torch.utils.benchmark import Timer

from harness.machine import device_name
from spaces.latency import LatencyModel
from spaces.latency_table import LatencyTable, OperationTiming, Timing, describe, distinct_operations
from spaces.space import CellSpace

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Protocol:
    """How a latency is measured: a forward pass in inference mode, channels last, after warm-up.

    Passes run back to back, and a block of them is timed: on a GPU without a graph, the next pass is launched while
    this one computes, so the figure is the longer of launching and computing.
    """

    device: str = "cpu"
    batch_size: int = 1
    dtype: str = "float32"
    threads: int = 1  # of the CPU
    cuda_graph: bool = False  # replay the pass as one graph: without the time that Python takes to launch it
    seconds: float = 0.2  # at least so long for each figure

    @property
    def table_threads(self) -> int:
        """The CPU's threads; 0 on a GPU."""
        return 0 if torch.device(self.device).type == "cuda" else self.threads

    @property
    def label(self) -> str:
        """Device, batch size and arithmetic."""
        how = describe(self.batch_size, self.dtype, threads=self.table_threads, cuda_graph=self.cuda_graph)
        return f"{device_name(self.device)}, {how}"


def time_module(module: nn.Module, shape: Sequence[int], protocol: Protocol) -> Timing:
    """Median and quartile distance of one forward pass on random inputs (N, *shape)."""
    run = _prepared(module, shape, protocol)
    with torch.inference_mode():
        for _ in range(3):
            run()
        timer = Timer("run()", globals={"run": run}, num_threads=protocol.threads)
        measured = timer.blocked_autorange(min_run_time=protocol.seconds)
    repeats = len(measured.times) * measured.number_per_run
    return Timing(median_ms=1e3 * measured.median, iqr_ms=1e3 * measured.iqr, repeats=repeats)


def measure_table(
    space: CellSpace, protocol: Protocol, *, resolution: int, network: dict[str, int], rounds: int, progress: Progress
) -> LatencyTable:
    """Time every distinct operation of the space's stand-alone network, and the network without any.

    Each is timed in `rounds` rounds over all of them, and the median round is kept: a machine that is slower for a
    while is then slower for all alike.
    """
    settings = {**space.network_settings, **network}
    sites = distinct_operations(space.operation_sites(resolution=resolution, **settings))
    with _seeded():
        empty = space.network(space.without_operations, classes=10, in_channels=3, **settings)
        modules = [space.operation_module(site) for site in sites]
    fixed: list[Timing] = []
    timings: list[list[Timing]] = [[] for _ in sites]
    done, total = 0, rounds * (1 + len(sites))
    for _ in range(rounds):
        fixed.append(time_module(empty, (3, resolution, resolution), protocol))
        for site, module, found in zip(sites, modules, timings, strict=True):
            found.append(time_module(module, (site.channels, site.resolution, site.resolution), protocol))
            done += 1
            progress(done, total)
    return LatencyTable(
        space=space.name,
        device=device_name(protocol.device),
        batch_size=protocol.batch_size,
        dtype=protocol.dtype,
        threads=protocol.table_threads,
        cuda_graph=protocol.cuda_graph,
        resolution=resolution,
        network=settings,
        torch=torch.__version__,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        fixed=_middle(fixed),
        operations=tuple(
            OperationTiming(
                operation=site.operation,
                channels=site.channels,
                resolution=site.resolution,
                stride=site.stride,
                **_middle(found).model_dump(),
            )
            for site, found in zip(sites, timings, strict=True)
        ),
    )


def protocol_of(table: LatencyTable, device: str, *, seconds: float) -> Protocol:
    """The protocol that the table was measured with, on a device of this machine."""
    return Protocol(
        device=device, batch_size=table.batch_size, dtype=table.dtype, threads=max(1, table.threads),
        cuda_graph=table.cuda_graph, seconds=seconds,
    )  # fmt: skip


def measure_networks(
    space: CellSpace,
    architectures: Sequence[Any],
    protocol: Protocol,
    *,
    resolution: int,
    network: dict[str, int],
    rounds: int,
    progress: Progress,
) -> np.ndarray:
    """Latencies in ms of the architectures' networks, (rounds, architectures), one round after the other."""
    settings = {**space.network_settings, **network}
    with _seeded():
        networks = [space.network(a, classes=10, in_channels=3, **settings) for a in architectures]
    measured = np.empty((rounds, len(networks)))
    for round_ in range(rounds):
        for place, module in enumerate(networks):
            measured[round_, place] = time_module(module, (3, resolution, resolution), protocol).median_ms
            progress(round_ * len(networks) + place + 1, measured.size)
    return measured


@dataclass(frozen=True)
class Validation:
    """Predicted against measured latencies, in ms."""

    predicted: np.ndarray  # (architectures,)
    measured: np.ndarray  # (rounds, architectures)

    @property
    def median(self) -> np.ndarray:
        """The measured latency of each architecture: the median round."""
        return np.median(self.measured, axis=0)

    @property
    def rank_correlation(self) -> float:
        """Spearman's, between prediction and measurement."""
        return float(stats.spearmanr(self.predicted, self.median).statistic)

    @property
    def ceiling(self) -> float:
        """Spearman's between the medians of the odd and of the even rounds: what repeating a measurement reaches."""
        halves = [np.median(self.measured[start::2], axis=0) for start in (0, 1)]
        return float(stats.spearmanr(*halves).statistic)

    @property
    def correlation(self) -> float:
        """Pearson's, between prediction and measurement."""
        return float(stats.pearsonr(self.predicted, self.median).statistic)

    @property
    def error_percent(self) -> float:
        """The mean of |predicted - measured| / measured, in %."""
        return float(100 * np.mean(np.abs(self.predicted - self.median) / self.median))

    @property
    def spread_percent(self) -> float:
        """The mean over architectures of the distance between the quartiles of the rounds, in % of the median."""
        low, high = np.quantile(self.measured, (0.25, 0.75), axis=0)
        return float(100 * np.mean((high - low) / self.median))


def validate(model: LatencyModel, space: CellSpace, architectures: Sequence[Any], measured: np.ndarray) -> Validation:
    """The model's predictions of the architectures beside their measurements."""
    return Validation(np.array([model.predict(space.executed(a)) for a in architectures]), measured)


def column_correlations(model: LatencyModel, space: CellSpace, columns: pd.DataFrame) -> dict[str, float]:
    """Spearman's correlation of the predictions with each column of latencies (index = architectures).

    Columns with fewer than three different latencies are left out.
    """
    predicted = np.array([model.predict(space.executed(space.parse(text))) for text in columns.index])
    found = {}
    for name, values in columns.items():
        there = np.isfinite(values.to_numpy())
        if len(np.unique(values[there])) > 2:
            found[str(name)] = float(stats.spearmanr(predicted[there], values[there]).statistic)
    return found


def _prepared(module: nn.Module, shape: Sequence[int], protocol: Protocol) -> Callable[[], Tensor]:
    dtype = DTYPES[protocol.dtype]
    module = module.to(protocol.device, dtype).to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(protocol.batch_size, *shape, generator=generator).to(protocol.device, dtype)
    inputs = inputs.contiguous(memory_format=torch.channels_last)
    if not protocol.cuda_graph:
        return lambda: module(inputs)
    with torch.inference_mode():
        aside = torch.cuda.Stream()
        with torch.cuda.stream(aside):  # libraries allocate their workspaces in the first passes
            for _ in range(3):
                module(inputs)
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            output = module(inputs)

    def replay() -> Tensor:
        graph.replay()
        return output

    return replay


def _middle(timings: Sequence[Timing]) -> Timing:
    ordered = sorted(timings, key=lambda timing: timing.median_ms)
    middle = ordered[len(ordered) // 2]
    return Timing(median_ms=middle.median_ms, iqr_ms=middle.iqr_ms, repeats=sum(t.repeats for t in timings))


@contextmanager
def _seeded() -> Iterator[None]:
    """Random weights that are the same each time, and the caller's generator left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


__all__ = [
    "Protocol",
    "Validation",
    "column_correlations",
    "measure_networks",
    "measure_table",
    "protocol_of",
    "time_module",
    "validate",
]

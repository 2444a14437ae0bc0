"""Search steps to time: each in a process of its own, in turn with the steps that it is compared with.

What one network allocates and frees slows another one's steps in the same process; and whatever else the machine does
slows both, if they take turns.
"""

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from methods import Task, find_method
from spaces.darts.space import DartsSpace
from spaces.space import Batch, Space
from spaces.topology.space import TopologySpace

CLASSES = 10
# The sizes of the spaces' papers, unless these two variables say otherwise.
CELLS = int(os.environ.get("NAS_HARNESS_BENCH_CELLS", "8"))
BATCH = int(os.environ.get("NAS_HARNESS_BENCH_BATCH", "64"))
FULL = {TopologySpace: {"channels": 16, "cells_per_stage": 5}, DartsSpace: {"channels": 16, "cells": CELLS}}
TINY = {TopologySpace: {"channels": 2, "cells_per_stage": 1}, DartsSpace: {"channels": 2, "cells": 1}}


@dataclass(frozen=True)
class Step:
    """A method on a space, and how its steps are computed."""

    method: str
    space: type[Space]
    settings: dict[str, Any] = field(default_factory=dict)
    options: dict[str, bool] = field(default_factory=dict)  # of the Task
    side_by_side: bool = True
    threads: int = 1

    def network(self, *, tiny: bool) -> dict[str, int]:
        """The supernet's settings."""
        sizes = TINY if tiny else FULL
        return next(sizes[space] for space in self.space.__mro__ if space in sizes)


class RepeatedBatch:
    """A stream that costs nothing."""

    def __init__(self, size: int) -> None:
        self.batch = Batch(torch.randn(size, 3, 32, 32), torch.randint(CLASSES, (size,)))

    def next(self) -> Batch:
        return self.batch


def start(step: Step, *, tiny: bool) -> Any:
    """The method, ready to step."""
    method: Any = find_method(step.method).implementation()
    size = 2 if tiny else BATCH
    method.start(
        Task(
            space=step.space(),
            settings=method.Settings(steps=1_000_000, **step.settings),  # the temperature stays where it starts
            seed=0,
            device=torch.device("cpu"),
            space_settings=step.network(tiny=tiny),
            classes=CLASSES,
            in_channels=3,
            train=RepeatedBatch(size),
            validation=RepeatedBatch(size),
            **step.options,
        )
    )
    if not step.side_by_side:
        method.update_rule.side_by_side.pool = None
    method.relaxation.generator.manual_seed(0)  # what is compared is given the same sequence of samples
    return method


class Process:
    """A step in a process of its own."""

    def __init__(self, step: Step) -> None:
        context = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(1, mp_context=context, initializer=_prepare, initargs=(step,))

    def seconds(self) -> float:
        """One step's."""
        return self.pool.submit(_timed).result()

    def peak_mib(self) -> float:
        """What the steps so far added to the process's resident memory."""
        return self.pool.submit(_added_bytes).result() / 2**20


def compare(benchmark: Any, steps: dict[str, Step], *, rounds: int) -> None:
    """Time the steps in turn; the first one is the benchmark's, and all are noted with their ratio to the last."""
    if benchmark.disabled:  # all steps have merely to run
        benchmark(lambda: [start(step, tiny=True).step() for step in steps.values()])
        return
    processes = {name: Process(step) for name, step in steps.items()}
    elapsed: dict[str, list[float]] = {name: [] for name in steps}
    first, *others = steps
    for process in processes.values():
        process.seconds()  # the first step allocates the optimisers' state

    def time_others() -> None:
        for name in others:
            elapsed[name].append(processes[name].seconds())

    benchmark.pedantic(processes[first].seconds, setup=time_others, rounds=rounds)
    peaks = {name: process.peak_mib() for name, process in processes.items()}
    for process in processes.values():
        process.pool.shutdown()
    medians = {name: statistics.median(values) for name, values in elapsed.items() if values}
    note(benchmark, {first: benchmark.stats.stats.median} | medians, peaks)


def compare_functions(benchmark: Any, functions: dict[str, Callable[[], object]], *, rounds: int = 20) -> None:
    """The same for functions of this process, one thread, whose memory does not matter."""
    elapsed: dict[str, list[float]] = {name: [] for name in functions}
    threads = torch.get_num_threads()
    first, *others = functions

    def time_others() -> None:
        for name in others:
            begin = time.perf_counter()
            functions[name]()
            elapsed[name].append(time.perf_counter() - begin)

    try:
        torch.set_num_threads(1)
        benchmark.pedantic(functions[first], setup=time_others, warmup_rounds=1, rounds=rounds)
    finally:
        torch.set_num_threads(threads)
    if not benchmark.disabled:
        medians = {first: benchmark.stats.stats.median}
        note(benchmark, medians | {name: statistics.median(elapsed[name]) for name in others}, {})


def note(benchmark: Any, medians: dict[str, float], peaks: dict[str, float]) -> None:
    """Write medians, ratios to the last and peak memory into the benchmark's record, and print them."""
    last = list(medians)[-1]
    print(f"\n{benchmark.name}, ratios to {last}:")
    for name, seconds in medians.items():
        row = {"seconds": round(seconds, 4), "ratio": round(seconds / medians[last], 3)}
        if peaks:
            row |= {"peak_mib": round(peaks[name]), "peak_ratio": round(peaks[name] / peaks[last], 3)}
        benchmark.extra_info[name] = row
        print(f"  {name}: {row}")


_worker: dict[str, Any] = {}  # of the process that executes the steps


def _prepare(step: Step) -> None:
    torch.set_num_threads(step.threads)
    method = start(step, tiny=False)
    _worker.update(step=method.step, bytes_before=_resident_peak())


def _timed() -> float:
    begin = time.perf_counter()
    _worker["step"]()
    return time.perf_counter() - begin


def _added_bytes() -> int:
    return _resident_peak() - int(_worker["bytes_before"])


def _resident_peak() -> int:
    """Bytes; of this process alone, whereas getrusage counts the process that started it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024

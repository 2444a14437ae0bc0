"""Seconds and peak memory of one search step on the DARTS space beside the plain form of the supernet, same run.

The sizes of Liu et al. 2019 (8 cells, 16 channels, batches of 64 images of 32 x 32 pixels) unless the environment
variables NAS_HARNESS_BENCH_CELLS and NAS_HARNESS_BENCH_BATCH say otherwise; CPU. Both networks are trained by the same
method, so the plain form, too, computes only the gradients that a step uses; it skips operations of weight zero, too.
"""

import multiprocessing
import os
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch

from methods import Task, find_method
from spaces.darts.space import DartsSpace
from spaces.space import Batch
from tests.unit.plain_spaces import PlainDartsSpace

CELLS = int(os.environ.get("NAS_HARNESS_BENCH_CELLS", "8"))
BATCH = int(os.environ.get("NAS_HARNESS_BENCH_BATCH", "64"))


class _SameBatch:
    """A stream that costs nothing."""

    def __init__(self, size: int) -> None:
        self.batch = Batch(torch.randn(size, 3, 32, 32), torch.randint(10, (size,)))

    def next(self) -> Batch:
        return self.batch


def _step(name: str, space: DartsSpace, cells: int, size: int) -> Callable[[], object]:
    method: Any = find_method(name).implementation()
    method.start(
        Task(
            space=space,
            settings=method.Settings(steps=1_000_000),  # the temperature stays where it starts
            seed=0,
            device=torch.device("cpu"),
            space_settings={"channels": 16, "cells": cells},
            classes=10,
            in_channels=3,
            train=_SameBatch(size),  # type: ignore[arg-type]
            validation=_SameBatch(size),  # type: ignore[arg-type]
        )
    )
    method.relaxation.generator.manual_seed(0)  # both networks are given the same sequence of samples
    step: Callable[[], object] = method.step
    return step


class _Process:
    """A network in a process of its own: what one network allocates and frees slows the other one's steps."""

    def __init__(self, name: str, space: type[DartsSpace], cells: int, size: int) -> None:
        arguments = name, space, cells, size, torch.get_num_threads()
        context = multiprocessing.get_context("spawn")
        self.pool = ProcessPoolExecutor(1, mp_context=context, initializer=_prepare, initargs=arguments)

    def seconds(self) -> float:
        """One step's."""
        return self.pool.submit(_timed).result()

    def peak_bytes(self) -> int:
        """What the steps so far added to the process's resident memory."""
        return self.pool.submit(_added_bytes).result()


_worker: dict[str, Any] = {}  # of the process that executes the steps


def _prepare(name: str, space: type[DartsSpace], cells: int, size: int, threads: int) -> None:
    torch.set_num_threads(threads)
    _worker.update(step=_step(name, space(), cells, size), bytes_before=_resident_peak())


def _timed() -> float:
    start = time.perf_counter()
    _worker["step"]()
    return time.perf_counter() - start


def _added_bytes() -> int:
    return _resident_peak() - int(_worker["bytes_before"])


def _resident_peak() -> int:
    """Bytes; of this process alone, whereas getrusage counts the process that started it."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("name", "rounds"), [("darts-1", 3), ("gdas", 10)])
def test_step_beside_the_plain_form(benchmark: Any, name: str, rounds: int) -> None:
    cells, size = (1, 2) if benchmark.disabled else (CELLS, BATCH)
    ours, plain = (_Process(name, space, cells, size) for space in (DartsSpace, PlainDartsSpace))
    with ours.pool, plain.pool:
        for process in (ours, plain):
            process.seconds()
        reference: list[float] = []
        benchmark.pedantic(
            ours.seconds,  # in turn with the plain form, so that whatever else the machine does slows both
            setup=lambda: reference.append(plain.seconds()),
            rounds=1 if benchmark.disabled else rounds,
        )
        peak, plain_peak = ours.peak_bytes(), plain.peak_bytes()
    if not benchmark.disabled:
        seconds, plain_seconds = benchmark.stats.stats.median, statistics.median(reference)
        benchmark.extra_info.update(
            threads=torch.get_num_threads(),
            median_seconds=round(seconds, 3),
            plain_median_seconds=round(plain_seconds, 3),
            times_as_fast_as_plain=round(plain_seconds / seconds, 2),
            peak_mib=round(peak / 2**20),
            plain_peak_mib=round(plain_peak / 2**20),
            share_of_plain_peak=round(peak / plain_peak, 3),
        )
        print(f"\n{name}: {benchmark.extra_info}")

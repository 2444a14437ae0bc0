"""Two seeds of a search: at the same time with a thread each, and one after the other with two threads."""

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

SEARCH = ["--dataset", "digits", "--seeds", "0-1", "--set", "channels=16", "--set", "cells_per_stage=2"]


@pytest.mark.timeout(1800)
def test_workers(benchmark: Any, tmp_path: Path) -> None:
    stores = iter(range(100))
    steps = "1" if benchmark.disabled else "60"

    def search(workers: int, threads: int) -> None:
        subprocess.run(
            [sys.executable, "-m", "harness.main", "run", "--method", "rarts", *SEARCH, "--set", f"steps={steps}",
             "--workers", str(workers), "--threads", str(threads), "--store", tmp_path / str(next(stores))],
            check=True, capture_output=True,
        )  # fmt: skip

    if benchmark.disabled:
        benchmark.pedantic(search, args=(2, 1), rounds=1)
        return
    after: list[float] = []

    def one_after_the_other() -> None:
        begin = time.perf_counter()
        search(1, 2)
        after.append(time.perf_counter() - begin)

    benchmark.pedantic(search, setup=one_after_the_other, args=(2, 1), rounds=3)
    together, alone = benchmark.stats.stats.median, statistics.median(after)
    benchmark.extra_info.update(
        together_seconds=round(together, 2),
        one_after_the_other_seconds=round(alone, 2),
        times_as_fast=round(alone / together, 2),
    )
    print(f"\n{benchmark.name}: {benchmark.extra_info}")

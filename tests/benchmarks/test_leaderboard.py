"""A store of 100,000 runs from the command line: its leaderboard (below 5 s and 1 GB), its HTML report (20 s)."""

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.experiment import RunSpec
from methods import list_methods
from results import EvaluationRecord, Store
from spaces.topology.space import TopologySpace

# Of the process alone: what getrusage says includes the one that started it.
AND_PEAK = """
import atexit
from pathlib import Path
from harness.main import main
atexit.register(lambda: print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]))
main()
"""
SEEDS = 500  # of every method and variant of its settings


@pytest.mark.timeout(1800)
def test_leaderboard_of_many_runs(benchmark: Any, tmp_path: Path) -> None:
    board = tmp_path / "board.md"
    runs = measure(benchmark, tmp_path, ["leaderboard", "--format", "markdown", "--output", board])
    assert board.read_text().count("\n| ") >= runs / SEEDS


@pytest.mark.timeout(1800)
def test_report_of_many_runs(benchmark: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    runs = measure(benchmark, tmp_path, ["report", "--output", page])
    assert page.read_text().count('<details class="runs"') >= runs // SEEDS
    assert page.stat().st_size < 10e6


def measure(benchmark: Any, folder: Path, arguments: list[Any]) -> int:
    """Time the command on a store with so many runs as are returned."""
    runs = fill(Store(folder), 200 if benchmark.disabled else 100_000)
    peaks = []

    def show() -> None:
        command = [sys.executable, "-c", AND_PEAK, *arguments, "--store", folder]
        ended = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks.append(int(ended.stdout.split()[-1]) / 1024)

    benchmark.pedantic(show, rounds=1 if benchmark.disabled else 5)
    if not benchmark.disabled:
        seconds = benchmark.stats.stats.median
        benchmark.extra_info.update(runs=runs, median_seconds=round(seconds, 2), peak_mib=round(max(peaks)))
        print(f"\n{benchmark.name}: {benchmark.extra_info}")
    return runs


def fill(store: Store, wanted: int) -> int:
    """At least so many finished runs with everything that a run leaves behind, through the CSV front door."""
    generator = np.random.default_rng(0)
    space, folder = TopologySpace(), store.location / "csv"
    variants = [(named, index) for index in range(1 + wanted // SEEDS) for named in list_methods()]
    for named, index in variants[: max(1, wanted // SEEDS)]:
        settings = named.implementation.Settings().model_dump(by_alias=True)
        architecture = space.sample(generator)
        spec = RunSpec(
            method=named.name, space="topology", dataset="cifar10", search_seed=0,
            settings=settings, network={"channels": 8 + index}, data={},
        )  # fmt: skip
        store.upsert_run(
            spec.id, experiment="many", method=named.name, space="topology", dataset="cifar10", search_seed=0,
            settings=spec.all_settings, status="finished", architecture=str(architecture), skip_ratio=0.2,
            zero_ratio=0.1, connected=True, parameters_m=0.5, flops_m=70.0, latency_ms=10.0, latency_source="table",
            device="cpu", device_days=0.5, peak_memory_mib=900.0, steps=39_000, versions={"torch": "2.13.0"},
            search_seconds_step=40_000.0, finished_at=datetime(2026, 1, 1, tzinfo=UTC),
        )  # fmt: skip
        store.add_evaluations(
            spec.id,
            [
                EvaluationRecord(source="tabular", dataset="cifar10", split=split, epochs=200, evaluation_seed=None,
                                 error_percent=8.0, provenance="table v1")
                for split in ("validation", "test")
            ],
        )  # fmt: skip
    store.export_csv(folder)
    repeat(folder, generator)
    store.import_csv(folder)
    return len(store.runs())


def repeat(folder: Path, generator: np.random.Generator) -> None:
    """Every run of the files again for every seed, with another error."""
    runs = pd.read_csv(folder / "runs.csv", dtype=str)
    evaluations = pd.read_csv(folder / "evaluations.csv", dtype=str)
    copies = pd.concat([runs.assign(search_seed=seed, original=runs["id"]) for seed in range(SEEDS)], ignore_index=True)
    copies["id"] = [f"{number:012x}" for number in range(len(copies))]
    known = copies[["id", "original"]].rename(columns={"id": "run"})
    merged = known.merge(evaluations, left_on="original", right_on="run_id").drop(columns=["run_id", "original"])
    merged["error_percent"] = generator.normal(8, 1, len(merged)).round(6)
    merged["id"] = [f"{number:016x}" for number in range(len(merged))]
    copies.drop(columns="original").to_csv(folder / "runs.csv", index=False)
    merged.rename(columns={"run": "run_id"})[evaluations.columns].to_csv(folder / "evaluations.csv", index=False)

"""Queries a second of the table beside nats_bench's own API; run with `--benchmark-enable`."""

import multiprocessing
import statistics
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import nats_bench
import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from spaces.topology.ingest import FOLDER_NAME, ingest
from spaces.topology.table import Table

SAMPLE = np.arange(0, 15_625, 50)  # the API reads one file an architecture: a part of the space keeps this short
API_QUERIES = 300
SETTINGS: dict[str, Any] = {"dataset": "cifar100", "split": "test", "epochs": 200, "seed": 888}


@pytest.fixture(scope="module")
def folder(data_folder: Path) -> Path:
    if not (data_folder / FOLDER_NAME).is_dir():
        pytest.skip(f"the test data have no folder {FOLDER_NAME}")
    return data_folder / FOLDER_NAME


@pytest.fixture(scope="module")
def api(folder: Path) -> Any:
    created = nats_bench.create(str(folder), "tss", fast_mode=True, verbose=False)
    for index in SAMPLE:
        ask_api(created, index)  # its files are read at the first question: only later ones are timed
    return created


@pytest.fixture(scope="module")
def table(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Table:
    part = tmp_path_factory.mktemp("part")
    for name in ("meta", *(f"{index:06d}" for index in SAMPLE)):
        (part / f"{name}.pickle.pbz2").symlink_to(folder / f"{name}.pickle.pbz2")
    return Table.load(ingest(part, part / "table.parquet", workers=1))


def ask_api(api: Any, index: int) -> float:
    accuracy: float = api.get_more_info(int(index), "cifar100", hp="200", is_random=888)["test-accuracy"]
    return accuracy


def queries_a_second(ask: Callable[[int], float]) -> float:
    indices = np.resize(SAMPLE, API_QUERIES).tolist()
    start = time.perf_counter()
    for index in indices:
        ask(index)
    return len(indices) / (time.perf_counter() - start)


def record(benchmark: BenchmarkFixture, *, queries: int, api_rate: float) -> None:
    """Note both rates and their ratio; with benchmarks disabled there is nothing to note."""
    if benchmark.stats is None:
        return
    rate = queries / benchmark.stats.stats.median
    benchmark.extra_info.update(
        queries_per_second=round(rate), api_queries_per_second=round(api_rate), ratio=round(rate / api_rate)
    )
    print(f"\n{benchmark.name}: {benchmark.extra_info}")


@pytest.mark.filterwarnings("ignore")  # nats_bench leaves files to the garbage collector
def test_one_architecture_a_query(benchmark: BenchmarkFixture, table: Table, api: Any) -> None:
    indices = SAMPLE.tolist()

    def ask() -> float:
        return sum(float(table.accuracy(index, **SETTINGS)) for index in indices)

    total = benchmark(ask)
    assert total == pytest.approx(sum(ask_api(api, index) for index in indices))
    record(benchmark, queries=len(indices), api_rate=queries_a_second(lambda index: ask_api(api, index)))


@pytest.mark.filterwarnings("ignore")
def test_many_architectures_a_query(benchmark: BenchmarkFixture, table: Table, api: Any) -> None:
    indices = np.resize(SAMPLE, 15_625)
    values = benchmark(lambda: table.accuracy(indices, **SETTINGS))
    np.testing.assert_allclose(values[: len(SAMPLE)], [ask_api(api, index) for index in SAMPLE])
    record(benchmark, queries=len(indices), api_rate=queries_a_second(lambda index: ask_api(api, index)))


@pytest.mark.timeout(1800)
def test_loading_beside_the_api(benchmark: BenchmarkFixture, folder: Path, tmp_path: Path) -> None:
    """From nothing to one error of every architecture, each in a process of its own; the API reads a file for each."""
    part = folder if not benchmark.disabled else tmp_path / "part"
    if benchmark.disabled:
        part.mkdir()
        for name in ("meta", "000000"):
            (part / f"{name}.pickle.pbz2").symlink_to(folder / f"{name}.pickle.pbz2")
    known = 1 if benchmark.disabled else 15_625
    written = ingest(part, tmp_path / "table.parquet", workers=1)
    added: list[float] = []

    def load() -> float:
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
            seconds, mebibytes = pool.submit(load_table, written, known).result()
        added.append(mebibytes)
        return seconds

    loading = [benchmark.pedantic(load, rounds=1)] + [load() for _ in range(0 if benchmark.disabled else 4)]
    if benchmark.disabled:
        return
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        api_seconds, api_added = pool.submit(touch_everything, str(folder)).result()
    seconds = statistics.median(loading)
    benchmark.extra_info.update(
        seconds=round(seconds, 4), added_mib=round(max(added), 1), api_seconds=round(api_seconds, 1),
        api_added_mib=round(api_added), ratio=round(api_seconds / seconds),
    )  # fmt: skip
    print(f"\n{benchmark.name}: {benchmark.extra_info}")


def load_table(written: Path, known: int) -> tuple[float, float]:
    """(seconds, MiB of resident memory added) of loading our file and asking for every known architecture."""
    before, start = resident_peak_mib(), time.perf_counter()
    found = Table.load(written).accuracy(np.arange(known), **SETTINGS)
    assert len(found) == known
    return time.perf_counter() - start, resident_peak_mib() - before


def touch_everything(folder: str) -> tuple[float, float]:
    """The same of the API's `create(fast_mode=True)`."""
    warnings.simplefilter("ignore")  # nats_bench leaves files to the garbage collector
    before, start = resident_peak_mib(), time.perf_counter()
    created = nats_bench.create(folder, "tss", fast_mode=True, verbose=False)
    for index in range(15_625):
        ask_api(created, index)
    return time.perf_counter() - start, resident_peak_mib() - before


def resident_peak_mib() -> float:
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) / 1024

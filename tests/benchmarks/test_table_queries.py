"""Queries a second of the table beside nats_bench's own API; run with `--benchmark-enable`."""

import time
from collections.abc import Callable
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


def test_loading_the_file(benchmark: BenchmarkFixture, folder: Path, tmp_path: Path) -> None:
    """The file has a row for every architecture, however many are known."""
    part = tmp_path / "part"
    part.mkdir()
    for name in ("meta", "000000"):
        (part / f"{name}.pickle.pbz2").symlink_to(folder / f"{name}.pickle.pbz2")
    written = ingest(part, tmp_path / "table.parquet", workers=1)
    assert len(benchmark(Table.load, written)) == 15_625

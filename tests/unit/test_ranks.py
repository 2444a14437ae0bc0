"""Average ranks against Demšar's published example, scipy, and hand-made records."""

import csv
import io
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from harness.main import main
from reports.ranks import Ranks, rank_methods
from reports.ranks_figure import draw_ranks
from reports.ranks_sheet import ranks_sheet
from reports.sheet import render
from results import EvaluationRecord, Store, StoreError

# Demšar 2006, Table 6: areas under the curve (in thousandths) of C4.5 and three tuned variants on 14 data sets;
# the printed ranks of the last but one tell its two figures of 975 apart.
DEMSAR = """763 768 771 798
599 591 590 569
954 971 968 967
628 661 654 657
882 888 886 898
936 931 916 931
661 668 609 685
583 583 563 625
775 838 866 875
1000 1000 1000 1000
940 962 965 962
619 666 614 669
972 981 975.1 975
957 978 946 970"""
METHODS = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")


def add(store: Store, method: str, dataset: str, error: float, *, seed: int = 0, judged: str = "") -> None:
    """A finished run with one test error, and a one-shot error that must not count."""
    run = f"{len(store.runs()):012x}"
    store.upsert_run(
        run, experiment="e", method=method, space="topology", dataset=dataset, search_seed=seed, settings={},
        status="finished",
    )  # fmt: skip
    records = [("tabular", "test", judged or dataset, error), ("one-shot", "validation", dataset, 100 - error)]
    store.add_evaluations(
        run,
        [
            EvaluationRecord(
                source=source, dataset=on, split=split, epochs=0, evaluation_seed=0, error_percent=percent,
                provenance="p",
            )
            for source, split, on, percent in records
        ],
    )  # fmt: skip


def ranked(store: Store, over: str = "data-sets") -> Ranks:
    return rank_methods(
        store.runs(), store.evaluations(), over="seeds" if over == "seeds" else "data-sets", command="c"
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def fill(store: Store, errors: np.ndarray) -> None:
    """A data set a row, a method a column."""
    for row, values in enumerate(errors):
        for column, value in enumerate(values):
            add(store, f"m{column}", f"data{row:02}", float(value))


def test_the_published_example(store: Store) -> None:
    areas = [[float(value) for value in line.split()] for line in DEMSAR.splitlines()]
    for number, row in enumerate(areas):
        for method, area in zip(METHODS, row, strict=True):
            add(store, method, f"data{number:02}", 100 - area / 10)
    found = ranked(store)
    published = {"C4.5+m+cf": 1.964, "C4.5+m": 2.0, "C4.5+cf": 2.893, "C4.5": 3.143}
    assert found.average.to_dict() == pytest.approx(published, abs=5e-4)
    assert list(found.average.index) == list(published)
    assert found.critical_difference == pytest.approx(1.25, abs=5e-3)
    assert found.friedman_p == pytest.approx(stats.friedmanchisquare(*np.array(areas).T).pvalue)
    assert found.friedman_p < 0.05
    assert len(found.tied) == 3  # "the post-hoc test is not powerful enough": 3.143 - 1.964 < 1.25
    assert found.verdict.endswith("C4.5+m+cf has the best rank, within noise of all others")


def test_methods_that_differ_are_told_by_the_critical_difference(store: Store) -> None:
    generator = np.random.default_rng(0)
    fill(store, generator.normal([0, 0.2, 3, 5], 0.5, (10, 4)) + 20)
    found = ranked(store)
    best = found.average.index[0]
    far = {name for name, rank in found.average.items() if rank - found.average[best] > found.critical_difference}
    assert far == {"m2", "m3"}
    assert set(found.tied) == {"m0", "m1"} - {best}
    assert found.average.sum() == pytest.approx(4 * 5 / 2)
    q = stats.studentized_range.ppf(0.95, 4, math.inf) / math.sqrt(2)
    assert q == pytest.approx(2.569, abs=5e-4)  # Demšar, Table 5
    assert found.critical_difference == pytest.approx(q * math.sqrt(4 * 5 / (6 * 10)))


def test_equal_methods_and_ties(store: Store) -> None:
    fill(store, np.full((6, 3), 7.0))
    found = ranked(store)
    assert found.average.tolist() == [2.0, 2.0, 2.0]
    assert (found.friedman_p, found.p_values, len(found.tied)) == (1.0, None, 2)


@pytest.mark.parametrize("shape", [(5, 3), (6, 2)])
def test_too_few_to_test(store: Store, shape: tuple[int, int]) -> None:
    fill(store, np.arange(shape[0] * shape[1]).reshape(shape))
    found = ranked(store)
    assert found.verdict.startswith("too few to test")
    assert (found.friedman_p, found.critical_difference, len(found.tied)) == (None, None, shape[1] - 1)
    assert found.average.tolist() == list(range(1, shape[1] + 1))


def test_only_common_methods_are_ranked(store: Store) -> None:
    fill(store, np.arange(18).reshape(6, 3))
    add(store, "rare", "data00", 0.0)
    add(store, "m0", "lonely", 0.0)
    found = ranked(store)
    assert set(found.average.index) == {"m0", "m1", "m2"}
    assert found.errors.shape == (6, 3)
    assert "left out, because errors are missing: rare, lonely" in found.notes


def test_ranks_are_of_means_over_seeds(store: Store) -> None:
    for seed, (one, other) in enumerate([(1.0, 2.0), (9.0, 3.0)]):
        add(store, "one", "digits", one, seed=seed)
        add(store, "other", "digits", other, seed=seed)
    found = ranked(store)
    assert found.errors.loc["digits"].to_dict() == {"other": 2.5, "one": 5.0}
    assert found.notes == ()


def test_data_sets_of_one_search_are_not_independent(store: Store) -> None:
    for method, error in (("one", 1.0), ("other", 2.0)):
        add(store, method, "cifar10", error)
        add(store, method, "cifar10", error, seed=1, judged="cifar100")
    found = ranked(store)
    assert list(found.errors.index) == ["cifar10", "cifar100 (searched cifar10)"]
    assert found.notes == (
        "architectures of one search were judged on several data sets: these blocks are not independent",
    )


def test_over_seeds_is_friedmans_test_of_the_seeds(store: Store) -> None:
    errors = np.random.default_rng(3).normal([0, 1, 2], 0.7, (8, 3)) + 10
    for seed, row in enumerate(errors):
        for column, error in enumerate(row):
            add(store, f"m{column}", "cifar10", float(error), seed=seed)
    found = ranked(store, "seeds")
    assert list(found.errors.index) == [f"seed {seed}" for seed in range(8)]
    assert found.friedman_p == pytest.approx(stats.friedmanchisquare(*errors.T).pvalue)
    add(store, "m0", "digits", 1.0)
    with pytest.raises(StoreError, match=r"choose one of cifar10 \(topology\), digits \(topology\)"):
        ranked(store, "seeds")


def test_every_format_tells_the_same(store: Store) -> None:
    fill(store, np.arange(24).reshape(8, 3) ** 1.5)
    found = ranked(store)
    content = json.loads(render(ranks_sheet(found), "json"))
    assert content["average_ranks"] == {"m0": 1.0, "m1": 2.0, "m2": 3.0}
    assert content["nemenyi_p"]["m0"]["m2"] == pytest.approx(found.p_values.loc["m0", "m2"])
    lines = list(csv.DictReader(io.StringIO(render(ranks_sheet(found), "csv"))))
    assert [(line["method"], line["average_rank"]) for line in lines] == [("m0", "1.0"), ("m1", "2.0"), ("m2", "3.0")]
    assert "| m0 | ≈ 1.00 |" in render(ranks_sheet(found), "markdown")
    assert r"m0 & $\approx$ 1.00" in render(ranks_sheet(found), "latex")
    assert "Critical difference" in render(ranks_sheet(found), "terminal")


@pytest.mark.parametrize(("ending", "shape"), [(".png", (8, 4)), (".svg", (3, 3)), (".pdf", (6, 2))])
def test_figure(store: Store, tmp_path: Path, ending: str, shape: tuple[int, int]) -> None:
    fill(store, np.arange(shape[0] * shape[1]).reshape(shape))
    path = tmp_path / f"ranks{ending}"
    draw_ranks(ranked(store), path)
    assert path.stat().st_size > 1000


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["nas-harness", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_command_on_committed_records(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path(__file__).resolve().parents[2] / "results/measured/rarts-table-4-small"
    assert run(["ranks", "--records", str(folder), "--json"], monkeypatch) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["average_ranks"]["regularised-evolution"] == 1.0
    assert content["verdict"].startswith("too few to test: 3 data sets and 7 methods")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--store", "nowhere"], "nas-harness run"),
        (["--store", "lonely"], "fewer than two methods"),
        (["--store", "lonely", "--over", "data"], "did you mean data-sets"),
        (["--store", "lonely", "--dataset", "digit"], "did you mean digits"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    add(Store("lonely"), "rarts", "digits", 3.0)
    assert run(["ranks", *arguments], monkeypatch) == 2
    told = capsys.readouterr().err.strip()
    assert says in told
    assert len(told.splitlines()) == 1

"""Anytime curves: worked out by hand, from hand-made histories against the table, and from real searches."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.anytime import read_traces
from harness.main import main
from reports.anytime import Trace, panels
from reports.anytime_figure import draw_anytime
from reports.anytime_sheet import anytime_sheet
from reports.sheet import render
from results import Store
from results.history import read_history, write_history
from spaces.topology.space import TopologySpace

TINY = [
    "--set",
    "steps=12",
    "--set",
    "channels=2",
    "--set",
    "cells_per_stage=1",
    "--set",
    "batch_size=16",
    "--seeds",
    "0",
]


def trace(costs: list[float], errors: list[float], *, method: str = "m", run: str = "r", cost: str = "s") -> Trace:
    return Trace("topology", "digits", method, run, "error", cost, np.array(costs, float), np.array(errors, float))


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["nas-harness", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_curve_by_hand() -> None:
    (panel,) = panels([trace([1, 3, 5], [9, 5, 4]), trace([2, 4], [8, 2]), trace([2, 9], [4, 3])])
    (curve,) = panel.curves
    assert curve.costs.tolist() == [2, 3, 4, 5, 9]  # from the first cost at which all three have an error
    assert curve.errors.tolist() == [[9, 5, 5, 4, 4], [8, 8, 2, 2, 2], [4, 4, 4, 4, 3]]
    assert [summary.mean for summary in curve.summaries] == pytest.approx([7, 17 / 3, 11 / 3, 10 / 3, 3])
    interval = stats.ttest_1samp([9, 8, 4], 0).confidence_interval(0.95)
    assert (curve.summaries[0].low, curve.summaries[0].high) == pytest.approx((interval.low, interval.high))
    assert curve.at(1.9) is None
    assert curve.at(4.5).mean == pytest.approx(11 / 3)
    assert curve.at(100).mean == 3
    assert panel.end == 9


def test_costs_of_different_kinds_are_never_mixed() -> None:
    found = panels([trace([1], [2]), trace([1], [2], cost="simulated s"), trace([1], [3], method="n")])
    assert [(panel.cost, [curve.method for curve in panel.curves]) for panel in found] == [
        ("s", ["m", "n"]),
        ("simulated s", ["m"]),
    ]


def test_long_curves_are_thinned_but_exact() -> None:
    costs = np.arange(1.0, 5001.0)
    errors = np.minimum.accumulate(np.random.default_rng(0).uniform(0, 100, 5000))
    ((curve,),) = (panel.curves for panel in panels([trace(costs.tolist(), errors.tolist())]))
    assert len(curve.costs) <= 200
    assert (curve.costs[0], curve.costs[-1]) == (1, 5000)
    assert (curve.errors[0] == errors[curve.costs.astype(int) - 1]).all()


def stored(store: Store, run_id: str, history: list[dict[str, float]], **columns: Any) -> None:
    """A finished run with that history."""
    values = {
        "experiment": "e", "space": "topology", "dataset": "cifar10", "search_seed": 0, "status": "finished",
        "device": "a chip", "threads": 1, "steps": len(history),
    }  # fmt: skip
    store.upsert_run(run_id, **{**values, **columns})
    write_history(store.run_folder(run_id) / "history.parquet", history)


def test_architectures_are_looked_up_where_they_changed(tmp_path: Path) -> None:
    store, space = Store(tmp_path), TopologySpace()
    architectures = [space.sample(np.random.default_rng(seed)) for seed in range(2)]
    texts = [str(architectures[0]), None, str(architectures[1]), None]
    history = [{"step": step + 1.0, "architecture": text} for step, text in enumerate(texts)]
    columns = {"settings": {}, "search_seconds_step": 6.0, "search_seconds_data": 2.0, "method": "rarts"}
    stored(store, "0" * 12, history, **columns)
    (found,), notes = read_traces(store, store.runs(), table=None, split="validation")
    table = space.table(None)
    expected = table.error(architectures, dataset="cifar10", split="validation", epochs=200, seed="mean")
    assert found.errors == pytest.approx([*expected, expected[1]])
    assert found.costs.tolist() == [2.0, 6.0, 8.0]  # 8 s over 4 steps; the curve reaches the end of its search
    assert found.quantity == f"validation error after 200 epochs, mean over training seeds, {table.label}"
    assert notes == []


def test_real_searches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(tmp_path)
    budget = ["--set", "evaluations=30", "--set", "time_budget=null", "--set", "reward_epochs=200", "--seeds", "0-2"]
    for method in (["random-search", "--dataset", "cifar10", *budget], ["rarts", "--dataset", "digits", *TINY]):
        assert run(["run", "--store", str(tmp_path), "--method", *method], monkeypatch) == 0
    capsys.readouterr()
    figure = tmp_path / "curves.svg"
    assert run(["anytime", "--store", str(tmp_path), "--json", "--figure", str(figure)], monkeypatch) == 0
    looked_up, one_shot = json.loads(capsys.readouterr().out)["panels"]
    assert figure.stat().st_size > 1000
    histories = [read_history(store.run_folder(one) / "history.parquet") for one in looked_up["curves"][0]["run_ids"]]
    best = pd.concat([history["validation_error"].cummin() for history in histories], axis=1)
    assert looked_up["curves"][0]["mean"][-1] == pytest.approx(best.iloc[-1].mean())
    assert looked_up["curves"][0]["costs"][-1] == max(history["simulated_seconds"].max() for history in histories)
    runs = store.runs(method="rarts")
    spent = (runs["search_seconds_step"] + runs["search_seconds_data"]).item()
    (curve,) = one_shot["curves"]
    assert (one_shot["dataset"], len(curve["costs"]), curve["low"]) == ("digits", 10, [None] * 10)
    assert curve["costs"][-1] == pytest.approx(spent)
    assert curve["mean"][-1] == store.evaluations(source="one-shot")["error_percent"].item()


def test_every_format_tells_the_same(tmp_path: Path) -> None:
    found = panels([trace([1, 8], [9, 5]), trace([1, 8], [7, 4], run="q"), trace([4], [3], method="n")])
    lines = list(csv.DictReader(io.StringIO(render(anytime_sheet(found), "csv"))))
    assert [(line["method"], line["cost"], line["mean"], line["runs"]) for line in lines] == [
        ("m", "1.0", "8.0", "2"),
        ("m", "8.0", "4.5", "2"),
        ("n", "4.0", "3.0", "1"),
    ]
    assert json.loads(render(anytime_sheet(found, notes=["a note"]), "json"))["notes"] == ["a note"]
    assert "| n | 1 | - | - | 3.00 | 3.00 |" in render(anytime_sheet(found), "markdown")
    assert r"n & 1 & - & - & 3.00 & 3.00 \\" in render(anytime_sheet(found), "latex")
    assert "a note" in render(anytime_sheet(found, notes=["a note"]), "terminal")
    for ending in (".png", ".pdf"):
        draw_anytime(found, tmp_path / f"curves{ending}")
        assert (tmp_path / f"curves{ending}").stat().st_size > 1000


def test_runs_without_a_history_are_named(tmp_path: Path) -> None:
    store = Store(tmp_path)
    columns = {"settings": {}, "method": "random-search"}
    stored(store, "0" * 12, [{"step": 1, "best_validation_error": 5.0, "simulated_seconds": 7.0}], **columns)
    stored(store, "1" * 12, [], **columns, status="running")
    stored(store, "3" * 12, [{"step": 1, "train_loss": 5.0}], method="rarts", settings={}, dataset="none")
    store.upsert_run(
        "2" * 12, experiment="e", space="topology", dataset="cifar10", search_seed=1, status="finished", **columns
    )
    traces, notes = read_traces(store, store.runs(), table=None, split="validation")
    assert [one.run_id for one in traces] == ["0" * 12]
    assert notes == ["finished runs without a history of such errors, not shown: 2"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--store", "nowhere"], "nas-harness run"),
        (["--store", "imported"], "no finished run in imported has a history"),
        (["--store", "imported", "--split", "train"], "unknown split 'train'"),
        (["--store", "imported", "--space", "topologie"], "did you mean topology"),
        (["--store", "imported", "--format", "pdf"], "there are csv, json, latex"),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    records = Path(__file__).resolve().parents[2] / "results/measured/rarts-table-4-small"
    monkeypatch.chdir(tmp_path)
    Store("imported").import_csv(records)
    assert run(["anytime", *arguments], monkeypatch) == 2
    told = capsys.readouterr().err.strip()
    assert says in told
    assert len(told.splitlines()) == 1

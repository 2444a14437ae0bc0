"""Sensitivity studies: the table against hand computation and scipy, and which runs a study takes."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
from scipy import stats
from typer.testing import CliRunner

from harness.commands.sensitivity import sensitivity as command
from harness.experiment import Experiment, RunSpec
from harness.experiment_file import make_experiment
from harness.sensitivity import parse_factor, study_points
from reports.sensitivity import Point, SensitivityTable, published_figures, sensitivity
from reports.sensitivity_figure import draw_sensitivity
from reports.sensitivity_sheet import sensitivity_sheet
from reports.sheet import render
from results.models import EvaluationRecord
from results.store import Store
from spaces.errors import InputError

LATENCY = {"base": (10.0, 12.0, 11.0), "high": (8.0, 9.0, 9.5), "low": (10.5, 12.0, 12.5)}
ERROR = {"base": (30.0, 32.0, 31.0), "high": (33.0, 33.0, 36.0), "low": (30.0, 31.0, 31.5)}
GAMMA = {"base": 0.002, "high": 0.02, "low": 0.0002}


@pytest.fixture
def table(tmp_path: Path) -> SensitivityTable:
    """Three values of gamma, three seeds each, written to a store directly; a second factor shares the baseline."""
    store = Store(tmp_path)
    names = [f"{name}{seed}" for name in GAMMA for seed in range(3)]
    ids = {name: f"{index:012x}" for index, name in enumerate(names)}
    for name in GAMMA:
        for seed in range(3):
            run = ids[f"{name}{seed}"]
            store.upsert_run(
                run, experiment="e", method="rarts", space="topology", dataset="cifar10", search_seed=seed,
                settings={"gamma": GAMMA[name]}, status="finished", skip_ratio=0.0 if name == "base" else 0.5,
                latency_ms=LATENCY[name][seed], latency_source="device", parameters_m=1.0,
            )  # fmt: skip
            errors = {"validation": ERROR[name][seed], "test": ERROR[name][seed] + 1}
            store.add_evaluations(run, [*_errors(errors, "cifar10"), *_errors(errors, "cifar100")])
    points = [
        Point("gamma", GAMMA[name], {seed: ids[f"{name}{seed}"] for seed in range(3)}, baseline=name == "base")
        for name in GAMMA
    ]
    points.append(Point("batch_size", 64, points[0].runs, baseline=True))
    points.append(Point("batch_size", 16, {0: "ffffffffffff"}))
    return sensitivity(store.runs(), store.evaluations(), points, title="T", dataset="cifar10", command="again")


def _errors(errors: dict[str, float], dataset: str) -> list[EvaluationRecord]:
    return [
        EvaluationRecord(
            source="tabular",
            dataset=dataset,
            split=split,
            epochs=200,
            evaluation_seed=777,
            error_percent=error,
            provenance="a table",
        )
        for split, error in errors.items()
    ]


def _column(table: SensitivityTable, label: str) -> str:
    (key,) = (column.key for column in table.columns if column.label.startswith(label))
    return key


def test_means_and_paired_changes_agree_with_scipy(table: SensitivityTable) -> None:
    for label, known in (("latency", LATENCY), ("cifar10 validation", ERROR)):
        key = _column(table, label)
        base, high, low = (row.cells[key] for row in table.blocks["gamma"])
        assert base.change is None
        for cell, name in ((high, "high"), (low, "low")):
            assert cell.summary.mean == pytest.approx(np.mean(known[name]))
            assert cell.summary.std == pytest.approx(np.std(known[name], ddof=1))
            assert cell.change is not None
            start = np.mean(known["base"])
            interval = stats.ttest_rel(known[name], known["base"]).confidence_interval(0.95)
            assert cell.change.mean == pytest.approx(100 * (np.mean(known[name]) - start) / start)
            assert (cell.change.low, cell.change.high) == pytest.approx(
                (100 * interval.low / start, 100 * interval.high / start)
            )


def test_changes_within_noise_are_marked(table: SensitivityTable) -> None:
    key = _column(table, "latency")
    raw = [stats.ttest_rel(LATENCY[name], LATENCY["base"]).pvalue for name in ("high", "low")]
    expected = [min(1.0, 2 * raw[0]), max(min(1.0, 2 * raw[0]), raw[1])]  # Holm, where the first is the smaller
    assert raw[0] < raw[1]
    assert [row.cells[key].p_value for row in table.blocks["gamma"]] == [None, *(pytest.approx(p) for p in expected)]
    lines = render(sensitivity_sheet(table), "markdown").split("Change from the baseline")[1].splitlines()
    low = next(line for line in lines if line.startswith("| gamma=0.0002"))
    assert low.split(" | ")[1].startswith("≈ +")
    content = json.loads(render(sensitivity_sheet(table), "json"))
    assert content["blocks"]["gamma"][2]["cells"][key]["p_value"] == pytest.approx(expected[1])


def test_columns_are_of_the_searched_data_set_and_keep_splits_apart(table: SensitivityTable) -> None:
    labels = [column.label for column in table.columns]
    assert not [label for label in labels if "cifar100" in label]
    test, validation = _column(table, "cifar10 test"), _column(table, "cifar10 validation")
    row = table.blocks["gamma"][1]
    assert row.cells[test].summary.mean == pytest.approx(row.cells[validation].summary.mean + 1)


def test_no_change_from_nothing_and_missing_runs_are_told(table: SensitivityTable) -> None:
    high = table.blocks["gamma"][1]
    assert high.cells["skip_ratio"].change is None  # the baseline's is 0
    assert not table.blocks["batch_size"][1].cells
    assert table.notes == ("1 of 10 runs are not finished, and not counted",)


def test_published_rows_stand_apart(table: SensitivityTable) -> None:
    figures = published_figures("gamma")
    assert [(figure["value"], figure["latency_ms"]) for figure in figures] == [(2e-3, 21.7), (2e-2, 12.4), (2e-4, 23.4)]
    assert [round(figure["change_percent"], 1) for figure in figures] == [0.0, -42.9, 7.8]
    assert [figure["latency_ms"] for figure in published_figures("batch_size")] == [21.7, 20.1, 16.5]
    assert [figure["value"] for figure in published_figures("alpha_weight_decay")] == [1e-3, 1e-4, 1e-2]
    assert published_figures("beta") == []
    lines = list(csv.DictReader(io.StringIO(render(sensitivity_sheet(table), "csv"))))
    published = [line for line in lines if line["origin"] == "published"]
    assert len(published) == 6
    measured = [line for line in lines if line["origin"] == "measured"]
    assert {line["quantity"] for line in measured} >= {"latency", "skip ratio", "parameters"}


def test_every_format_tells_the_same(table: SensitivityTable) -> None:
    content = json.loads(render(sensitivity_sheet(table), "json"))
    key = _column(table, "latency")
    cell = content["blocks"]["gamma"][1]["cells"][key]
    assert cell["values"] == {"0": 8.0, "1": 9.0, "2": 9.5}
    assert cell["change_percent"]["mean"] == pytest.approx(100 * (26.5 / 33 - 1))
    for format_ in ("terminal", "markdown", "latex"):
        text = render(sensitivity_sheet(table), format_)
        assert "-19.7" in text
        assert "21.7" in text
        assert "not measured here" in text
    # After each of 3 headers, and between 2 blocks in each.
    assert render(sensitivity_sheet(table), "latex").count(r"\midrule") == 3 + 3
    with pytest.raises(ValueError, match="there is no format 'word'"):
        render(sensitivity_sheet(table), "word")


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_figure(table: SensitivityTable, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"figure.{ending}"
    draw_sensitivity(table, path)
    assert path.stat().st_size > 10_000
    with pytest.raises(InputError, match="cannot be written"):
        draw_sensitivity(table, tmp_path / "figure.word")


def _experiment(**content: Any) -> Experiment:
    return make_experiment({"methods": {"rarts": {}}, "seeds": [0, 1], "space": "quadratic"} | content, source="test")


def _specs(experiment: Experiment) -> list[RunSpec]:
    return experiment.runs(table="", latency="")


def test_the_baseline_is_shared_and_heads_every_block() -> None:
    experiment = _experiment(settings={"beta": 0.5}, factors={"beta": (0.5, 2.0, 2), "lambda": (3.0,)})
    points = study_points(experiment, specs_of=_specs)
    assert [(point.factor, point.value, point.baseline) for point in points] == [
        ("beta", 0.5, True), ("beta", 2.0, False), ("lambda", 1.0, True), ("lambda", 3.0, False)
    ]  # fmt: skip
    assert points[0].run_ids == points[2].run_ids
    assert {spec.id for spec in _specs(experiment)} == {run for point in points for run in point.run_ids}
    assert len(_specs(experiment)) == 3 * 2


def test_what_is_no_study() -> None:
    with pytest.raises(InputError, match="nothing varies"):
        study_points(_experiment(), specs_of=_specs)
    with pytest.raises(InputError, match="one method and one data set"):
        study_points(_experiment(methods={"rarts": {}, "gdas": {}}, factors={"beta": (1.0,)}), specs_of=_specs)
    with pytest.raises(InputError, match="beta"):
        study_points(_experiment(factors={"betta": (1.0,)}), specs_of=_specs)
    with pytest.raises(InputError, match="is no factor"):
        parse_factor("gamma")
    assert parse_factor("gamma=2e-4,0.02,1") == ("gamma", [2e-4, 0.02, 1])
    assert parse_factor("nesterov=true,false") == ("nesterov", [True, False])


def test_nothing_is_computed_twice(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(command)
    arguments = [
        "--method", "rarts", "--space", "quadratic", "--seeds", "0-1", "--set", "steps=5", "--set", "nesterov=false",
        "--factor", "beta=0.5,2", "--factor", "lambda=2", "--store", str(tmp_path), "--json",
    ]  # fmt: skip
    first = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert first.exit_code == 0
    before = Store(tmp_path).runs()
    assert len(before) == 4 * 2
    more = CliRunner().invoke(app, [*arguments, "--factor", "momentum=0.5"], catch_exceptions=False)
    assert more.exit_code == 0
    assert len(Store(tmp_path).runs()) == 5 * 2
    pd.testing.assert_frame_equal(Store(tmp_path).runs().head(8), before)
    again = CliRunner().invoke(app, [*arguments, "--report-only"], catch_exceptions=False)
    assert json.loads(again.stdout)["blocks"] == json.loads(first.stdout)["blocks"]

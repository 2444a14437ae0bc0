"""Ablations: which runs a design takes, what is refused, and the table of runs whose effects are known."""

import csv
import io
import itertools
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from harness.ablation import Ablation, make_ablation, parse_choices, plan, read_base
from harness.commands.ablate import ablate
from harness.experiment_file import make_experiment
from reports.ablation import AblationTable, Combination, ablation
from reports.ablation_figure import draw_ablation
from reports.ablation_sheet import ablation_sheet, grids
from reports.sheet import render
from results.models import EvaluationRecord
from results.store import Store
from spaces.errors import InputError

CHOICES = {"lambda": ("1", "10"), "jacobi": ("false", "true")}
BETA_AND_LAMBDA: dict[str, list[float]] = {"beta": [0.5, 2], "lambda": [1, 2, 3]}


def make(**content: Any) -> Ablation:
    rest = {"methods": {"rarts": {}}, "seeds": [0, 1], "space": "quadratic"} | content
    return make_ablation(rest, source="test")


def levels(wanted: Ablation) -> list[dict[str, Any]]:
    return [levels for levels, _ in wanted.run_lists(table="")]


def test_a_crossed_design_takes_every_combination_once() -> None:
    wanted = make(choices=BETA_AND_LAMBDA)
    assert levels(wanted) == [dict(zip(BETA_AND_LAMBDA, pair, strict=True)) for pair in
                              itertools.product(*BETA_AND_LAMBDA.values())]  # fmt: skip
    specs = wanted.runs(table="")
    assert len({spec.id for spec in specs}) == 6 * 2
    alone = make_experiment(
        {"methods": {"rarts": {"beta": 2, "lambda": 3}}, "seeds": [0, 1], "space": "quadratic"}, source="test"
    )
    assert [spec.id for spec in alone.runs(table="")] == [spec.id for spec in specs[-2:]]  # ordinary runs


def test_one_at_a_time_changes_one_choice_of_the_base() -> None:
    wanted = make(choices=BETA_AND_LAMBDA, design="one-at-a-time")
    assert levels(wanted) == [
        {"beta": 0.5, "lambda": 1}, {"beta": 2, "lambda": 1}, {"beta": 0.5, "lambda": 2}, {"beta": 0.5, "lambda": 3}
    ]  # fmt: skip


def test_one_at_a_time_tells_a_method_only_what_it_knows() -> None:
    choices = {"lambda": [2, 1], "method": ["rarts", "darts-1"]}
    wanted = make(choices=choices, design="one-at-a-time")
    assert [(specs[0].method, specs[0].settings.get("lambda")) for _, specs in wanted.run_lists(table="")] == [
        ("rarts", 1), ("rarts", 2), ("darts-1", None)
    ]  # fmt: skip
    with pytest.raises(InputError, match="lambda=2, method=darts-1 cannot be run: unknown setting of darts-1"):
        make(methods={"darts-1": {}}, choices={"lambda": [2, 1], "method": ["darts-1", "rarts"]},
             design="one-at-a-time").runs(table="")  # fmt: skip


def test_the_reference_is_what_the_base_has_else_the_first_level() -> None:
    content: dict[str, Any] = {"choices": {"method": ["darts-1", "rarts"], "momentum": [0.3, 0.5]}}
    assert make(**content).with_references_first(table="").choices == {
        "method": ("rarts", "darts-1"), "momentum": (0.3, 0.5)
    }  # fmt: skip
    choices, combinations = plan(make(**content, settings={"momentum": 0.5}), table="")
    assert choices == {"method": ("rarts", "darts-1"), "momentum": ("0.5", "0.3")}
    assert combinations[0].levels == {"method": "rarts", "momentum": "0.5"}
    assert sorted(combinations[0].runs) == [0, 1]


def test_parts_of_a_method_are_choices() -> None:
    parts = {"relaxation": ["hard-gumbel", "softmax"], "update-rule": ["first-order", "mixed-level"]}
    wanted = make(methods={"darts-1": {}}, choices=parts)
    assert {text(levels): specs[0].method for levels, specs in wanted.run_lists(table="")} == {
        "softmax first-order": "darts-1", "softmax mixed-level": "milenas", "hard-gumbel first-order": "gdas",
        "hard-gumbel mixed-level": "milenas+hard-gumbel",
    }  # fmt: skip


def test_levels_take_the_place_of_the_parts_that_the_base_names() -> None:
    choices = {"regulariser": ["latency", "path-depth"], "relaxation": ["softmax", "hard-concrete"]}
    wanted = make(methods={"rarts+hard-concrete+path-depth": {}}, choices=choices, space="topology")
    (base, specs), *others = wanted.run_lists(table="embedded")
    assert base == {"regulariser": "path-depth", "relaxation": "hard-concrete"}
    assert specs[0].method == "rarts+hard-concrete+path-depth"
    assert [specs[0].method for _, specs in others] == ["rarts+path-depth", "rarts+hard-concrete", "rarts"]


def test_a_method_level_is_called_by_its_own_name() -> None:
    wanted = make(choices={"method": ["rarts", "darts-1+hard-gumbel"]})
    assert [specs[0].method for _, specs in wanted.run_lists(table="")] == ["rarts", "gdas"]


def text(levels: dict[str, Any]) -> str:
    return " ".join(levels.values())


def test_a_setting_of_a_part_goes_to_the_methods_that_have_it() -> None:
    wanted = make(choices={"relaxation": ["softmax", "gumbel-softmax"]}, settings={"temperature_start": 4.0})
    (_, softmax), (_, gumbel) = wanted.run_lists(table="")
    assert gumbel[0].settings["temperature_start"] == 4
    assert "temperature_start" not in softmax[0].settings


def test_settings_that_only_some_methods_know_are_told_to_those() -> None:
    wanted = make(methods={"rarts": {"lambda": 3}}, choices={"method": ["rarts", "darts-1"]})
    (_, rarts), (_, darts) = wanted.run_lists(table="")
    assert rarts[0].settings["lambda"] == 3
    assert "lambda" not in darts[0].settings


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"choices": {"lamda": [1, 2]}}, "unknown choice 'lamda': did you mean lambda"),
        ({"choices": {"lambda": [1]}}, "choice lambda=1 has a single level"),
        ({"choices": {"lambda": [1, 1]}}, "names the level 1 twice"),
        ({"choices": {"lambda": [1, 1.0]}}, "lambda=1 and lambda=1.0 are the same run"),
        ({"choices": {"method": ["rarts", "dart-1"]}}, "unknown method 'dart-1': did you mean darts-1"),
        ({"choices": {"relaxation": ["softmax", "sofmax"]}}, "unknown relaxation 'sofmax': did you mean softmax"),
        ({"choices": {"relaxatio": ["softmax", "sigmoid"]}}, "unknown choice 'relaxatio': did you mean relaxation"),
        (
            {"choices": {"method": ["rarts", "darts-1"], "update-rule": ["relaxed", "first-order"]}},
            "method=rarts, update-rule=relaxed and method=darts-1, update-rule=relaxed are the same run",
        ),
        ({"choices": {"lambda": [1, -1]}}, "lambda=-1 cannot be run: rarts: lambda=-1"),
        (
            {"choices": {"method": ["rarts", "darts-1"], "lambda": [1, 2]}},
            "crossed design takes method=darts-1, lambda=1, which cannot be run",
        ),
        ({"choices": {"lambda": [1, 2]}, "settings": {"stepz": 3}}, "unknown setting 'stepz': did you mean steps"),
        ({"choices": {"lambda": [1, 2]}, "design": "half"}, "design is refused"),
        ({"choices": {"lambda": [1, 2]}, "methods": {"rarts": {}, "gdas": {}}}, "one base method"),
        ({"choices": {"lambda": [1, 2]}, "factors": {"beta": [1]}}, "choices rather than factors"),
        ({"choice": {"lambda": [1, 2]}}, "did you mean choices"),
        ({}, "nothing varies: give --choice"),
    ],
)
def test_what_is_refused_before_any_work(content: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        make(**content).runs(table="")


def test_choices_as_text() -> None:
    assert parse_choices(["beta=0.1,1", "jacobi=true,false", "method=rarts,gdas"]) == {
        "beta": [0.1, 1], "jacobi": [True, False], "method": ["rarts", "gdas"]
    }  # fmt: skip
    with pytest.raises(InputError, match="'beta' is no choice: write NAME=VALUE,VALUE"):
        parse_choices(["beta"])
    with pytest.raises(InputError, match="choice beta is given twice"):
        parse_choices(["beta=1", "beta=2"])


@pytest.fixture
def table(tmp_path: Path) -> AblationTable:
    """Error 20 + 5 for lambda=10 - 2 for jacobi + 4 for both; one run of 13 is not finished and one is cut off."""
    store, combinations = Store(tmp_path), []
    numbers = itertools.count()
    for change in itertools.product(CHOICES["lambda"], CHOICES["jacobi"]):
        runs = {}
        for seed in range(3):
            run = runs[seed] = f"{next(numbers):012x}"
            first, second = change[0] == "10", change[1] == "true"
            store.upsert_run(
                run, experiment="e", method="rarts", space="topology", dataset="digits", search_seed=seed,
                settings={}, status="finished", skip_ratio=0.1 + 0.3 * first, connected=run != "0" * 12,
            )  # fmt: skip
            error = 20 + 5 * first - 2 * second + 4 * (first and second) + (-1) ** seed * (0.5 + 0.1 * second)
            store.add_evaluations(run, [_error("test", error), _error("validation", 1.0)])
        combinations.append(Combination(dict(zip(CHOICES, change, strict=True)), runs))
    extra = Combination(combinations[0].levels, {3: "f" * 12})
    return ablation(
        store.runs(), store.evaluations(), [*combinations, extra], choices=CHOICES, crossed=True, dataset="digits",
        title="T", command="again",
    )  # fmt: skip


def _error(split: str, error: float) -> EvaluationRecord:
    return EvaluationRecord(
        source="trained", dataset="digits", split=split, epochs=4, evaluation_seed=0, error_percent=error,
        provenance="a recipe",
    )  # fmt: skip


def test_the_effects_of_stored_runs(table: AblationTable) -> None:
    error, skips = table.columns
    assert error.label == "digits test, trained, 4 epochs"  # what a leaderboard ranks by
    assert skips.key == "skip_ratio"
    effects = table.effects[error.key]
    assert [effect.difference for effect in effects.main] == pytest.approx([5 + 4 / 2, -2 + 4 / 2 + 0.1 / 3], abs=0.05)
    assert effects.interactions[0].difference == pytest.approx(4)
    assert [effect.difference for effect in table.effects["skip_ratio"].main] == pytest.approx([0.3, 0.0])
    assert table.notes == (
        "1 of 13 runs are not finished, and not counted",
        "1 of 12 runs found a cell that is cut off; its error is that of guessing",
    )


def test_every_format_tells_the_same(table: AblationTable) -> None:
    content = json.loads(render(ablation_sheet(table), "json"))
    error = content["effects"][content["columns"][0]["key"]]
    assert error["main"][0]["levels"] == ["10"]
    assert error["main"][0]["difference"] == pytest.approx(7)
    assert error["interactions"][0]["difference"] == pytest.approx(4)
    assert len(content["runs"]) == 12
    lines = list(csv.DictReader(io.StringIO(render(ablation_sheet(table), "csv"))))
    (interaction,) = (line for line in lines if line["kind"] == "interaction" and line["unit"] == "% error")
    assert interaction["effect"] == "lambda=10 x jacobi=true"
    assert float(interaction["difference"]) == pytest.approx(4)
    assert {line["kind"] for line in lines} == {"mean", "main effect", "interaction", "variance"}
    for format_ in ("terminal", "markdown", "latex"):
        text = render(ablation_sheet(table), format_)
        assert "lambda=10 x jacobi=true" in text
        assert "+7 [" in text or "+7 " in text  # a terminal shows the interval below
        assert "HC3" in text
        assert "Rebuild with" in text
    with pytest.raises(ValueError, match="there is no format 'word'"):
        render(ablation_sheet(table), "word")


def test_one_at_a_time_counts_the_runs_that_a_mean_is_of(table: AblationTable) -> None:
    shown = replace(table, runs=table.runs[~((table.runs["lambda"] == "10") & (table.runs["jacobi"] == "true"))])
    assert [row[1].text for row in grids(replace(shown, crossed=True))[0].rows] == ["6", "3", "6", "3"]
    assert [row[1].text for row in grids(replace(shown, crossed=False))[0].rows] == ["3", "3", "3", "3"]


@pytest.mark.parametrize("ending", ["png", "svg"])
def test_figure(table: AblationTable, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"figure.{ending}"
    draw_ablation(table, path)
    assert path.stat().st_size > 10_000
    with pytest.raises(InputError, match="cannot be written"):
        draw_ablation(table, tmp_path / "figure.word")


def test_nothing_finished_is_told(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.upsert_run("0" * 12, experiment="e", method="rarts", space="topology", dataset="digits", search_seed=0,
                     settings={}, status="running")  # fmt: skip
    nothing = ablation(
        store.runs(), store.evaluations(), [Combination({"lambda": "1", "jacobi": "true"}, {0: "0" * 12})],
        choices=CHOICES, crossed=True, dataset="digits", title="T", command="again",
    )  # fmt: skip
    assert "no finished runs" in render(ablation_sheet(nothing), "markdown")
    with pytest.raises(InputError, match="nothing to draw yet"):
        draw_ablation(nothing, tmp_path / "figure.png")


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    app = typer.Typer()
    app.command()(ablate)
    monkeypatch.setattr(sys, "argv", ["nas-harness", "ablate"])
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(app, arguments, catch_exceptions=False)


TINY = ("--dataset", "digits", "--seeds", "0-1", "--set", "steps=2", "--set", "channels=2", "--set",
        "cells_per_stage=1", "--json")  # fmt: skip


def test_the_command_on_digits_computes_nothing_twice(command: Any, tmp_path: Path) -> None:
    choices = ("--choice", "method=rarts,darts-1", "--choice", "alpha_learning_rate=0.003,0.3")
    first = command("rarts", *choices, *TINY, "--figure", "figure.png")
    content = json.loads(first.stdout)
    assert first.exit_code == 0
    assert [effect["levels"] for effect in next(iter(content["effects"].values()))["main"]] == [["darts-1"], ["0.3"]]
    assert {"skip_ratio"} < set(content["effects"])
    assert (tmp_path / "figure.png").exists()
    store = Store(tmp_path / "nas-harness-store")
    before = store.runs()
    assert len(before) == 4 * 2
    (tmp_path / "ablation.yaml").write_text(
        "methods: [rarts]\nseeds: [0, 1]\nsettings: {steps: 2, channels: 2, cells_per_stage: 1}\n"
        "design: one-at-a-time\nchoices: {method: [rarts, darts-1], alpha_learning_rate: [0.003, 0.3]}\n"
    )
    again = json.loads(command("ablation.yaml", "--json").stdout)
    assert again["design"] == "one-at-a-time"
    assert len(again["runs"]) == 3 * 2
    pd.testing.assert_frame_equal(store.runs(), before)
    store.export_csv(tmp_path / "records")
    reported = command("rarts", *choices, *TINY, "--records", "records", "--store", "elsewhere")
    assert json.loads(reported.stdout)["effects"] == content["effects"]
    assert not (tmp_path / "elsewhere").exists()


def test_files_and_names() -> None:
    assert read_base("gdas") == {"name": "ablation", "methods": {"gdas": {}}}
    with pytest.raises(InputError, match=r"there is no experiment file absent\.yaml"):
        read_base("absent.yaml")

"""Tuning studies: counting and resuming, refusal of other parameters, pruning, Theorem 1, fronts and importances."""

import json
import multiprocessing
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
import typer
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState
from rich.progress import Progress
from typer.testing import CliRunner

from harness import tuning_trials
from harness.commands import tune
from harness.descent import LIPSCHITZ, descent_margins, step_bounds
from harness.experiment_file import make_experiment
from harness.quadratic import LEARNING_RATE, trajectory
from harness.runner import execute
from harness.task import Resources
from harness.tuning import Plan, make_plan, parse_range
from harness.tuning_study import PLAN, load_study, open_study
from harness.tuning_trials import REFUSED, claim_trial, objective_values, run_trials
from harness.tuning_workers import run_study
from harness.workers import Job
from reports.sheet import render
from reports.tuning import tuning_report
from reports.tuning_figures import draw_study
from reports.tuning_sheet import tuning_sheet
from results.models import EvaluationRecord
from results.store import Store
from spaces.errors import InputError

TINY = {"steps": 5, "channels": 2, "cells_per_stage": 1, "batch_size": 16, "alpha_learning_rate": 0.1}


def quadratic_plan(study: str = "study", **changes: Any) -> Plan:
    """Runs of milliseconds; their skip ratio is always 0."""
    return _plan(study, space="quadratic", settings={"steps": 5}, **{"objectives": ["skip-ratio"]} | changes)


def tiny_plan(study: str = "study", **changes: Any) -> Plan:
    """A real search on digits, a second each."""
    return _plan(study, space="topology", settings=TINY, **{"latency": "test"} | changes)


def _plan(study: str, *, space: str, settings: dict[str, Any], **changes: Any) -> Plan:
    content = {"methods": {"rarts": {}}, "seeds": [0], "space": space, "settings": settings}
    options: dict[str, Any] = {"ranges": (), "objectives": (), "sampler": None, "pruner": None, "seed": 0}
    options |= {"table": "", "latency": ""} | changes
    return make_plan(study, make_experiment(content, source="test"), **options)


def job_of(folder: Path) -> Job:
    return Job(str(folder), None, experiment="test", training=None, resources=Resources(), threads=1)


def run(
    plan: Plan,
    folder: Path,
    *,
    trials: int,
    should_stop: Callable[[], bool] = lambda: False,
    notify: Callable[[int, float, Mapping[str, float]], None] = lambda number, share, metrics: None,
) -> optuna.Study:
    run_trials(plan, job_of(folder), trials=trials, should_stop=should_stop, notify=notify)
    return load_study(plan.study, Store(folder))


def drawn(study: optuna.Study) -> list[dict[str, Any]]:
    return [trial.params for trial in study.get_trials(states=(TrialState.COMPLETE,))]


@pytest.mark.parametrize(("sampler", "count"), [("tpe", 12), ("random", 4)])
def test_a_study_goes_on_as_if_it_had_never_stopped(tmp_path: Path, sampler: str, count: int) -> None:
    plan = quadratic_plan(sampler=sampler, ranges=["lambda=1:2", "beta=2:3"])
    whole = run(plan, tmp_path / "whole", trials=count)
    for trials in (3, 3, count):
        parts = run(plan, tmp_path / "parts", trials=trials)
        assert len(drawn(parts)) == trials
    assert drawn(parts) == drawn(whole)
    assert len({params["lambda"] for params in drawn(whole)}) == count
    runs = Store(tmp_path / "parts").runs()
    assert runs["status"].tolist() == ["finished"] * count
    assert [trial.user_attrs["runs"] for trial in parts.trials] == [[run] for run in runs["id"]]


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"ranges": ["beta=2:3"]}, "search space"),
        ({"sampler": "random"}, "sampler"),
        ({"seed": 7}, "seed"),
        ({"space": "topology", "settings": TINY, "objectives": ["validation-error"]}, "experiment and objectives"),
    ],
)
def test_another_study_of_the_same_name_is_refused(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    base: dict[str, Any] = {
        "space": "quadratic", "settings": {"steps": 5}, "objectives": ["skip-ratio"], "ranges": ["beta=2:4"],
        "pruner": "none",
    }  # fmt: skip
    open_study(_plan("study", **base), Store(tmp_path))
    open_study(_plan("study", **base), Store(tmp_path))
    with pytest.raises(InputError, match=f"study 'study' exists with another {named}: "):
        open_study(_plan("study", **base | changes), Store(tmp_path))
    open_study(_plan("other", **base | changes), Store(tmp_path))


def test_a_trial_of_a_killed_process_is_run_again(tmp_path: Path) -> None:
    plan, store = quadratic_plan(ranges=["lambda=1:2", "beta=2:3"]), Store(tmp_path)
    study = open_study(plan, store)
    lost = claim_trial(plan, study, store, trials=3)
    held = claim_trial(plan, study, store, trials=3)
    assert lost is not None
    assert held is not None
    lost.lock.release()  # what the operating system does when a process dies
    study = run(plan, tmp_path, trials=3)
    states = {trial.number: trial.state for trial in study.trials}
    assert states == {
        0: TrialState.FAIL, 1: TrialState.RUNNING, 2: TrialState.COMPLETE, 3: TrialState.COMPLETE
    }  # fmt: skip
    assert study.trials[2].params == lost.trial.params
    held.lock.release()


def test_an_interrupted_trial_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    plan = tiny_plan()
    whole = run(plan, tmp_path / "whole", trials=2)
    seen: list[int] = []

    def notify(number: int, share: float, metrics: Mapping[str, float]) -> None:
        seen.append(number)

    folder = tmp_path / "parts"
    run(plan, folder, trials=2, should_stop=lambda: len(seen) > 7, notify=notify)  # in the third step of the second run
    assert Store(folder).runs()["status"].tolist() == ["finished", "interrupted"]
    seen.clear()
    parts = run(plan, folder, trials=2, notify=notify)
    assert len(seen) == 2  # the two steps that were left
    assert [trial.state.name for trial in parts.trials] == ["COMPLETE", "FAIL", "COMPLETE"]
    finished = (TrialState.COMPLETE,)
    for one, other in zip(whole.get_trials(states=finished), parts.get_trials(states=finished), strict=True):
        assert (one.params, one.values) == (other.params, other.values)
        assert one.intermediate_values == other.intermediate_values


def test_pruned_runs_say_so_and_can_be_resumed(tmp_path: Path) -> None:
    plan, store = tiny_plan(), Store(tmp_path)
    study = open_study(plan, store)
    for _ in range(5):  # flawless trials, beside which any other one is below the median
        study.add_trial(
            optuna.create_trial(
                values=[0.0],
                params={name: 1.0 if name != "gamma" else 0.01 for name in plan.search_space},
                distributions=plan.distributions,
                intermediate_values=dict.fromkeys(range(11), 0.0),
            )
        )
    study = run(plan, tmp_path, trials=6)
    pruned = study.trials[5]
    assert pruned.state is TrialState.PRUNED
    (record,) = store.runs().to_dict("records")
    assert record["status"] == "interrupted"
    assert record["message"] == "pruned by median in trial 5 of study study"
    assert pruned.user_attrs["runs"] == [record["id"]]
    (spec,) = plan.specs(pruned.params)
    steps: list[float] = []
    outcome = execute(
        spec, store, experiment="test", training=None, resources=Resources(),
        report=lambda share, metrics: steps.append(share), should_stop=lambda: False,
    )  # fmt: skip
    assert outcome == "finished"
    assert 0 < len(steps) < 5
    assert store.runs()["message"].tolist() == [""]


def test_objectives_are_validation_errors_of_the_best_source(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for index, run_id in enumerate(("a" * 12, "b" * 12)):
        store.upsert_run(
            run_id, experiment="e", method="rarts", space="topology", dataset="digits", search_seed=index, settings={},
            status="finished", skip_ratio=0.5 * index, latency_ms=None if index else 10.0, predicted_latency_ms=14.0,
        )  # fmt: skip
        store.add_evaluations(
            run_id,
            [
                EvaluationRecord(
                    source=source,
                    dataset=dataset,
                    split=split,
                    epochs=0,
                    evaluation_seed=seed,
                    error_percent=error,
                    provenance="p",
                )
                for source, dataset, split, seed, error in (
                    ("one-shot", "digits", "validation", 0, 90.0),
                    ("tabular", "digits", "validation", 1, 20.0 + 10 * index),
                    ("tabular", "digits", "validation", 2, 30.0 + 10 * index),
                    ("tabular", "digits", "test", 1, 1.0),
                    ("tabular", "cifar10", "validation", 1, 2.0),
                    ("trained", "digits", "test", 1, 3.0),
                )
            ],
        )
    plan = tiny_plan(objectives=["validation-error", "latency", "skip-ratio"])
    assert objective_values(plan, store, ["a" * 12, "b" * 12]) == [30.0, 12.0, 0.25]
    store.upsert_run("c" * 12, experiment="e", method="m", space="s", dataset="digits", search_seed=0, settings={})
    with pytest.raises(InputError, match="has no validation-error"):
        objective_values(plan, store, ["c" * 12])


def test_only_settings_that_theorem_1_allows_are_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = quadratic_plan(ranges=["lambda=log:0.01:100", "beta=log:0.1:100"], sampler="random")
    study = run(plan, tmp_path, trials=3)
    refused = [trial for trial in study.trials if REFUSED in trial.user_attrs]
    assert refused
    assert len(Store(tmp_path).runs()) == 3

    def allowed(params: dict[str, float]) -> bool:
        weight, beta = params["lambda"], params["beta"]
        smallest = 1 / (4 + beta + (1 + weight) * 4)  # c_2 with L_1 = 1, L_2 = L_4 = 4; c_1 is larger
        return weight > 0.5 and beta > 1.5 and smallest > 0.025

    assert all(allowed(params) for params in drawn(study))
    assert not any(allowed(trial.params) for trial in refused)
    assert all(trial.constraints["Theorem 1"] > 0 for trial in refused)
    monkeypatch.setattr(tuning_trials, "MOST_REFUSED", 5)
    with pytest.raises(InputError, match="Theorem 1"):
        run(quadratic_plan("hopeless", ranges=["lambda=1:2", "beta=0.1:1"]), tmp_path, trials=1)


def test_the_lagrangian_of_the_solvable_model_descends_within_the_bounds() -> None:
    generator = np.random.default_rng(0)
    tried = 0
    while tried < 10:
        weight, beta = generator.uniform(0.5, 25), generator.uniform(1.5, 80)
        if min(step_bounds(LIPSCHITZ["quadratic"], weight=weight, beta=beta)) <= LEARNING_RATE:
            continue
        tried += 1
        start = tuple(generator.uniform(-3, 3, size=3))
        settings = {"lambda": weight, "beta": beta}
        points = trajectory("rarts", label="", steps=60, start=start, **settings).points
        a, w, y = np.array(points).T
        lagrangian = a * y - 2 * a + 1 + weight * (w - a) ** 2 + beta / 2 * (y - w) ** 2
        assert (np.diff(lagrangian) <= 1e-9 * np.abs(lagrangian[:-1])).all()


def test_what_is_asked_of_a_network() -> None:
    settings = {"lambda": 1.0, "beta": 39.0, "weight_learning_rate": 0.025, "weight_learning_rate_end": 0.001}
    assert descent_margins("topology", settings) == {"beta * weight_learning_rate < 1": pytest.approx(-0.025)}
    assert descent_margins("topology", settings | {"beta": 40.0})["beta * weight_learning_rate < 1"] >= 0
    assert descent_margins("topology", {"weight_learning_rate": 10.0}) == {}


def _filled_study(folder: Path, objectives: list[str]) -> tuple[optuna.Study, Plan]:
    """30 trials whose objectives are known functions: gamma decides the latency, lambda most of the error."""
    plan = tiny_plan(objectives=objectives)
    study = open_study(plan, Store(folder))
    generator = np.random.default_rng(0)
    logs = {name: np.log((d.low, d.high)) for name, d in plan.distributions.items() if isinstance(d, FloatDistribution)}
    for number in range(30):
        params = {name: float(np.exp(generator.uniform(*ends))) for name, ends in logs.items()}
        error = 10 + np.log10(params["lambda"]) ** 2 + 0.1 * np.log10(params["beta"])
        values = {"validation-error": error, "latency": 5 - np.log10(params["gamma"])}
        study.add_trial(
            optuna.create_trial(
                values=[values[name] for name in objectives],
                params=params,
                distributions=plan.distributions,
                user_attrs={"runs": [f"{number:012x}"]},
            )
        )
    return study, plan


def test_pareto_front_importances_and_figures(tmp_path: Path) -> None:
    objectives = ["validation-error", "latency"]
    study, plan = _filled_study(tmp_path, objectives)
    report = tuning_report(study, plan=plan.identity(), refused=REFUSED)
    values = np.array([trial.values for trial in study.trials])
    beaten = [any((other <= row).all() and (other < row).any() for other in values) for row in values]
    front = [number for number, dominated in enumerate(beaten) if not dominated]
    assert 1 < len(front) < 30
    assert sorted(trial.number for trial in report.best) == front
    error, latency = report.importances
    assert max(error.fanova, key=error.fanova.__getitem__) == "lambda"
    assert latency.fanova["gamma"] > 0.8
    for shares in (error.fanova, error.ped_anova, latency.fanova, latency.ped_anova):
        assert sum(shares.values()) == pytest.approx(1)
    again = load_study("study", Store(tmp_path))
    assert tuning_report(again, plan=again.user_attrs[PLAN], refused=REFUSED).importances == report.importances
    files = draw_study(study, tmp_path / "figures", objectives=report.objectives)
    assert sorted(path.stem for path in files) == sorted(
        ["pareto-front", *(f"{kind}-{name}" for kind in ("history", "slice", "contour") for name in objectives)]
    )
    for format_ in ("terminal", "markdown", "latex", "csv"):
        assert all(str(number) in render(tuning_sheet(report), format_) for number in front)
    content = json.loads(render(tuning_sheet(report), "json"))
    assert [trial["trial"] for trial in content["best"]] == [trial.number for trial in report.best]


def test_a_trial_drawn_twice_is_on_the_front_once(tmp_path: Path) -> None:
    study, plan = _filled_study(tmp_path, ["validation-error", "latency"])
    before = tuning_report(study, plan=plan.identity(), refused=REFUSED)
    study.add_trial(before.best[0])
    after = tuning_report(study, plan=plan.identity(), refused=REFUSED)
    assert [trial.number for trial in after.best] == [trial.number for trial in before.best]
    assert (after.states, after.different) == ({"complete": 31}, 30)
    assert "31 complete (30 of the complete ones different)" in render(tuning_sheet(after), "markdown")


def test_one_objective_has_one_best_trial(tmp_path: Path) -> None:
    study, plan = _filled_study(tmp_path, ["validation-error"])
    report = tuning_report(study, plan=plan.identity(), refused=REFUSED)
    assert [trial.number for trial in report.best] == [int(np.argmin([trial.value for trial in study.trials]))]
    assert report.states == {"complete": 30}


def test_workers_share_the_count(tmp_path: Path) -> None:
    plan = quadratic_plan(ranges=["lambda=1:2", "beta=2:3"])
    assert run_study(plan, job_of(tmp_path), trials=5, workers=2, progress=Progress(disable=True))
    study = load_study("study", Store(tmp_path))
    assert [trial.state for trial in study.trials] == [TrialState.COMPLETE] * 5
    assert len({trial.params["beta"] for trial in study.trials}) == 5
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"objectives": ["test-error"]}, "validation-error"),
        ({"objectives": ["latency", "validation-error"], "pruner": "median"}, "use --pruner none"),
        ({"objectives": ["latency"], "latency": ""}, "no latencies"),
        ({"sampler": "tpee"}, "tpe"),
        ({"ranges": ["betta=log:1:2"]}, "beta"),
        ({"ranges": ["beta=log:2:1"]}, "is no range"),
        ({"ranges": ["beta=-2:1"]}, "is refused"),
        ({"study": "a/b"}, "no name of a study"),
    ],
)
def test_bad_plans(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        tiny_plan(**changes)


def test_ranges() -> None:
    assert parse_range("gamma=log:1e-4:1e-1") == ("gamma", FloatDistribution(1e-4, 1e-1, log=True))
    assert parse_range("beta=0:10") == ("beta", FloatDistribution(0, 10))
    assert parse_range("steps=int:1:5") == ("steps", optuna.distributions.IntDistribution(1, 5))
    assert parse_range("batch_size=16,32") == ("batch_size", optuna.distributions.CategoricalDistribution([16, 32]))
    assert list(tiny_plan(latency="").search_space) == ["lambda", "beta"]  # gamma needs latencies


def test_commands(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(tune.tune)
    app.command(name="tune-report")(tune.tune_report)
    where = ["--study", "small", "--store", str(tmp_path)]
    arguments = [
        "tune", *where, "--trials", "2", "--method", "rarts", "--space", "quadratic", "--set", "steps=3",
        "--objective", "skip-ratio", "--search-space", "lambda=1:2", "--search-space", "beta=2:3", "--json",
    ]  # fmt: skip
    first = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert json.loads(first.stdout)["trials"] == {"complete": 2}
    for again in (["tune-report", "small", *where[2:], "--json"], ["tune", *where, "--report-only", "--json"]):
        assert CliRunner().invoke(app, again, catch_exceptions=False).stdout == first.stdout
    with pytest.raises(InputError, match="small"):
        CliRunner().invoke(app, ["tune-report", "smaller", *where[2:]], catch_exceptions=False)

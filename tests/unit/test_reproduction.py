"""Published figures beside ours, and verdicts, on records whose answers are known."""

import sys
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from harness.main import main
from harness.quadratic import load_figure_1, reproduce_figure_1
from harness.reproduction import load_reproduction, report, reproductions
from reports.reproduction import Claim, Group, Measurements, judge, reproduction_sheet
from reports.sheet import render
from spaces.errors import InputError

GAMMAS = {0.002: [21.0, 22.0, 21.5], 0.02: [12.0, 12.5, 13.0], 0.0002: [23.0, 23.5, 24.0]}


def record(number: int, method: str, **columns: Any) -> dict[str, Any]:
    blank = dict.fromkeys(("skip_ratio", "parameters_m", "latency_ms", "predicted_latency_ms", "device_days"))
    return {"id": f"run{number}", "method": method, "dataset": "cifar10", "settings": {}, **blank, **columns}


def frame(records: list[dict[str, Any]]) -> pd.DataFrame:
    floats = dict.fromkeys(
        ("skip_ratio", "parameters_m", "latency_ms", "predicted_latency_ms", "device_days"), "float64"
    )
    return pd.DataFrame(records).astype(floats)


def evaluations(errors: dict[str, list[float]], *, source: str = "tabular", split: str = "test") -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "run_id": run, "source": source, "dataset": "cifar10", "split": split, "epochs": 200,
                "evaluation_seed": seed, "error_percent": error,
            }
            for run, values in errors.items()
            for seed, error in enumerate(values)
        ]
    )  # fmt: skip


@pytest.fixture
def table_2() -> Measurements:
    runs = [
        record(number, "rarts", predicted_latency_ms=latency, settings={"gamma": gamma, "batch_size": 64})
        for number, (gamma, latency) in enumerate((g, value) for g, values in GAMMAS.items() for value in values)
    ]
    return Measurements(frame(runs), evaluations({}), {"gamma": 0.002, "batch_size": 64}, ("cifar10",))


def test_groups_are_the_baseline_but_for_the_settings_they_name(table_2: Measurements) -> None:
    def latencies(**settings: Any) -> list[float]:
        runs = table_2.of(Group(method="rarts", settings=settings), "cifar10")
        return table_2.values(runs, "latency", "cifar10").tolist()

    assert latencies() == GAMMAS[0.002]
    assert latencies(gamma=0.02) == GAMMAS[0.02]
    assert latencies(gamma=0.02, batch_size=16) == []
    assert len(table_2.along("rarts", "gamma", "cifar10")) == 9
    assert len(table_2.along("rarts", "batch_size", "cifar10")) == 3


def test_table_2_of_the_paper_on_falling_latencies(table_2: Measurements) -> None:
    wanted = load_reproduction("rarts:table-2", small=False)
    made = report(wanted, table_2, command="again")
    ours = {figure.group: figure.ours.mean for figure in made.figures if figure.ours}
    assert ours == {"rarts": 21.5, "rarts (gamma=0.02)": 12.5, "rarts (gamma=0.0002)": 23.5}
    published = [figure.published for figure in made.figures]
    assert published[:3] == [21.7, 12.4, 23.4]
    answers = [verdict.answer for _, verdict in made.verdicts]
    assert answers[:2] == ["holds", "holds"]
    assert set(answers[2:]) == {"nothing measured"}
    assert "| 12.4 | 12.5 ± 0.5 (3) | rarts (gamma=0.02) |" in render(reproduction_sheet(made), "markdown")
    assert reproduction_sheet(made).data["verdicts"][0]["answer"] == "holds"


def test_errors_are_means_over_training_seeds_and_never_of_validation() -> None:
    runs = frame([record(0, "rarts"), record(1, "rarts"), record(2, "rarts")])
    both = pd.concat(
        [evaluations({"run0": [10.0, 12.0], "run1": [20.0]}), evaluations({"run2": [1.0]}, split="validation")]
    )
    measured = Measurements(runs, both, {}, ("cifar10",))
    assert measured.values(runs, "test_error", "cifar10").tolist() == [11.0, 20.0]


def test_skip_ratios_are_percent() -> None:
    runs = frame([record(n, "rarts", skip_ratio=ratio) for n, ratio in enumerate((0.0, 0.0, 1 / 6))])
    claim = Claim(says="no skips", quantity="skip_ratio", of=Group(method="rarts"), every_run=0)
    verdict = judge(claim, Measurements(runs, evaluations({}), {}, ("cifar10",)), "cifar10")
    assert (verdict.answer, verdict.evidence) == ("does not hold", "2 of 3 runs at 0; others at 16.67")


def test_a_claim_has_exactly_one_relation() -> None:
    with pytest.raises(ValidationError, match="exactly one relation"):
        Claim(says="?", quantity="latency", of=Group(method="rarts"))


@pytest.mark.parametrize("name", [name for name in reproductions() if name != "rarts:figure-1"])
@pytest.mark.parametrize("small", [False, True])
def test_every_preset_loads_and_says_what_it_scaled_down(name: str, small: bool) -> None:
    wanted = load_reproduction(name, small=small)
    assert wanted.target.claims
    assert bool(wanted.scaled_down) == small
    assert wanted.experiment.runs(table="table", latency="latency")


def test_small_table_4_names_its_differences() -> None:
    lines = load_reproduction("rarts:table-4", small=True).scaled_down
    assert "settings.steps: 700 instead of 39000" in lines
    assert "datasets: cifar10 instead of cifar10, cifar100" in lines


def test_figure_1_holds() -> None:
    made = reproduce_figure_1(load_figure_1(), command="again")
    assert [verdict.answer for _, verdict in made.verdicts] == ["holds"] * 3


def test_an_unknown_reproduction_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(InputError, match="rarts:table-4"):
        load_reproduction("rarts:tabel-4", small=False)


@pytest.mark.parametrize("given", [["--database", "{}"], ["--database={}"]])
def test_a_password_is_not_repeated(
    given: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "postgresql://me:secret@host/runs"
    arguments = [word.format(url) for word in given]
    monkeypatch.setattr(sys, "argv", ["nas-harness", "reproduce", "rarts:figure-1", "--format", "markdown", *arguments])
    with pytest.raises(SystemExit, match="0"):
        main()
    printed = capsys.readouterr().out
    assert "secret" not in printed
    assert "me:***@host/runs" in printed

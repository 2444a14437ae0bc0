"""Every command and code block of the README, executed."""

import json
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.main import main
from methods import registry
from results.store import Store

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", README, flags=re.M | re.S)
COMMANDS = [
    line for language, block in BLOCKS if not language for line in block.splitlines() if line.startswith("nas-harness ")
]
FULL_SIZE = ["--records"]  # reads the repository: tested below


def execute(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code, command


def test_every_command_runs_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert len(COMMANDS) >= 6
    monkeypatch.chdir(tmp_path)
    for command in COMMANDS:
        if not any(word in command for word in FULL_SIZE):
            execute(command, monkeypatch)


def test_the_leaderboard_is_what_its_command_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(Path(__file__).resolve().parents[2])
    (command,) = [line for line in COMMANDS if "leaderboard --records" in line]
    execute(command, monkeypatch)
    printed = capsys.readouterr().out.splitlines()
    shown = [line for line in README.splitlines() if line.startswith("| ") and "±" in line]
    assert len(shown) == 2 * 26
    assert not set(shown) - set(printed)


def test_the_verdicts_are_what_the_readme_says(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(Path(__file__).resolve().parents[2])
    (command,) = [line for line in COMMANDS if "reproduce" in line and "--records" in line]
    execute(f"{command} --json", monkeypatch)
    verdicts = {verdict["says"]: verdict["answer"] for verdict in json.loads(capsys.readouterr().out)["verdicts"]}
    assert list(verdicts.values()) == [*["too few seeds to tell"] * 2, "holds", *["does not hold"] * 2]


def test_the_experiment_file_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = [block for language, block in BLOCKS if language == "yaml"]
    monkeypatch.chdir(tmp_path)
    Path("experiment.yaml").write_text(block)
    execute("nas-harness run experiment.yaml", monkeypatch)
    store = Store(tmp_path / "nas-harness-store")
    assert len(store.runs(status="finished")) == 6
    assert len(store.evaluations(source="trained")) == 12


@pytest.mark.timeout(900)
def test_the_demo_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    execute("nas-harness demo --workers 1", monkeypatch)
    assert len(Store(tmp_path / "nas-harness-store").runs(status="finished")) == 21
    assert len(list((tmp_path / "nas-harness-report").iterdir())) == 8


def test_the_new_method_searches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (block,) = [block for language, block in BLOCKS if language == "python"]
    monkeypatch.setattr(registry, "_REGISTERED", dict(registry._REGISTERED))
    namespace: dict[str, Any] = {"__name__": "readme"}
    exec(compile(block, "README.md", "exec"), namespace)
    monkeypatch.chdir(tmp_path)
    flags = "--dataset cifar10 --seeds 0 --set evaluations=30 --set reward_epochs=200 --set time_budget=null"
    execute(f"nas-harness run --method hill-climbing {flags}", monkeypatch)
    assert Store(tmp_path / "nas-harness-store").runs()["steps"].tolist() == [30]


def test_make_targets_exist() -> None:
    makefile = (Path(__file__).resolve().parents[2] / "Makefile").read_text()
    for target in re.findall(r"^make (\w+)", README, flags=re.M):
        assert re.search(rf"^{target}:", makefile, flags=re.M)

"""A training killed with SIGKILL or stopped with Ctrl-C, and started again, ends as the one that was left alone."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from harness.checkpoint import load_checkpoint
from harness.commands.evaluate import evaluate
from harness.data import load_dataset
from harness.training import train_standalone
from harness.training_settings import TrainingSettings
from results.store import Store
from spaces.darts.space import DartsSpace

SETTINGS = TrainingSettings(
    epochs=6, batch_size=240, learning_rate=0.05, cutout=2, drop_path=0.4, auxiliary_weight=0.4, gradient_clip=5
)
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "80"}


def train(checkpoint: Path) -> str:
    """Train a small network of the DARTS space; its weights' digest and its test error."""
    torch.set_num_threads(1)
    networks: list[nn.Module] = []
    space = DartsSpace()

    def build() -> nn.Module:
        genotype = space.parse("DARTS_V2")
        networks.append(space.network(genotype, classes=10, in_channels=1, channels=2, cells=3, auxiliary=True))
        return networks[-1]

    result = train_standalone(
        build, load_dataset("digits"), settings=SETTINGS, seed=4, checkpoint=checkpoint, checkpoint_seconds=0
    )
    digest = hashlib.sha256()
    for value in networks[0].state_dict().values():
        digest.update(value.contiguous().numpy().tobytes())
    return f"{digest.hexdigest()} {result.test_error_percent!r}"


def test_killed_training_ends_with_the_same_bits(tmp_path: Path) -> None:
    expected = train(tmp_path / "whole.pt")
    checkpoint = tmp_path / "killed.pt"
    line = "import sys; from pathlib import Path; from tests.integration.test_training_resume import train; "
    process = subprocess.Popen(
        [sys.executable, "-c", line + "train(Path(sys.argv[1]))", str(checkpoint)],
        env=ENVIRONMENT, cwd=Path(__file__).resolve().parents[2],
    )  # fmt: skip
    while process.poll() is None and not checkpoint.exists():
        time.sleep(0.002)
    time.sleep(0.3)  # some steps later, at no particular moment of one
    assert process.poll() is None, "the training ended before it could be killed"
    process.send_signal(signal.SIGKILL)
    process.wait()
    state = load_checkpoint(checkpoint)
    assert state is not None
    assert 0 < state["step"] < SETTINGS.epochs * 6
    assert train(checkpoint) == expected


COMMAND = ["DARTS_V2", "--recipe", "darts-cifar-small", "--dataset", "digits", "--threads", "1"]
SMALL = ["channels=2", "cells=3", "epochs=4"]


def started(store: Path) -> subprocess.Popen[str]:
    """The command in a process of its own, once it has saved a state later than the one that is there already."""
    settings = [word for text in SMALL for word in ("--set", text)]
    before = steps_done(store)
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.main", "evaluate", *COMMAND, *settings, "--checkpoint-seconds", "0",
         "--store", str(store)],
        env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while process.poll() is None and steps_done(store) <= before:
        time.sleep(0.005)
    return process


def steps_done(store: Path) -> int:
    """By the training whose state is in the store; 0 where there is none."""
    state = next((load_checkpoint(path) for path in store.glob("runs/*/training-*.pt")), None)
    return state["step"] if state else 0


def finished(store: Path, capsys: pytest.CaptureFixture[str], *, text: str = "DARTS_V2", seeds: str = "0") -> Any:
    """What the command prints when it is left alone, from whatever state is in the store."""
    evaluate(
        architecture=text, recipe="darts-cifar-small", dataset="digits", store=store, seeds=seeds, threads=1,
        settings=SMALL, json_=True,
    )  # fmt: skip
    return json.loads(capsys.readouterr().out)


def test_killed_and_interrupted_command_ends_with_the_same_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    stopped, whole = tmp_path / "stopped", tmp_path / "whole"
    process = started(stopped)
    process.kill()
    process.communicate()
    process = started(stopped)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Give the same command again to go on" in printed
    assert "Traceback" not in printed
    assert Store(stopped).evaluations().empty
    assert 2 <= steps_done(stopped) < 4 * (1442 // 96)
    found = finished(stopped, capsys)
    assert found == finished(whole, capsys)
    assert not list(stopped.glob("runs/*/training-*"))
    assert Store(stopped).evaluations(source="trained")["error_percent"].tolist() == [found["test_error_percent"]["0"]]


def test_nothing_is_trained_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = finished(tmp_path, capsys)
    before = Store(tmp_path).evaluations()
    genotype = str(DartsSpace().parse("DARTS_V2"))
    assert finished(tmp_path, capsys, text=genotype) == found, "the same architecture by another name"
    assert Store(tmp_path).evaluations().equals(before)
    assert finished(tmp_path, capsys, seeds="0-1")["test_error_percent"].keys() == {"0", "1"}
    assert Store(tmp_path).evaluations()["id"].isin(before["id"]).sum() == 1
    assert Store(tmp_path).runs()["method"].tolist() == ["given"]
    assert "recipe darts-cifar-small: epochs=4" in found["provenance"]

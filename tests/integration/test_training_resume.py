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


def test_interrupted_command_goes_on_and_trains_nothing_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = [
        sys.executable, "-m", "harness.main", "evaluate", "DARTS_V2", "--recipe", "darts-cifar-small", "--dataset",
        "digits", "--set", "channels=2", "--set", "cells=3", "--set", "epochs=2", "--threads", "1",
        "--checkpoint-seconds", "0", "--store", str(tmp_path), "--json",
    ]  # fmt: skip
    process = subprocess.Popen(command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(tmp_path.glob("runs/*/training-*.pt")):
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Give the same command again to go on" in printed
    assert "Traceback" not in printed
    assert Store(tmp_path).evaluations().empty
    (state,) = tmp_path.glob("runs/*/training-*.pt")

    def again(architecture: str, seeds: str) -> dict[str, Any]:
        evaluate(
            architecture, recipe="darts-cifar-small", dataset="digits", store=tmp_path, seeds=seeds, threads=1,
            settings=["channels=2", "cells=3", "epochs=2"], json_=True,
        )  # fmt: skip
        result: dict[str, Any] = json.loads(capsys.readouterr().out)
        return result

    found = again("DARTS_V2", "0")
    assert not state.exists()
    assert not list(tmp_path.glob("runs/*/training-*"))
    (error,) = Store(tmp_path).evaluations(source="trained")["error_percent"]
    assert found["test_error_percent"] == {"0": error}
    assert "recipe darts-cifar-small: epochs=2" in found["provenance"]
    before = Store(tmp_path).evaluations()
    genotype = str(DartsSpace().parse("DARTS_V2"))
    assert again(genotype, "0") == found, "the same architecture by another name is the same record"
    assert Store(tmp_path).evaluations().equals(before)
    assert again("DARTS_V2", "0-1")["test_error_percent"].keys() == {"0", "1"}
    assert Store(tmp_path).runs()["method"].tolist() == ["given"]

"""A run killed with SIGKILL and started again ends exactly as the run that was left alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from results.history import read_history
from results.store import Store

DIFFERENTIABLE = ["steps=24", "channels=4", "cells_per_stage=1", "batch_size=16", "alpha_learning_rate=0.05"]
ONE_SHOT = ["steps=12", "channels=4", "cells_per_stage=1", "batch_size=16", "samples=8"]
CONTROLLER = ["controller_interval=6", "controller_steps=2", "controller_samples=3"]
SAMPLE_BASED = ["evaluations=500", "time_budget=null", "reward_epochs=200"]
CASES = [
    *((name, "digits", DIFFERENTIABLE) for name in ("rarts", "darts-1", "darts-2", "milenas", "gdas")),
    *((name, "digits", ONE_SHOT) for name in ("rsps", "setn")),
    ("enas", "digits", ONE_SHOT + CONTROLLER),
    *(
        (name, "cifar10", SAMPLE_BASED)
        for name in ("random-search", "regularised-evolution", "reinforce", "tpe", "local-search")
    ),
]
EXACT = ["architecture", "skip_ratio", "zero_ratio", "connected", "steps", "simulated_seconds", "parameters_m"]


def command(name: str, dataset: str, settings: list[str], store: Path) -> list[str]:
    flags = [flag for setting in settings for flag in ("--set", setting)]
    return [
        sys.executable, "-c", "from harness.main import main; main()", "run", "--method", name, "--dataset", dataset,
        "--seeds", "0", "--store", str(store), "--threads", "1", "--checkpoint-seconds", "0", *flags,
    ]  # fmt: skip


def outcome(store: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    (row,) = Store(store).runs(status="finished").to_dict("records")
    return pd.DataFrame([{key: row[key] for key in EXACT}]), read_history(
        Store(store).run_folder(row["id"]) / "history.parquet"
    )


@pytest.mark.parametrize(("name", "dataset", "settings"), CASES)
def test_killed_run_ends_like_an_uninterrupted_one(
    name: str, dataset: str, settings: list[str], tmp_path: Path
) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    whole, killed = command(name, dataset, settings, tmp_path / "whole"), tmp_path / "killed"
    subprocess.run(whole, check=True, env=environment, capture_output=True)
    kills = 0
    for moment in range(2):  # at the first checkpoint, then a little later
        process = subprocess.Popen(
            command(name, dataset, settings, killed),
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        while process.poll() is None and not list(killed.glob("runs/*/checkpoint.pt")):
            time.sleep(0.005)
        time.sleep(0.15 * moment)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills
    subprocess.run(command(name, dataset, settings, killed), check=True, env=environment, capture_output=True)
    for expected, found in zip(outcome(tmp_path / "whole"), outcome(killed), strict=True):
        pd.testing.assert_frame_equal(expected, found, check_exact=True)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_control_c_leaves_a_resumable_run_and_a_message(workers: str, tmp_path: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    settings = ["steps=400", "channels=4", "cells_per_stage=1", "batch_size=16"]
    line = [*command("rarts", "digits", settings, tmp_path), "--workers", workers]
    process = subprocess.Popen(line, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not list(tmp_path.glob("runs/*/checkpoint.pt")):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Give the same command again to resume" in printed
    assert "Traceback" not in printed
    assert Store(tmp_path).runs()["status"].tolist() == ["interrupted"]
    assert list(tmp_path.glob("runs/*/checkpoint.pt"))

"""A run killed with SIGKILL and started again ends exactly as the run that was left alone."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.main import main
from methods import find_method, list_methods
from results.history import read_history
from results.store import Store
from spaces.registry import find_space
from tests.short_searches import short_settings

NETWORKS = {"topology": {"channels": 4, "cells_per_stage": 1}, "darts-cnn": {"channels": 4, "cells": 1}}
ON_TABLE = {"evaluations": 500, "time_budget": "null", "reward_epochs": 200}
EXACT = ["architecture", "skip_ratio", "zero_ratio", "connected", "steps", "simulated_seconds", "parameters_m"]


def arguments(name: str, store: Path) -> list[str]:
    """A short search of the method on the first space that makes sense for it, with a checkpoint after every step."""
    method = find_method(name)
    if method.trains_supernet:
        space = next(name for name in NETWORKS if not method.implementation.misplaced(find_space(name)))
        dataset, settings = "digits", NETWORKS[space] | short_settings(name)
    else:
        space, dataset, settings = "topology", "cifar10", ON_TABLE
    flags = [flag for key, value in settings.items() for flag in ("--set", f"{key}={_yaml(value)}")]
    return [
        "nas-harness", "run", "--method", name, "--space", space, "--dataset", dataset, "--seeds", "0",
        "--store", str(store), "--threads", "1", "--checkpoint-seconds", "0", *flags,
    ]  # fmt: skip


def _yaml(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def execute(argv: list[str]) -> None:
    """The command line, in this process, silently."""
    sys.argv = argv
    with Path(os.devnull).open("w") as nothing:
        sys.stdout = sys.stderr = nothing
        main()


@pytest.fixture(scope="module")
def processes() -> Any:
    """Processes that have imported everything when they begin."""
    context = multiprocessing.get_context("forkserver")
    slow = ["torch._dynamo", "sklearn.datasets", "alembic.command", "pyarrow.parquet", "optuna.samplers"]
    context.set_forkserver_preload([*slow, "harness.workers", "harness.runner", __name__])
    return context


def outcome(store: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    (row,) = Store(store).runs(status="finished").to_dict("records")
    return pd.DataFrame([{key: row[key] for key in EXACT}]), read_history(
        Store(store).run_folder(row["id"]) / "history.parquet"
    )


@pytest.mark.parametrize("name", [method.name for method in list_methods()])
def test_killed_run_ends_like_an_uninterrupted_one(name: str, processes: Any, tmp_path: Path) -> None:
    def run(store: Path) -> Any:
        process = processes.Process(target=execute, args=(arguments(name, store),))
        process.start()
        return process

    whole, killed = run(tmp_path / "whole"), tmp_path / "killed"
    whole.join()
    assert whole.exitcode == 0
    kills = 0
    for moment in range(2):  # at the first checkpoint, then a little later
        process = run(killed)
        while process.is_alive() and not list(killed.glob("runs/*/checkpoint.pt")):
            time.sleep(0.005)
        time.sleep(0.1 * moment)
        if process.is_alive():
            process.kill()
            kills += 1
        process.join()
    assert kills
    last = run(killed)
    last.join()
    assert last.exitcode == 0
    for expected, found in zip(outcome(tmp_path / "whole"), outcome(killed), strict=True):
        pd.testing.assert_frame_equal(expected, found, check_exact=True)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_control_c_leaves_a_resumable_run_and_a_message(workers: str, tmp_path: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    line = [sys.executable, "-c", "from harness.main import main; main()", *arguments("rarts", tmp_path)[1:]]
    line += ["--set", "steps=400", "--workers", workers]
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

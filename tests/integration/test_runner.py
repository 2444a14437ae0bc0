"""One run from description to record: skipping, resuming, training seeds, accounting."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock

from harness.experiment import RunSpec, Training
from harness.experiment_file import make_experiment
from harness.runner import execute
from harness.task import Resources
from harness.workers import Job, make_progress, run_all
from results.history import read_history
from results.store import Store

TRAINING = Training(epochs=3, batch_size=128, seeds=(0,))


def spec_of(name: str, **settings: Any) -> RunSpec:
    common = {"steps": 6, "channels": 2, "cells_per_stage": 1, "batch_size": 16}
    content = {"methods": {name: {}}, "seeds": [0], "settings": common | settings}
    (spec,) = make_experiment(content, source="test").runs(table="embedded")
    return spec


def run(
    spec: RunSpec,
    store: Store,
    *,
    training: Training | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    report: Callable[[float, Mapping[str, float]], None] = lambda share, metrics: None,
) -> str:
    return execute(
        spec, store, experiment="test", training=training, resources=Resources(), report=report,
        should_stop=should_stop, checkpoint_seconds=0,
    )  # fmt: skip


def test_finished_runs_are_skipped_and_new_training_seeds_added(tmp_path: Path) -> None:
    spec, store = spec_of("darts-1"), Store(tmp_path)
    assert run(spec, store, training=TRAINING) == "finished"
    before = store.runs()
    assert run(spec, store, training=TRAINING) == "skipped"
    assert run(spec, store, training=TRAINING.model_copy(update={"seeds": (0, 7)})) == "finished"
    pd.testing.assert_frame_equal(store.runs(), before)
    assert store.evaluations(source="trained")["evaluation_seed"].tolist() == [0, 7]
    assert set(store.evaluations(source="tabular")["dataset"]) == {"cifar10", "cifar100", "imagenet16-120"}


def test_training_stops_between_epochs_and_starts_again(tmp_path: Path) -> None:
    whole = Store(tmp_path / "whole")
    spec = spec_of("darts-1")
    run(spec, whole, training=TRAINING)
    trained = False

    def report(share: float, metrics: Mapping[str, float]) -> None:
        nonlocal trained
        trained = trained or "skip_ratio" not in metrics  # only training reports no architecture

    stopped = Store(tmp_path / "stopped")
    assert run(spec, stopped, training=TRAINING, report=report, should_stop=lambda: trained) == "interrupted"
    assert stopped.runs()["status"].tolist() == ["interrupted"]
    assert stopped.evaluations(source="trained").empty
    assert run(spec, stopped, training=TRAINING) == "finished"
    columns = ["dataset", "evaluation_seed", "error_percent"]
    assert whole.evaluations()[columns].equals(stopped.evaluations()[columns])


def test_recipe_trains_on_another_data_set_at_its_own_size(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    images = {f"x_{split}": generator.integers(0, 256, (80, 16, 16, 3), dtype=np.uint8) for split in ("train", "test")}
    labels = {f"y_{split}": np.arange(80) % 4 for split in ("train", "test")}
    np.savez(tmp_path / "own.npz", **images, **labels)
    spec, store = spec_of("darts-1", channels=3), Store(tmp_path / "store")
    name = str(tmp_path / "own.npz")
    asked = {"recipe": "nats-bench-small", "dataset": name, "downsample": 2, "epochs": 1, "batch_size": 40}
    assert run(spec, store, training=Training.model_validate(asked)) == "finished"
    (record,) = store.evaluations(source="trained").to_dict("records")
    assert (record["dataset"], record["epochs"]) == (name, 1)
    assert record["provenance"] == (
        "recipe nats-bench-small: epochs=1, batch_size=40, channels=8, cells_per_stage=1, downsample=2"
    )
    assert run(spec, store, training=Training(epochs=1, batch_size=128)) == "finished"
    (on_digits,) = store.evaluations(source="trained", dataset="digits")["provenance"]
    assert "channels=3, cells_per_stage=1" in on_digits, "without a size of its own, at the size of the search"


def test_refused_training_leaves_the_finished_search_alone(tmp_path: Path) -> None:
    """A second training of as many epochs would replace the first one's error under the same key."""
    spec, store = spec_of("darts-1"), Store(tmp_path)
    run(spec, store, training=TRAINING)
    before = store.runs()
    other = Training(epochs=3, batch_size=64, seeds=(0,))
    job = Job(str(tmp_path), None, "test", other, Resources(), threads=1)
    with make_progress(disable=True) as progress:
        outcomes, failures = run_all([spec], job, workers=1, progress=progress)
    assert not outcomes
    assert "choose other seeds or epochs" in str(failures[spec.id])
    pd.testing.assert_frame_equal(store.runs(), before)


def test_search_seconds_survive_a_resume(tmp_path: Path) -> None:
    spec, store, steps = spec_of("rarts"), Store(tmp_path), 0

    def stop_after_three() -> bool:
        nonlocal steps
        steps += 1
        return steps > 3

    assert run(spec, store, should_stop=stop_after_three) == "interrupted"
    from harness.checkpoint import load_checkpoint

    state = load_checkpoint(store.run_folder(spec.id) / "checkpoint.pt")
    assert state is not None
    assert len(state["history"]) == 3
    spent = state["seconds"]
    assert spent["step"] > 0
    assert run(spec, store) == "finished"
    (row,) = store.runs().to_dict("records")
    assert row["search_seconds_step"] > spent["step"]
    total = sum(row[f"search_seconds_{phase}"] for phase in ("step", "data", "validation"))
    assert row["device_days"] == pytest.approx(total / 86_400)


@pytest.mark.parametrize(
    ("name", "settings", "alphas", "validated"),
    [
        ("rsps", {"samples": 4}, 0, "chosen path of the supernet"),
        ("setn", {"samples": 4}, 30, "chosen path of the supernet"),
        ("darts-1", {}, 30, "supernet with all operations mixed"),
    ],
)
def test_one_shot_errors_say_what_was_validated_and_alpha_is_recorded(
    name: str, settings: dict[str, int], alphas: int, validated: str, tmp_path: Path
) -> None:
    spec, store = spec_of(name, **settings), Store(tmp_path)
    run(spec, store)
    history = read_history(store.run_folder(spec.id) / "history.parquet")
    (error,) = store.evaluations(source="one-shot").to_dict("records")
    assert str(error["provenance"]).startswith(f"{validated}, held-out half")
    assert error["error_percent"] == history["one_shot_error"].iloc[-1]
    assert len([column for column in history if str(column).startswith("alpha/")]) == alphas
    assert len(history) == 6 + settings.get("samples", 0)


def test_run_of_another_process_is_left_alone(tmp_path: Path) -> None:
    spec, store = spec_of("gdas"), Store(tmp_path)
    folder = store.run_folder(spec.id)
    folder.mkdir(parents=True)
    with FileLock(folder / "lock"):
        assert run(spec, store) == "busy"
    assert run(spec, store) == "finished"


def test_identity_depends_on_every_setting_and_not_on_the_experiment() -> None:
    specs = [spec_of("rarts"), spec_of("rarts", beta=0.2), spec_of("rarts", channels=3), spec_of("rarts", downsample=2)]
    assert len({spec.id for spec in specs}) == 4
    assert spec_of("rarts").id == specs[0].id


def test_latency_weight_changes_what_is_found(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for gamma in (0.0, 100.0):
        run(spec_of("rarts", gamma=gamma, steps=60, alpha_learning_rate=0.1), store)
    heavy = store.runs()
    latency = {row["settings"]["gamma"]: row["latency_ms"] for row in heavy.to_dict("records")}
    assert latency[100.0] < latency[0.0]

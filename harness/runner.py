"""One run from its description to its record: skip what is finished, resume what is not, search, evaluate, record."""

import datetime
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import torch
from filelock import FileLock, Timeout

from harness.distributed import ALONE
from harness.evaluation import Evaluation, tabular_evaluations
from harness.experiment import RunSpec, Training
from harness.machine import device_name, git_commit, peak_memory_mib, reset_peak_memory, versions
from harness.recipe import load_recipe
from harness.search import CHECKPOINT_SECONDS, InterruptedSearchError, Report, SearchResult, search
from harness.task import Resources, build_task, open_dataset, open_latency
from harness.timing import SearchClock
from harness.training import check_batch
from methods import find_method
from results.history import write_history
from results.models import EvaluationRecord
from results.store import Store
from spaces.errors import InputError
from spaces.latency import LatencyModel
from spaces.registry import find_space
from spaces.space import CellSpace, Space

Outcome = Literal["finished", "skipped", "interrupted", "busy"]


def execute(
    spec: RunSpec,
    store: Store,
    *,
    experiment: str,
    training: Training | None,
    resources: Resources,
    report: Report,
    should_stop: Callable[[], bool],
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> Outcome:
    """Bring one run to its end; `busy` when another process has it. Safe to call again after any interruption."""
    folder = store.run_folder(spec.id)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / "lock", timeout=0):
            return _execute(
                spec,
                store,
                folder,
                experiment=experiment,
                training=training,
                resources=resources,
                report=report,
                should_stop=should_stop,
                checkpoint_seconds=checkpoint_seconds,
            )
    except Timeout:
        return "busy"


def _execute(
    spec: RunSpec,
    store: Store,
    folder: Path,
    *,
    experiment: str,
    training: Training | None,
    resources: Resources,
    report: Report,
    should_stop: Callable[[], bool],
    checkpoint_seconds: float,
) -> Outcome:
    space = find_space(spec.space)
    clock = SearchClock(torch.device(resources.device))
    known = store.runs(id=spec.id)
    finished = "finished" in set(known["status"])
    try:
        if not finished:
            table, latency = space.table(resources.table), open_latency(space, resources)
            task, held_out = build_task(spec, resources=resources, table=table, latency=latency, clock=clock)
            store.upsert_run(spec.id, **_description(spec, experiment, resources), status="running", message="")
            reset_peak_memory(resources.device)
            result = search(
                find_method(spec.method).implementation(),
                task,
                held_out=held_out,
                clock=clock,
                checkpoint=folder / "checkpoint.pt",
                report=report,
                should_stop=should_stop,
                checkpoint_seconds=checkpoint_seconds,
            )
            write_history(folder / "history.parquet", result.history)
            store.upsert_run(spec.id, **_findings(space, result, latency, resources))
            architecture = result.architecture
            tabulated = tabular_evaluations(architecture, table) if table else ()
            store.add_evaluations(spec.id, [*tabulated, *_one_shot(spec, result)])
        else:
            architecture = space.parse(known["architecture"].item())
        trained = _train(
            spec, architecture, store,
            training=training, resources=resources, report=report, should_stop=should_stop,
        )  # fmt: skip
    except InterruptedSearchError:
        if not finished:
            store.upsert_run(spec.id, status="interrupted")
        return "interrupted"
    if not finished:
        store.upsert_run(spec.id, status="finished", finished_at=_now())
        for leftover in folder.glob("checkpoint.pt*"):
            leftover.unlink()
    return "finished" if trained or not finished else "skipped"


def _train(
    spec: RunSpec,
    architecture: Any,
    store: Store,
    *,
    training: Training | None,
    resources: Resources,
    report: Report,
    should_stop: Callable[[], bool],
) -> int:
    """Train with every training seed that is not in the store yet; returns how many."""

    def after_epoch(epoch: int, epochs: int, loss: float) -> None:
        report(epoch / epochs, {"train_loss": loss})

    if training is None or not spec.data:
        return 0
    wanted = planned_evaluation(spec, architecture, training)
    missing = wanted.missing(store)
    for seed in missing:
        dataset = open_dataset(wanted.dataset, wanted.data, resources)
        wanted.train(seed, dataset, store, progress=after_epoch, should_stop=should_stop)
    return len(missing)


def check_training(specs: list[RunSpec], training: Training, resources: Resources) -> None:
    """Report what the training of the found architectures lacks before the first search; raises InputError."""
    for spec in {spec.dataset: spec for spec in specs}.values():
        wanted = planned_evaluation(spec, None, training)
        if spec.data:
            dataset = open_dataset(wanted.dataset, wanted.data, resources)
            check_batch(wanted.recipe.training, examples=len(dataset.train_images), group=ALONE)


def planned_evaluation(spec: RunSpec, architecture: Any, training: Training) -> Evaluation:
    """What the experiment's block `training` means for a run; raises InputError for what does not fit its space."""
    space = find_space(spec.space)
    if not isinstance(space, CellSpace):
        raise InputError(f"architectures of space '{spec.space}' have no networks to train: leave out the training")
    # Where the search network is the final network with more operations, it is trained at the size of the search.
    same_size = spec.network if spec.network.keys() == space.network_settings.keys() else {}
    recipe = load_recipe(training.recipe)
    overrides = {**same_size, **recipe.network, **training.settings}
    other = {"downsample": training.downsample, "resolution": training.resolution}
    return Evaluation(
        run_id=spec.id,
        space=space,
        architecture=architecture,
        recipe=recipe.adjusted(space, overrides),
        dataset=training.dataset or spec.dataset,
        data=other if training.dataset else spec.data,
        seeds=training.seeds,
    )


def _one_shot(spec: RunSpec, result: SearchResult) -> list[EvaluationRecord]:
    if result.one_shot_error is None:
        return []
    return [
        EvaluationRecord(
            source="one-shot",
            dataset=spec.dataset,
            split="validation",
            epochs=0,
            evaluation_seed=spec.search_seed,
            error_percent=result.one_shot_error,
            provenance=f"{result.one_shot}, held-out half of the training split",
        )
    ]


def _description(spec: RunSpec, experiment: str, resources: Resources) -> dict[str, Any]:
    sources = {name: label for name, label in (("table", spec.table), ("latency", spec.latency)) if label}
    settings = {**spec.all_settings, **sources}
    return {
        "experiment": experiment,
        "method": spec.method,
        "space": spec.space,
        "dataset": spec.dataset,
        "search_seed": spec.search_seed,
        "settings": settings,
        "device": device_name(resources.device),
        "versions": versions(),
        "git_commit": git_commit(),
        "host": platform.node(),
        "threads": torch.get_num_threads(),
    }


def _findings(space: Space, result: SearchResult, latency: LatencyModel | None, resources: Resources) -> dict[str, Any]:
    architecture, seconds = result.architecture, result.seconds
    found = {
        **described_architecture(space, architecture),
        "search_seconds_step": seconds["step"],
        "search_seconds_data": seconds["data"],
        "search_seconds_validation": seconds["validation"],
        "simulated_seconds": result.simulated_seconds,
        "device_days": sum(seconds.values()) / 86_400,
        "peak_memory_mib": peak_memory_mib(resources.device),
        "steps": result.steps,
    }
    if latency is not None and isinstance(space, CellSpace):
        known = latency.known_ms.get(str(architecture))
        found |= {
            "latency_ms": known,
            "latency_source": latency.label if known is not None else None,
            "predicted_latency_ms": latency.predict(space.executed(architecture)),
            "predicted_latency_source": latency.label,
        }
    return found


def described_architecture(space: Space, architecture: Any) -> dict[str, Any]:
    """The columns of a run's record that follow from the architecture alone."""
    operations = architecture.operations
    described = {
        "architecture": str(architecture),
        "operation_counts": {name: operations.count(name) for name in sorted(set(operations))},
        "skip_ratio": architecture.skip_ratio,
        "zero_ratio": architecture.zero_ratio,
        "connected": architecture.connected,
    }
    if isinstance(space, CellSpace):
        described["parameters_m"], described["flops_m"] = space.cost(architecture)
    return described


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)

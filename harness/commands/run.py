"""`nas-harness run`, `runs` and `export`."""

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.commands.grouped_options import grouped
from harness.commands.options import (
    CheckpointOption,
    ExecutionOptions,
    ExperimentArgument,
    JsonOption,
    MethodsOption,
    PartOptions,
    SearchOptions,
    StoreOptions,
    TrainingOptions,
)

if TYPE_CHECKING:
    from rich.console import Console

    from harness.experiment import Experiment, RunSpec
    from harness.task import Resources
    from harness.workers import Job
    from spaces.benchmark import TabularBenchmark


@grouped
def run(
    *,
    experiment: ExperimentArgument = None,
    method: MethodsOption = None,
    searched: SearchOptions,
    parts: PartOptions,
    training: TrainingOptions,
    where: StoreOptions,
    execution: ExecutionOptions,
    checkpoint_seconds: CheckpointOption = 20.0,
    json_: JsonOption = False,
) -> None:
    """Search: methods x data sets x seeds. Finished runs are skipped, interrupted ones resumed."""
    from harness.experiment_file import make_experiment

    content = experiment_content(experiment, method=method, searched=searched, training=training)
    chosen = vars(parts) | {"regularisers": dict(parse_regulariser(text) for text in parts.regulariser or ())}
    content |= {key: value for key, value in chosen.items() if value and key != "regulariser"}
    wanted = make_experiment(content, source=str(experiment or "the command line"))
    start(
        wanted, prepare(wanted.space, execution), where, execution, checkpoint_seconds=checkpoint_seconds, json_=json_
    )


def start(
    wanted: "Experiment",
    prepared: "Prepared",
    where: StoreOptions,
    execution: ExecutionOptions,
    *,
    checkpoint_seconds: float = 20.0,
    json_: bool = False,
) -> None:
    """Run the experiment on what was prepared for its space, and say how each run ended."""
    import json

    from rich.console import Console

    from harness.runner import check_training
    from harness.task import check_data
    from harness.workers import make_progress, run_all
    from spaces.errors import InputError

    console = Console(stderr=True)
    specs = wanted.runs(table=prepared.table_label, latency=prepared.latency_label)
    check_data(specs, prepared.resources, prepared.table)
    if wanted.training is not None:
        check_training(specs, wanted.training, prepared.resources)
    where.open().runs(status="running")  # a store that cannot be read is refused before any work
    job = make_job(wanted, specs, prepared.resources, where, execution, console=console)
    job = replace(job, checkpoint_seconds=checkpoint_seconds)
    with make_progress(console=console) as progress:
        outcomes, failures = run_all(specs, job, workers=execution.workers, progress=progress)
    counts = {name: list(outcomes.values()).count(name) for name in sorted(set(outcomes.values()))}
    if json_:
        typer.echo(json.dumps({"runs": outcomes, "failed": {key: str(error) for key, error in failures.items()}}))
    else:
        summary = ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing was run"
        console.print(f"{summary} of {len(specs)} runs; records in {where.shown[1]}")
    for run_id, error in failures.items():
        console.print(f"run {run_id} failed: {type(error).__name__}: {error}", style="red", markup=False)
    if failures:
        raise InputError(f"{len(failures)} of {len(specs)} runs failed: fix the cause and give the same command again")
    if len(outcomes) < len(specs) or "interrupted" in counts:
        console.print("Interrupted. Give the same command again to resume.")
        raise typer.Exit(130)


def default_threads(workers: int) -> int:
    """What OMP_NUM_THREADS says, else an equal share of the cores."""
    named = os.environ.get("OMP_NUM_THREADS", "")
    return int(named) if named.isdigit() and int(named) else max(1, (os.cpu_count() or 1) // workers)


@grouped
def runs(where: StoreOptions, json_: JsonOption = False) -> None:
    """List the runs in the store."""
    from rich.console import Console
    from rich.table import Column, Table

    found = where.open().runs()
    if json_:
        typer.echo(found.to_json(orient="records", date_format="iso"))
        return
    found = found[["id", "status", "method", "space", "dataset", "search_seed", "skip_ratio"]]
    found = found.rename(columns={"search_seed": "seed", "skip_ratio": "skip ratio"})
    folded = ["method", "dataset"]  # both may be long; an id is there to be copied
    headings = (Column(str(name), overflow="fold", no_wrap=name not in folded) for name in found)
    shown = Table(*headings, box=None, pad_edge=False)
    for row in found.itertuples(index=False):
        shown.add_row(*(f"{value:.3g}" if isinstance(value, float) else str(value) for value in row))
    Console().print(shown)


@grouped
def export(
    *,
    where: StoreOptions,
    folder: Annotated[Path, typer.Argument(help="Where runs.csv and evaluations.csv go.")],
) -> None:
    """Write the run records as CSV files that `leaderboard --records` reads."""
    where.open().export_csv(folder)


@dataclass(frozen=True)
class Prepared:
    """What the runs of a space read and compute on, and what they call it; empty labels where there is none."""

    resources: "Resources"
    table: "TabularBenchmark | None"
    table_label: str
    latency_label: str


def prepare(space: str, execution: ExecutionOptions) -> Prepared:
    """Open the table and the latencies; raises InputError."""
    from harness.task import Resources, open_latency
    from spaces.registry import find_space

    found = find_space(space)
    table = found.table(execution.table)
    resources = Resources(
        device=checked_device(execution.device), data_folder=execution.data, table=execution.table,
        latency=execution.latency, foreign_latency=execution.foreign_latency,
        checkpoint_cells=execution.checkpoint_cells,
    )  # fmt: skip
    latencies = open_latency(found, resources)
    return Prepared(resources, table, table.label if table else "", latencies.label if latencies else "")


def make_job(
    wanted: "Experiment",
    specs: "list[RunSpec]",
    resources: "Resources",
    where: StoreOptions,
    execution: ExecutionOptions,
    *,
    console: "Console",
) -> "Job":
    """What workers need for the runs; where cells cannot be compiled is told on the console."""
    from harness.compilation import compilation_notes
    from harness.workers import Job

    if execution.compile_:
        works, notes = compilation_notes(specs, resources.device)
        for note in notes:
            console.print(note, markup=False, highlight=False, soft_wrap=True)
        resources = replace(resources, compile_cells=works)
    return Job(
        store=str(where.store), database_url=where.database, experiment=wanted.name, training=wanted.training,
        resources=resources, threads=execution.threads or default_threads(execution.workers),
    )  # fmt: skip


def experiment_content(
    experiment: Path | None,
    *,
    method: list[str] | None,
    searched: SearchOptions,
    training: TrainingOptions | None = None,
) -> dict[str, Any]:
    """What `make_experiment` takes, from a YAML file and the flags that override its keys."""
    from harness.experiment_file import load_experiment
    from spaces.errors import InputError

    if experiment is None and not method:
        raise InputError("nothing to run: give an experiment file or --method NAME (see `nas-harness methods`)")
    content = load_experiment(experiment).model_dump() if experiment else {"methods": {}}
    if method:
        content["methods"] = {name: content["methods"].get(name, {}) for name in method}
    return with_flags(content, searched, training)


def with_flags(
    content: dict[str, Any], searched: SearchOptions, training: TrainingOptions | None = None
) -> dict[str, Any]:
    """The content with its keys overridden by the flags that were given."""
    content = dict(content)
    if searched.space:
        content["space"] = searched.space
    if searched.dataset:
        content["datasets"] = searched.dataset
    if searched.seeds:
        content["seeds"] = parse_numbers(searched.seeds)
    if searched.settings:
        flags = dict(parse_setting(text) for text in searched.settings)
        content["settings"] = {**content.get("settings", {}), **flags}
    if training and training.train_epochs:
        content["training"] = {"epochs": training.train_epochs, "seeds": parse_numbers(training.train_seeds)}
    return content


def parse_numbers(text: str) -> list[int]:
    from spaces.errors import InputError

    numbers: list[int] = []
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            numbers += range(int(first), int(last or first) + 1)
    except ValueError:
        numbers = []
    if not numbers:
        raise InputError(f"'{text}' is no list of seeds: write 0,1,2 or 0-2")
    return numbers


def parse_setting(text: str) -> tuple[str, Any]:
    import yaml

    from spaces.errors import InputError

    name, equals, value = text.partition("=")
    if not equals or not name:
        raise InputError(f"'{text}' is no setting: write NAME=VALUE, e.g. steps=300")
    return name, yaml.safe_load(value)


def parse_regulariser(text: str) -> tuple[str, float | None]:
    from spaces.errors import InputError

    name, equals, value = text.partition("=")
    try:
        return name, float(value) if equals else None
    except ValueError:
        raise InputError(f"'{text}' is no regulariser: write NAME or NAME=WEIGHT, e.g. path-depth=0.005") from None


def checked_device(device: str) -> str:
    """The device; raises InputError for a name that is none and for a GPU that is not there."""
    import torch

    from spaces.errors import InputError

    try:
        kind = torch.device(device)
    except RuntimeError:
        raise InputError(f"'{device}' is no device: write cpu or cuda") from None
    if kind.type == "cuda" and not torch.cuda.is_available():
        raise InputError("this machine has no usable CUDA device: use --device cpu")
    return device

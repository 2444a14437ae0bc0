"""`nas-harness run`, `runs` and `export`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.commands.options import (
    DEFAULT_STORE,
    CheckpointCellsOption,
    CheckpointOption,
    CompileOption,
    DatabaseOption,
    DataOption,
    DatasetsOption,
    DeviceOption,
    DiscretisationOption,
    ExperimentArgument,
    ForeignLatencyOption,
    JsonOption,
    LatencyOption,
    MethodsOption,
    RegulariserOption,
    RelaxationOption,
    ScheduleOption,
    SeedsOption,
    SettingsOption,
    SpaceOption,
    StoreOption,
    TableOption,
    ThreadsOption,
    TrainEpochsOption,
    TrainSeedsOption,
    UpdateRuleOption,
    WorkersOption,
)

if TYPE_CHECKING:
    from harness.experiment import Experiment


def run(
    experiment: ExperimentArgument = None,
    method: MethodsOption = None,
    space: SpaceOption = None,
    dataset: DatasetsOption = None,
    seeds: SeedsOption = None,
    settings: SettingsOption = None,
    relaxation: RelaxationOption = None,
    update_rule: UpdateRuleOption = None,
    regulariser: RegulariserOption = None,
    schedule: ScheduleOption = None,
    discretisation: DiscretisationOption = None,
    train_epochs: TrainEpochsOption = None,
    train_seeds: TrainSeedsOption = "0",
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = None,
    data: DataOption = None,
    table: TableOption = None,
    latency: LatencyOption = None,
    foreign_latency: ForeignLatencyOption = False,
    device: DeviceOption = "cpu",
    compile_: CompileOption = False,
    checkpoint_cells: CheckpointCellsOption = False,
    workers: WorkersOption = 1,
    threads: ThreadsOption = 0,
    checkpoint_seconds: CheckpointOption = 20.0,
    json_: JsonOption = False,
) -> None:
    """Search: methods x data sets x seeds. Finished runs are skipped, interrupted ones resumed."""
    from harness.experiment_file import make_experiment

    content = experiment_content(
        experiment, method=method, space=space, dataset=dataset, seeds=seeds, settings=settings,
        train_epochs=train_epochs, train_seeds=train_seeds,
    )  # fmt: skip
    parts = {
        "relaxation": relaxation, "update_rule": update_rule, "schedule": schedule, "discretisation": discretisation,
        "regularisers": dict(parse_regulariser(text) for text in regulariser or ()),
    }  # fmt: skip
    content |= {key: value for key, value in parts.items() if value}
    start(
        make_experiment(content, source=str(experiment or "the command line")), store=store, database=database,
        data=data, table=table, latency=latency, foreign_latency=foreign_latency, device=device, compile_=compile_,
        checkpoint_cells=checkpoint_cells, workers=workers, threads=threads,
        checkpoint_seconds=checkpoint_seconds, json_=json_,
    )  # fmt: skip


def start(
    wanted: "Experiment",
    *,
    store: Path,
    database: str | None = None,
    data: Path | None = None,
    table: Path | None = None,
    latency: str | None = None,
    foreign_latency: bool = False,
    device: str = "cpu",
    compile_: bool = False,
    checkpoint_cells: bool = False,
    workers: int = 1,
    threads: int = 0,
    checkpoint_seconds: float = 20.0,
    json_: bool = False,
) -> None:
    """Run the experiment, and say how each run ended."""
    import json
    from dataclasses import replace

    from rich.console import Console

    from harness.compilation import compilation_notes
    from harness.runner import check_training
    from harness.task import Resources, check_data, open_latency
    from harness.workers import Job, make_progress, run_all
    from results.store import Store
    from spaces.errors import InputError
    from spaces.registry import find_space

    space = find_space(wanted.space)
    known = space.table(table)
    resources = Resources(
        device=checked_device(device), data_folder=data, table=table, latency=latency,
        foreign_latency=foreign_latency, checkpoint_cells=checkpoint_cells,
    )  # fmt: skip
    latencies = open_latency(space, resources)
    specs = wanted.runs(table=known.label if known else "", latency=latencies.label if latencies else "")
    check_data(specs, resources, known)
    if wanted.training is not None:
        check_training(specs, wanted.training, resources)
    Store(store, database_url=database).runs(status="running")  # a store that cannot be read is refused before any work
    job = Job(
        store=str(store), database_url=database, experiment=wanted.name, training=wanted.training,
        resources=resources, threads=threads or default_threads(workers),
        checkpoint_seconds=checkpoint_seconds,
    )  # fmt: skip
    console = Console(stderr=True)
    if compile_:
        works, notes = compilation_notes(specs, device)
        job = replace(job, resources=replace(resources, compile_cells=works))
        for note in notes:
            console.print(note, markup=False, highlight=False, soft_wrap=True)
    with make_progress(console=console) as progress:
        outcomes, failures = run_all(specs, job, workers=workers, progress=progress)
    counts = {name: list(outcomes.values()).count(name) for name in sorted(set(outcomes.values()))}
    if json_:
        typer.echo(json.dumps({"runs": outcomes, "failed": {key: str(error) for key, error in failures.items()}}))
    else:
        summary = ", ".join(f"{count} {name}" for name, count in counts.items()) or "nothing was run"
        console.print(f"{summary} of {len(specs)} runs; records in {database or store}")
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


def runs(store: StoreOption = DEFAULT_STORE, database: DatabaseOption = None, json_: JsonOption = False) -> None:
    """List the runs in the store."""
    from rich.console import Console
    from rich.table import Column, Table

    from results.store import Store

    found = Store(store, database_url=database).runs()
    if json_:
        typer.echo(found.to_json(orient="records", date_format="iso"))
        return
    columns = ("id", "status", "method", "space", "dataset", "search_seed", "skip_ratio")
    shown = Table(*(Column(name, overflow="fold") for name in columns))
    for row in found[list(columns)].itertuples(index=False):
        shown.add_row(*(f"{value:.3g}" if isinstance(value, float) else str(value) for value in row))
    Console().print(shown)


def export(
    folder: Annotated[Path, typer.Argument(help="Where runs.csv and evaluations.csv go.")],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = None,
) -> None:
    """Write the run records as CSV files that `leaderboard --records` reads."""
    from results.store import Store

    Store(store, database_url=database).export_csv(folder)


def experiment_content(
    experiment: Path | None,
    *,
    method: list[str] | None,
    space: str | None,
    dataset: list[str] | None,
    seeds: str | None,
    settings: list[str] | None,
    train_epochs: int | None,
    train_seeds: str,
) -> dict[str, Any]:
    """What `make_experiment` takes, from a YAML file and the flags that override its keys."""
    from harness.experiment_file import load_experiment
    from spaces.errors import InputError

    if experiment is None and not method:
        raise InputError("nothing to run: give an experiment file or --method NAME (see `nas-harness methods`)")
    content = load_experiment(experiment).model_dump() if experiment else {"methods": {}}
    if method:
        content["methods"] = {name: content["methods"].get(name, {}) for name in method}
    return with_flags(
        content, space=space, dataset=dataset, seeds=seeds, settings=settings,
        train_epochs=train_epochs, train_seeds=train_seeds,
    )  # fmt: skip


def with_flags(
    content: dict[str, Any],
    *,
    space: str | None,
    dataset: list[str] | None,
    seeds: str | None,
    settings: list[str] | None,
    train_epochs: int | None,
    train_seeds: str,
) -> dict[str, Any]:
    """The content with its keys overridden by the flags that were given."""
    content = dict(content)
    if space:
        content["space"] = space
    if dataset:
        content["datasets"] = dataset
    if seeds:
        content["seeds"] = parse_numbers(seeds)
    if settings:
        content["settings"] = {**content.get("settings", {}), **dict(parse_setting(text) for text in settings)}
    if train_epochs:
        content["training"] = {"epochs": train_epochs, "seeds": parse_numbers(train_seeds)}
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

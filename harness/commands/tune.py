"""`nas-harness tune` and `tune-report`: settings found by Optuna, and what the study says."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.options import (
    DEFAULT_STORE,
    CheckpointCellsOption,
    DatabaseOption,
    DataOption,
    DatasetsOption,
    DeviceOption,
    ExperimentArgument,
    ForeignLatencyOption,
    FormatOption,
    JsonOption,
    LatencyOption,
    MethodsOption,
    SeedsOption,
    SettingsOption,
    SpaceOption,
    StoreOption,
    TableOption,
    ThreadsOption,
    WorkersOption,
)

if TYPE_CHECKING:
    from results.store import Store

FiguresOption = Annotated[
    Path | None, typer.Option(help="Folder for the history, slice, contour and Pareto-front figures.")
]


def tune(
    experiment: ExperimentArgument = None,
    study: Annotated[str, typer.Option(help="Name of the study; the same name and parameters go on with it.")] = "tune",
    trials: Annotated[int, typer.Option(min=1, help="Trials that the study is to have in all.")] = 60,
    search_space: Annotated[
        list[str] | None,
        typer.Option(
            help="A setting and its range: beta=log:0.001:10, beta=0:10, steps=int:100:300 or batch_size=16,32; by "
            "default lambda=log:0.01:100, beta=log:0.001:10 and gamma=log:1e-4:1e-1."
        ),
    ] = None,
    objective: Annotated[
        list[str] | None, typer.Option(help="validation-error (default), latency or skip-ratio; several: Pareto front.")
    ] = None,
    sampler: Annotated[
        str | None, typer.Option(help="tpe (default), random, gp, nsgaii (of several objectives).")
    ] = None,
    pruner: Annotated[
        str | None, typer.Option(help="median (default), hyperband, successive-halving, none (of several objectives).")
    ] = None,
    sampler_seed: Annotated[int, typer.Option(min=0, help="Seed of the sampler.")] = 0,
    method: MethodsOption = None,
    space: SpaceOption = None,
    dataset: DatasetsOption = None,
    seeds: SeedsOption = None,
    settings: SettingsOption = None,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = None,
    data: DataOption = None,
    table: TableOption = None,
    latency: LatencyOption = None,
    foreign_latency: ForeignLatencyOption = False,
    device: DeviceOption = "cpu",
    checkpoint_cells: CheckpointCellsOption = False,
    workers: WorkersOption = 1,
    threads: ThreadsOption = 0,
    report_only: Annotated[bool, typer.Option("--report-only", help="Run nothing: show the study.")] = False,
    format_: FormatOption = "terminal",
    figures: FiguresOption = None,
    json_: JsonOption = False,
) -> None:
    """Tune settings with Optuna: every trial is an ordinary run, and the study is in the same database."""
    from reports.formats import FORMATS
    from results.store import Store
    from spaces.errors import unknown

    if format_ not in FORMATS:
        raise unknown("format", format_, FORMATS)
    known = Store(store, database_url=database)
    if not report_only:
        from rich.console import Console

        from harness.commands.run import checked_device, default_threads, experiment_content
        from harness.experiment_file import make_experiment
        from harness.task import Resources, check_data, open_latency
        from harness.tuning import make_plan
        from harness.tuning_workers import run_study
        from harness.workers import Job, make_progress
        from spaces.registry import find_space

        content = experiment_content(
            experiment, method=method, space=space, dataset=dataset, seeds=seeds, settings=settings, train_epochs=None,
            train_seeds="0",
        )  # fmt: skip
        if seeds is None and experiment is None:
            content["seeds"] = [0]
        wanted = make_experiment(content, source=str(experiment or "the command line"))
        found = find_space(wanted.space)
        benchmark = found.table(table)
        resources = Resources(
            device=checked_device(device), data_folder=data, table=table, latency=latency,
            foreign_latency=foreign_latency, checkpoint_cells=checkpoint_cells,
        )  # fmt: skip
        latencies = open_latency(found, resources)
        plan = make_plan(
            study, wanted, ranges=search_space or (), objectives=objective or (), sampler=sampler, pruner=pruner,
            seed=sampler_seed, table=benchmark.label if benchmark else "", latency=latencies.label if latencies else "",
        )  # fmt: skip
        check_data(wanted.runs(table=plan.table, latency=plan.latency), resources, benchmark)
        job = Job(
            store=str(store), database_url=database, experiment=study, training=wanted.training, resources=resources,
            threads=threads or default_threads(workers),
        )  # fmt: skip
        console = Console(stderr=True)
        with make_progress(console=console) as progress:
            complete = run_study(plan, job, trials=trials, workers=workers, progress=progress)
        if not complete:
            console.print("Interrupted. Give the same command again to go on with the study.")
            raise typer.Exit(130)
    _report(study, known, format_="json" if json_ else format_, figures=figures)


def tune_report(
    study: Annotated[str, typer.Argument(help="Name of the study.")],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = None,
    format_: FormatOption = "terminal",
    figures: FiguresOption = None,
    json_: JsonOption = False,
) -> None:
    """Show a tuning study: the best trials and how much each setting mattered."""
    from reports.formats import FORMATS
    from results.store import Store
    from spaces.errors import unknown

    if format_ not in FORMATS:
        raise unknown("format", format_, FORMATS)
    _report(study, Store(store, database_url=database), format_="json" if json_ else format_, figures=figures)


def _report(study: str, store: "Store", *, format_: str, figures: Path | None) -> None:
    from rich.console import Console

    from harness.tuning_study import PLAN, load_study
    from harness.tuning_trials import REFUSED
    from reports.tuning import tuning_report
    from reports.tuning_formats import as_renderable, render

    found = load_study(study, store)
    report = tuning_report(found, plan=found.user_attrs[PLAN], refused=REFUSED)
    if format_ == "terminal":
        Console().print(as_renderable(report))
    else:
        typer.echo(render(report, format_), nl=False)
    if figures is not None:
        from reports.tuning_figures import draw_study

        for path in draw_study(found, figures, objectives=report.objectives):
            Console(stderr=True).print(f"figure written to {path}")

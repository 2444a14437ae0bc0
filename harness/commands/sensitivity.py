"""`nas-harness sensitivity`: one factor at a time around a baseline, as in Table 2 of the RARTS paper."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import (
    DEFAULT_STORE,
    CheckpointCellsOption,
    CompileOption,
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
    OutputOption,
    SeedsOption,
    SettingsOption,
    SpaceOption,
    StoreOption,
    TableOption,
    ThreadsOption,
    TrainEpochsOption,
    TrainSeedsOption,
    WorkersOption,
)


def sensitivity(
    experiment: ExperimentArgument = None,
    factor: Annotated[list[str] | None, typer.Option(help="A setting and its values: gamma=0.0002,0.02.")] = None,
    method: MethodsOption = None,
    space: SpaceOption = None,
    dataset: DatasetsOption = None,
    seeds: SeedsOption = None,
    settings: SettingsOption = None,
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
    report_only: Annotated[bool, typer.Option("--report-only", help="Run nothing: show what the store holds.")] = False,
    format_: FormatOption = "terminal",
    output: OutputOption = None,
    figure: Annotated[Path | None, typer.Option(help="Draw a panel a factor and quantity: .png, .svg, .pdf.")] = None,
    json_: JsonOption = False,
) -> None:
    """Vary one setting at a time around a baseline; what the store holds already is not run again."""
    from rich.console import Console

    from harness.commands.run import experiment_content, start
    from harness.experiment_file import make_experiment
    from harness.sensitivity import parse_factor, study_points
    from reports.formats import FORMATS
    from reports.sensitivity import sensitivity as make_table
    from reports.sensitivity_formats import as_renderable, render
    from results.store import Store
    from spaces.errors import InputError, unknown

    format_ = "json" if json_ else format_
    if format_ not in FORMATS:
        raise unknown("format", format_, FORMATS)
    content = experiment_content(
        experiment, method=method, space=space, dataset=dataset, seeds=seeds, settings=settings,
        train_epochs=train_epochs, train_seeds=train_seeds,
    )  # fmt: skip
    if factor:
        content["factors"] = dict(map(parse_factor, factor))
    wanted = make_experiment(content, source=str(experiment or "the command line"))
    table_label, latency_label = labels(
        wanted.space, table=table, latency=latency, foreign_latency=foreign_latency, device=device
    )
    points = study_points(wanted, specs_of=lambda one: one.runs(table=table_label, latency=latency_label))
    if not report_only:
        start(
            wanted, store=store, database=database, data=data, table=table, latency=latency,
            foreign_latency=foreign_latency, device=device, compile_=compile_, checkpoint_cells=checkpoint_cells,
            workers=workers, threads=threads,
        )  # fmt: skip
    known = Store(store, database_url=database)
    if not known.exists:
        raise InputError(f"there is no run store at {store}: leave out --report-only to run the study")
    (name,), (searched,) = wanted.methods, wanted.datasets
    made = make_table(
        known.runs(), known.evaluations(), points, dataset=searched,
        title=f"Sensitivity of {name} on space {wanted.space}, searched on {searched}",
        command=shlex.join(["nas-harness", *sys.argv[1:]]),
    )  # fmt: skip
    if output is not None:
        try:
            output.write_text(render(made, format_), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{output} cannot be written ({error.strerror}): name another file") from error
    elif format_ == "terminal":
        Console().print(as_renderable(made))
    else:
        typer.echo(render(made, format_), nl=False)
    if figure is not None:
        from reports.sensitivity_figure import draw_sensitivity

        draw_sensitivity(made, figure)


def labels(
    space: str, *, table: Path | None, latency: str | None, foreign_latency: bool, device: str
) -> tuple[str, str]:
    """What the runs of a space call their table and the source of their latencies; empty where there is none."""
    from harness.task import Resources, open_latency
    from spaces.registry import find_space

    found = find_space(space)
    known, latencies = (
        found.table(table),
        open_latency(found, Resources(table=table, latency=latency, foreign_latency=foreign_latency, device=device)),
    )
    return known.label if known else "", latencies.label if latencies else ""

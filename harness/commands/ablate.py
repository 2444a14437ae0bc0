"""`nas-harness ablate`: what each choice of a method is worth, by main effects and interactions."""

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
    ForeignLatencyOption,
    FormatOption,
    JsonOption,
    LatencyOption,
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

CHOICE_HELP = "A setting, method or kind of part, and its levels: beta=0.1,1; give it several times."


def ablate(
    base: Annotated[str, typer.Argument(help="The base method, or a YAML file; the flags override its keys.")],
    choice: Annotated[list[str] | None, typer.Option(help=CHOICE_HELP)] = None,
    design: Annotated[str | None, typer.Option(help="crossed (the default) or one-at-a-time.")] = None,
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
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Run nothing: report what the store holds.")
    ] = False,
    records: Annotated[Path | None, typer.Option(help="Folder of exported CSV files to report on.")] = None,
    format_: FormatOption = "terminal",
    output: OutputOption = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the effects into this file: .png, .svg, .pdf.")] = None,
    json_: JsonOption = False,
) -> None:
    """Say which choices of a method matter: main effects and interactions; finished runs are skipped."""
    from rich.console import Console

    from harness.ablation import make_ablation, parse_choices, plan, read_base
    from harness.commands.report import read_records
    from harness.commands.run import start, with_flags
    from harness.commands.sensitivity import labels
    from reports.ablation import ablation as make_table
    from reports.ablation_formats import as_renderable, render
    from reports.formats import FORMATS
    from spaces.errors import InputError, unknown

    format_ = "json" if json_ else format_
    if format_ not in FORMATS:
        raise unknown("format", format_, FORMATS)
    content = with_flags(
        read_base(base), space=space, dataset=dataset, seeds=seeds, settings=settings, train_epochs=train_epochs,
        train_seeds=train_seeds,
    )  # fmt: skip
    if choice:
        content["choices"] = parse_choices(choice)
    if design:
        content["design"] = design
    wanted = make_ablation(content, source=base)
    table_label, latency_label = labels(
        wanted.space, table=table, latency=latency, foreign_latency=foreign_latency, device=device
    )
    choices, combinations = plan(wanted, table=table_label, latency=latency_label)
    if not (report_only or records):
        start(
            wanted, store=store, database=database, data=data, table=table, latency=latency,
            foreign_latency=foreign_latency, device=device, compile_=compile_, checkpoint_cells=checkpoint_cells,
            workers=workers, threads=threads,
        )  # fmt: skip
    runs, evaluations = read_records(store, database=database, records=records)
    made = make_table(
        runs, evaluations, combinations, choices=choices, crossed=wanted.design == "crossed",
        dataset=wanted.datasets[0],
        title=f"Ablation of {wanted.base} on space {wanted.space}, searched on {wanted.datasets[0]}",
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
        from reports.ablation_figure import draw_ablation

        draw_ablation(made, figure)

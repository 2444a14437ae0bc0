"""`nas-harness reproduce`: a paper's table from its preset, the published figures beside ours, a verdict a claim."""

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
    DeviceOption,
    ForeignLatencyOption,
    JsonOption,
    LatencyOption,
    StoreOption,
    TableOption,
    ThreadsOption,
    WorkersOption,
)
from harness.commands.report import read_records
from harness.commands.run import start


def reproduce(
    name: Annotated[str, typer.Argument(help="What to reproduce, e.g. rarts:table-4; without it: list them.")] = "",
    small: Annotated[bool, typer.Option("--small", help="Scaled down to what a laptop does in minutes.")] = False,
    report_only: Annotated[bool, typer.Option("--report-only", help="Run nothing: report what is there.")] = False,
    records: Annotated[Path | None, typer.Option(help="Folder of exported CSV files to report on.")] = None,
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
    markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    json_: JsonOption = False,
) -> None:
    """Run a paper's experiment (or take what is in the store) and say which of its claims hold here."""
    import json

    from rich.console import Console

    from harness.quadratic import load_figure_1, reproduce_figure_1
    from harness.reproduction import FIGURE_1, load_reproduction, measurements, reproductions
    from harness.reproduction import report as make_report
    from reports.reproduction import as_dictionary, as_markdown, as_renderable

    if not name:
        typer.echo(json.dumps(reproductions()) if json_ else "\n".join(reproductions()))
        return
    command = shlex.join(["nas-harness", *sys.argv[1:]])
    if name == FIGURE_1:
        made = reproduce_figure_1(load_figure_1(), command=command)
    else:
        wanted = load_reproduction(name, small=small)
        if not (report_only or records):
            start(
                wanted.experiment, store=store, database=database, data=data, table=table,
                latency=latency, foreign_latency=foreign_latency, device=device, compile_=compile_,
                checkpoint_cells=checkpoint_cells, workers=workers, threads=threads,
            )  # fmt: skip
        runs, evaluations = read_records(store, database=database, records=records)
        made = make_report(wanted, measurements(wanted.experiment, runs, evaluations), command=command)
    if json_:
        typer.echo(json.dumps(as_dictionary(made), indent=2))
    elif markdown:
        typer.echo(as_markdown(made))
    else:
        Console().print(as_renderable(made))

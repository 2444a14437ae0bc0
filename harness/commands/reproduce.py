"""`nas-harness reproduce`: a paper's table from its preset, the published figures beside ours, a verdict a claim."""

from typing import Annotated

import typer

from harness.commands.grouped_options import grouped
from harness.commands.options import ExecutionOptions, OutputOptions, RecordsOption, StoreOptions
from harness.commands.report import given_command, read_records
from harness.commands.run import prepare, start
from harness.commands.writing import check, write


@grouped
def reproduce(
    *,
    name: Annotated[str, typer.Argument(help="What to reproduce, e.g. rarts:table-4; without it: list them.")] = "",
    small: Annotated[bool, typer.Option("--small", help="Scaled down to what a laptop does in minutes.")] = False,
    report_only: Annotated[bool, typer.Option("--report-only", help="Run nothing: report what is there.")] = False,
    records: RecordsOption = None,
    where: StoreOptions,
    execution: ExecutionOptions,
    to: OutputOptions,
) -> None:
    """Run a paper's experiment (or take what is in the store) and say which of its claims hold here."""
    import json

    from harness.quadratic import load_figure_1, reproduce_figure_1
    from harness.reproduction import FIGURE_1, load_reproduction, measurements, reproductions
    from harness.reproduction import report as make_report
    from reports.reproduction import reproduction_sheet

    check(to)
    if not name:
        typer.echo(json.dumps(reproductions()) if to.json_ else "\n".join(reproductions()))
        return
    if name == FIGURE_1:
        made = reproduce_figure_1(load_figure_1(), command=given_command(where))
    else:
        wanted = load_reproduction(name, small=small)
        if not (report_only or records):
            start(wanted.experiment, prepare(wanted.experiment.space, execution), where, execution)
        runs, evaluations = read_records(where, records=records)
        made = make_report(wanted, measurements(wanted.experiment, runs, evaluations), command=given_command(where))
    write(reproduction_sheet(made), to)

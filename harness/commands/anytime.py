"""`nas-harness anytime`: the error of what a search has found so far, against what it has cost."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.grouped_options import grouped
from harness.commands.options import FilterOptions, OutputOptions, StoreOptions, TableOption
from harness.commands.writing import check, write


@grouped
def anytime(
    *,
    table: TableOption = None,
    split: Annotated[str, typer.Option(help="Errors that the table is asked for: validation or test.")] = "validation",
    where: StoreOptions,
    chosen: FilterOptions,
    to: OutputOptions,
    figure: Annotated[Path | None, typer.Option(help="Draw the curves: .png, .svg, .pdf.")] = None,
) -> None:
    """Show how soon each method finds what it finds: error against search cost, from the runs' histories."""
    from harness.anytime import RUN_COLUMNS, SPLITS, read_traces
    from harness.commands.report import choose_runs, read_records
    from reports.anytime import panels
    from reports.anytime_sheet import anytime_sheet
    from spaces.errors import unknown

    check(to, figure=figure)
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    runs, _ = read_records(where, columns=RUN_COLUMNS)
    traces, notes = read_traces(where.open(), choose_runs(runs, chosen), table=table, split=split)
    made = panels(traces)
    write(anytime_sheet(made, notes=notes), to)
    if figure is not None:
        from reports.anytime_figure import draw_anytime

        draw_anytime(made, figure)

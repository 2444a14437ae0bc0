"""`nas-harness ranks`: average ranks of methods over data sets or search seeds, and which of them differ."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from harness.commands.grouped_options import grouped
from harness.commands.options import FilterOptions, OutputOptions, RecordsOption, StoreOptions
from harness.commands.writing import check, write


@grouped
def ranks(
    *,
    over: Annotated[str, typer.Option(help="Blocks of the test: data-sets, or seeds of one data set.")] = "data-sets",
    records: RecordsOption = None,
    where: StoreOptions,
    chosen: FilterOptions,
    to: OutputOptions,
    figure: Annotated[Path | None, typer.Option(help="Draw a critical-difference diagram: .png, .svg, .pdf.")] = None,
) -> None:
    """Rank methods over data sets: Friedman's and Nemenyi's tests, and a critical-difference diagram."""
    from harness.commands.report import choose_runs, filter_options, read_records, source_options
    from reports.leaderboard import RUN_COLUMNS
    from reports.ranks import OVER, rank_methods
    from reports.ranks_sheet import ranks_sheet
    from spaces.errors import unknown

    check(to, figure=figure)
    if over not in OVER:
        raise unknown("kind of block", over, OVER)
    runs, evaluations = read_records(where, records=records, columns=RUN_COLUMNS)
    source = source_options(where, records=records)
    made = rank_methods(
        choose_runs(runs, chosen), evaluations, over="seeds" if over == "seeds" else "data-sets",
        command=shlex.join(["nas-harness", "ranks", *source, "--over", over, *filter_options(chosen)]),
    )  # fmt: skip
    write(ranks_sheet(made), to)
    if figure is not None:
        from reports.ranks_figure import draw_ranks

        draw_ranks(made, figure)

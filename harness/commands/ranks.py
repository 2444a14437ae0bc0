"""`nas-harness ranks`: average ranks of methods over data sets or search seeds, and which of them differ."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import DEFAULT_STORE, DatabaseOption, FormatOption, JsonOption, OutputOption, StoreOption


def ranks(
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = None,
    over: Annotated[str, typer.Option(help="Blocks of the test: data-sets, or seeds of one data set.")] = "data-sets",
    space: Annotated[str | None, typer.Option(help="Only this search space.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only searches on this data set.")] = None,
    experiment: Annotated[str | None, typer.Option(help="Only runs of this experiment.")] = None,
    format_: FormatOption = "terminal",
    output: OutputOption = None,
    figure: Annotated[Path | None, typer.Option(help="Draw a critical-difference diagram: .png, .svg, .pdf.")] = None,
    records: Annotated[Path | None, typer.Option(help="Folder of exported CSV files to read instead.")] = None,
    json_: JsonOption = False,
) -> None:
    """Rank methods over data sets: Friedman's and Nemenyi's tests, and a critical-difference diagram."""
    from rich.console import Console

    from harness.commands.report import choose_runs, read_records, source_options
    from reports.formats import FORMATS
    from reports.leaderboard import RUN_COLUMNS
    from reports.ranks import OVER, rank_methods
    from reports.ranks_formats import as_renderable, render
    from spaces.errors import InputError, unknown

    format_ = "json" if json_ else format_
    if format_ not in FORMATS:
        raise unknown("format", format_, FORMATS)
    if over not in OVER:
        raise unknown("kind of block", over, OVER)
    runs, evaluations = read_records(store, database=database, records=records, columns=RUN_COLUMNS)
    chosen = choose_runs(runs, space=space, dataset=dataset, experiment=experiment)
    chosen_by = {"--over": over, "--space": space, "--dataset": dataset, "--experiment": experiment}
    options = [part for name, value in chosen_by.items() if value is not None for part in (name, value)]
    source = source_options(store, database=database, records=records)
    made = rank_methods(
        chosen, evaluations, over="seeds" if over == "seeds" else "data-sets",
        command=shlex.join(["nas-harness", "ranks", *source, *options]),
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
        from reports.ranks_figure import draw_ranks

        draw_ranks(made, figure)

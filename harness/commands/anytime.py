"""`nas-harness anytime`: the error of what a search has found so far, against what it has cost."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import (
    DEFAULT_STORE,
    DatabaseOption,
    FormatOption,
    JsonOption,
    OutputOption,
    StoreOption,
    TableOption,
)


def anytime(
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = None,
    space: Annotated[str | None, typer.Option(help="Only this search space.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only searches on this data set.")] = None,
    experiment: Annotated[str | None, typer.Option(help="Only runs of this experiment.")] = None,
    table: TableOption = None,
    split: Annotated[str, typer.Option(help="Errors that the table is asked for: validation or test.")] = "validation",
    format_: FormatOption = "terminal",
    output: OutputOption = None,
    figure: Annotated[Path | None, typer.Option(help="Draw the curves: .png, .svg, .pdf.")] = None,
    json_: JsonOption = False,
) -> None:
    """Show how soon each method finds what it finds: error against search cost, from the runs' histories."""
    from rich.console import Console

    from harness.anytime import RUN_COLUMNS, SPLITS, read_traces
    from harness.commands.report import choose_runs, read_records
    from reports.anytime import panels
    from reports.anytime_formats import as_renderable, render
    from reports.formats import FORMATS
    from results.store import Store
    from spaces.errors import InputError, unknown

    format_ = "json" if json_ else format_
    if format_ not in FORMATS:
        raise unknown("format", format_, FORMATS)
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    runs, _ = read_records(store, database=database, records=None, columns=RUN_COLUMNS)
    chosen = choose_runs(runs, experiment=experiment, space=space, dataset=dataset)
    traces, notes = read_traces(Store(store, database_url=database), chosen, table=table, split=split)
    made = panels(traces)
    if output is not None:
        try:
            output.write_text(render(made, format_, notes=notes), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{output} cannot be written ({error.strerror}): name another file") from error
    elif format_ == "terminal":
        Console().print(as_renderable(made, notes=notes))
    else:
        typer.echo(render(made, format_, notes=notes), nl=False)
    if figure is not None:
        from reports.anytime_figure import draw_anytime

        draw_anytime(made, figure)

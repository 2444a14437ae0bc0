"""`nas-harness leaderboard` and `show`: what the run records say."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.options import DEFAULT_STORE, DatabaseOption, FormatOption, JsonOption, OutputOption, StoreOption

if TYPE_CHECKING:
    import pandas as pd

    from reports.board import Leaderboard
    from results.store import Store


def leaderboard(
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = None,
    space: Annotated[str | None, typer.Option(help="Only this search space.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only searches on this data set.")] = None,
    experiment: Annotated[str | None, typer.Option(help="Only runs of this experiment.")] = None,
    format_: FormatOption = "terminal",
    output: OutputOption = None,
    records: Annotated[Path | None, typer.Option(help="Folder of exported CSV files to read instead.")] = None,
    json_: JsonOption = False,
) -> None:
    """Rank the methods: a board for every space and data set that was searched."""
    from rich.console import Console

    from reports.formats import FORMATS, as_renderable, render
    from reports.leaderboard import RUN_COLUMNS
    from spaces.errors import InputError, unknown

    format_ = "json" if json_ else format_
    if format_ not in FORMATS:
        raise unknown("format", format_, FORMATS)
    runs, evaluations = read_records(store, database=database, records=records, columns=RUN_COLUMNS)
    boards = make_boards(
        runs, evaluations, space=space, dataset=dataset, experiment=experiment,
        source=source_options(store, database=database, records=records),
    )  # fmt: skip
    if output is not None:
        try:
            output.write_text(render(boards, format_), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{output} cannot be written ({error.strerror}): name another file") from error
    elif format_ == "terminal":
        for board in boards:
            Console().print(as_renderable(board))
    else:
        typer.echo(render(boards, format_), nl=False)


def show(
    run: Annotated[str, typer.Argument(help="Run id, or its unique beginning.")],
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = None,
    draw: Annotated[Path | None, typer.Option(help="Draw the cell into this file (.svg, .png or .pdf).")] = None,
    json_: JsonOption = False,
) -> None:
    """Show one run: settings, provenance, what it found and how good that is."""
    import json

    from rich.console import Console

    from reports.drawing import save_cells
    from reports.run_report import as_dictionary, as_renderable
    from spaces.errors import InputError
    from spaces.registry import find_space
    from spaces.space import CellSpace

    opened = _open(store, database=database)
    record = opened.run(run)
    evaluations = opened.evaluations(run_id=record.id)
    space = find_space(record.space)
    found = record.architecture
    cells = space.cells(space.parse(found)) if isinstance(space, CellSpace) and found else {}
    if json_:
        typer.echo(json.dumps(as_dictionary(record, evaluations), indent=2))
    else:
        Console().print(as_renderable(record, evaluations, cells=cells))
        typer.echo(record.architecture or "No architecture was found yet.")
    if draw is not None:
        if not cells:
            raise InputError(f"run {record.id} has no cell to draw: choose a finished run of a space of cells")
        save_cells(cells, draw, title=record.architecture or "")


def _open(store: Path, *, database: str | None) -> "Store":
    """The store, which has to be there; raises StoreError with the command that makes one."""
    from results.errors import StoreError
    from results.store import Store

    opened = Store(store, database_url=database)
    if not opened.exists:
        raise StoreError(
            f"there is no run store at {store}: make one with `nas-harness run --method rarts --store {store}`"
        )
    return opened


def read_records(
    store: Path, *, database: str | None, records: Path | None, columns: Sequence[str] | None = None
) -> "tuple[pd.DataFrame, pd.DataFrame]":
    import gc

    from results.errors import StoreError
    from results.records import read_frames

    if records is not None:
        return read_frames(records)
    opened = _open(store, database=database)
    runs = opened.runs(columns=columns)
    if runs.empty:
        raise StoreError(f"{store} holds no runs yet: add some with `nas-harness run --method rarts --store {store}`")
    evaluations = opened.evaluations()
    # Every correction for multiple comparisons in statsmodels collects garbage; the records are none until the end.
    gc.freeze()
    return runs, evaluations


def make_boards(
    runs: "pd.DataFrame",
    evaluations: "pd.DataFrame",
    *,
    space: str | None,
    dataset: str | None,
    experiment: str | None,
    source: list[str],
) -> "list[Leaderboard]":
    """The boards of the spaces and data sets that were searched; `source` are the options that name the records."""
    from reports.leaderboard import leaderboard as make_board
    from results.published_tables import published_rows

    chosen = choose_runs(runs, experiment=experiment)
    wanted = choose_runs(runs, experiment=experiment, space=space, dataset=dataset)
    searched = sorted(set(zip(wanted["space"].tolist(), wanted["dataset"].tolist(), strict=True)))
    options = [*source, *(["--experiment", experiment] if experiment else [])]
    return [
        make_board(
            chosen,
            evaluations,
            space=of_space,
            dataset=on_dataset,
            command=shlex.join(["nas-harness", "leaderboard", *options, "--space", of_space, "--dataset", on_dataset]),
            published=published_rows(of_space, on_dataset),
        )
        for of_space, on_dataset in searched
    ]


def choose_runs(
    runs: "pd.DataFrame", *, experiment: str | None = None, space: str | None = None, dataset: str | None = None
) -> "pd.DataFrame":
    """The runs with these values; raises InputError for a value that no run has."""
    from spaces.errors import unknown

    chosen = runs
    for name, wanted in (("experiment", experiment), ("space", space), ("dataset", dataset)):
        if wanted is not None:
            known = sorted(runs[name].unique())
            if wanted not in known:
                raise unknown(f"{name.replace('dataset', 'data set')} of the run records", wanted, known)
            chosen = chosen[chosen[name] == wanted]
    return chosen


def source_options(store: Path, *, database: str | None, records: Path | None) -> list[str]:
    """The options that name the records; a password in a URL is not repeated in a report."""
    if records is not None:
        return ["--records", str(records)]
    if database is not None:
        from sqlalchemy import make_url

        return ["--database", make_url(database).render_as_string(hide_password=True)]
    return ["--store", str(store)]

"""`nas-harness leaderboard` and `show`: what the run records say."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.grouped_options import grouped
from harness.commands.options import FilterOptions, JsonOption, OutputOptions, RecordsOption, StoreOptions
from harness.commands.writing import check, write

if TYPE_CHECKING:
    import pandas as pd

    from reports.board import Leaderboard
    from results.store import Store


@grouped
def leaderboard(
    *,
    records: RecordsOption = None,
    where: StoreOptions,
    chosen: FilterOptions,
    to: OutputOptions,
) -> None:
    """Rank the methods: a board for every space and data set that was searched."""
    from reports.leaderboard import RUN_COLUMNS
    from reports.leaderboard_sheet import leaderboard_sheet

    check(to)
    runs, evaluations = read_records(where, records=records, columns=RUN_COLUMNS)
    boards = make_boards(runs, evaluations, chosen, source=source_options(where, records=records))
    write(list(map(leaderboard_sheet, boards)), to)


@grouped
def show(
    *,
    run: Annotated[str, typer.Argument(help="Run id, or its unique beginning.")],
    draw: Annotated[Path | None, typer.Option(help="Draw the cell into this file (.svg, .png or .pdf).")] = None,
    where: StoreOptions,
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

    opened = _open(where)
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


def _open(where: StoreOptions) -> "Store":
    """The store, which has to be there; raises StoreError with the command that makes one."""
    from results.errors import StoreError

    opened = where.open()
    if not opened.exists:
        raise StoreError(
            f"there is no run store at {where.store}: make one with "
            f"`nas-harness run --method rarts --store {where.store}`"
        )
    return opened


def read_records(
    where: StoreOptions, *, records: Path | None = None, columns: Sequence[str] | None = None
) -> "tuple[pd.DataFrame, pd.DataFrame]":
    """(runs, evaluations) of the exported files, or of the store; raises StoreError where there are none."""
    import gc

    from results.errors import StoreError
    from results.records import read_frames

    if records is not None:
        return read_frames(records)
    opened = _open(where)
    runs = opened.runs(columns=columns)
    if runs.empty:
        raise StoreError(
            f"{where.store} holds no runs yet: add some with `nas-harness run --method rarts --store {where.store}`"
        )
    evaluations = opened.evaluations()
    # Every correction for multiple comparisons in statsmodels collects garbage; the records are none until the end.
    gc.freeze()
    return runs, evaluations


def make_boards(
    runs: "pd.DataFrame",
    evaluations: "pd.DataFrame",
    chosen: FilterOptions,
    *,
    source: list[str],
) -> "list[Leaderboard]":
    """The boards of the spaces and data sets that were searched; `source` are the options that name the records."""
    from reports.leaderboard import leaderboard as make_board
    from results.published_tables import published_rows

    of_experiment = choose_runs(runs, FilterOptions(experiment=chosen.experiment))
    wanted = choose_runs(runs, chosen)
    searched = sorted(set(zip(wanted["space"].tolist(), wanted["dataset"].tolist(), strict=True)))
    options = [*source, *(["--experiment", chosen.experiment] if chosen.experiment else [])]
    return [
        make_board(
            of_experiment,
            evaluations,
            space=of_space,
            dataset=on_dataset,
            command=shlex.join(["nas-harness", "leaderboard", *options, "--space", of_space, "--dataset", on_dataset]),
            published=published_rows(of_space, on_dataset),
        )
        for of_space, on_dataset in searched
    ]


def choose_runs(runs: "pd.DataFrame", by: FilterOptions) -> "pd.DataFrame":
    """The runs with these values; raises InputError for a value that no run has."""
    from spaces.errors import unknown

    chosen = runs
    for name, wanted in vars(by).items():
        if wanted is not None:
            known = sorted(runs[name].unique())
            if wanted not in known:
                raise unknown(f"{name.replace('dataset', 'data set')} of the run records", wanted, known)
            chosen = chosen[chosen[name] == wanted]
    return chosen


def filter_options(chosen: FilterOptions) -> list[str]:
    """The options as they were given."""
    return [part for name, value in vars(chosen).items() if value is not None for part in (f"--{name}", value)]


def source_options(where: StoreOptions, *, records: Path | None) -> list[str]:
    """The option that names the records."""
    return where.shown if records is None else ["--records", str(records)]


def given_command(where: StoreOptions) -> str:
    """The command as it was given; a password in a URL is not repeated in a report."""
    words = ["nas-harness", *sys.argv[1:]]
    if where.database:
        words = [word.replace(where.database, where.shown[1]) for word in words]
    return shlex.join(words)

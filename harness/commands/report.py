"""`nas-harness leaderboard`, `report` and `show`: what the run records say."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.options import DEFAULT_STORE, DatabaseOption, FormatOption, JsonOption, OutputOption, StoreOption

if TYPE_CHECKING:
    import pandas as pd

    from reports.anytime import Trace
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
    boards = _boards(
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


def report(
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = None,
    space: Annotated[str | None, typer.Option(help="Only this search space.")] = None,
    dataset: Annotated[str | None, typer.Option(help="Only searches on this data set.")] = None,
    experiment: Annotated[str | None, typer.Option(help="Only runs of this experiment.")] = None,
    output: Annotated[Path, typer.Option(help="The page's file.")] = Path("nas-harness-report.html"),
    records: Annotated[Path | None, typer.Option(help="Folder of exported CSV files to read instead.")] = None,
    json_: JsonOption = False,
) -> None:
    """Write one HTML page with everything that the run records say; it needs no network and no other file."""
    import json

    from reports.page.material import Material
    from reports.page.page import html_report
    from spaces.errors import InputError

    runs, evaluations = read_records(store, database=database, records=records)
    source = source_options(store, database=database, records=records)
    boards = _boards(runs, evaluations, space=space, dataset=dataset, experiment=experiment, source=source)
    material = Material(
        runs=runs if experiment is None else runs[runs["experiment"] == experiment],
        evaluations=evaluations,
        boards=boards,
        history=_history_reader(store, records=records),
        traces=[] if records else _traces(store, runs, boards, database=database),
        source=source,
    )
    given = (("--experiment", experiment), ("--space", space), ("--dataset", dataset))
    options = [part for name, value in given if value is not None for part in (name, value)]
    command = shlex.join(["nas-harness", "report", *source, *options])
    page = html_report(material, title=experiment or (records or store).resolve().name, command=command)
    try:
        output.write_text(page, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output} cannot be written ({error.strerror}): name another file") from error
    if json_:
        typer.echo(json.dumps({"file": str(output), "bytes": output.stat().st_size, "runs": len(material.searched)}))
    else:
        typer.echo(f"{output}: {len(material.searched)} runs, {len(boards)} leaderboards")


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


def _history_reader(store: Path, *, records: Path | None) -> "Callable[[str], pd.DataFrame | None]":
    """Finds the history of a run by its id: beside the database, never beside exported files."""
    from results.history import read_history

    def read(run_id: str) -> "pd.DataFrame | None":
        path = store / "runs" / run_id / "history.parquet"
        return read_history(path) if records is None and path.exists() else None

    return read


def _traces(
    store: Path, runs: "pd.DataFrame", boards: "list[Leaderboard]", *, database: str | None
) -> "Sequence[Trace]":
    """Anytime traces of the boards' runs, of known methods and spaces; none where no run has a history."""
    from harness.anytime import read_traces
    from reports.page.material import runs_with_histories
    from results.errors import StoreError
    from results.store import Store
    from spaces.registry import list_spaces

    chosen = runs[runs["id"].isin(runs_with_histories(boards)) & runs["space"].isin(list(list_spaces()))]
    known = {method for method in chosen["method"].unique() if _is_method(method)}
    chosen = chosen[chosen["method"].isin(known)].dropna(subset=["steps", "search_seconds_step", "search_seconds_data"])
    try:
        return read_traces(Store(store, database_url=database), chosen, table=None, split="validation")[0]
    except StoreError:
        return []


def _is_method(name: str) -> bool:
    from methods import find_method
    from spaces.errors import InputError

    try:
        find_method(name)
    except InputError:
        return False
    return True


def _boards(
    runs: "pd.DataFrame",
    evaluations: "pd.DataFrame",
    *,
    space: str | None,
    dataset: str | None,
    experiment: str | None,
    source: list[str],
) -> "list[Leaderboard]":
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

"""`nas-harness report`: everything that the run records say, on one HTML page."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.options import DEFAULT_STORE, DatabaseOption, JsonOption, StoreOption
from harness.commands.report import make_boards, read_records, source_options

if TYPE_CHECKING:
    import pandas as pd

    from reports.anytime import Trace
    from reports.board import Leaderboard


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
    boards = make_boards(runs, evaluations, space=space, dataset=dataset, experiment=experiment, source=source)
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

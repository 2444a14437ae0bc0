"""`nas-harness report`: everything that the run records say, on one HTML page."""

import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.grouped_options import grouped
from harness.commands.options import FilterOptions, JsonOption, RecordsOption, StoreOptions
from harness.commands.report import choose_runs, filter_options, make_boards, read_records, source_options
from harness.commands.writing import write_file

if TYPE_CHECKING:
    import pandas as pd

    from reports.anytime import Trace
    from reports.board import Leaderboard


@grouped
def report(
    *,
    output: Annotated[Path, typer.Option(help="The page's file.")] = Path("nas-harness-report.html"),
    records: RecordsOption = None,
    where: StoreOptions,
    chosen: FilterOptions,
    json_: JsonOption = False,
) -> None:
    """Write one HTML page with everything that the run records say; it needs no network and no other file."""
    import json

    from reports.page.material import Material
    from reports.page.page import html_report

    runs, evaluations = read_records(where, records=records)
    source = source_options(where, records=records)
    boards = make_boards(runs, evaluations, chosen, source=source)
    material = Material(
        runs=choose_runs(runs, FilterOptions(experiment=chosen.experiment)),
        evaluations=evaluations,
        boards=boards,
        history=_history_reader(where.store, records=records),
        traces=[] if records else _traces(where, runs, boards),
        source=source,
    )
    command = shlex.join(["nas-harness", "report", *source, *filter_options(chosen)])
    page = html_report(material, title=chosen.experiment or (records or where.store).resolve().name, command=command)
    write_file(output, page)
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


def _traces(where: StoreOptions, runs: "pd.DataFrame", boards: "list[Leaderboard]") -> "Sequence[Trace]":
    """Anytime traces of the boards' runs, of known methods and spaces; none where no run has a history."""
    from harness.anytime import read_traces
    from reports.page.material import runs_with_histories
    from results.errors import StoreError
    from spaces.registry import list_spaces

    chosen = runs[runs["id"].isin(runs_with_histories(boards)) & runs["space"].isin(list(list_spaces()))]
    known = {method for method in chosen["method"].unique() if _is_method(method)}
    chosen = chosen[chosen["method"].isin(known)].dropna(subset=["steps", "search_seconds_step", "search_seconds_data"])
    try:
        return read_traces(where.open(), chosen, table=None, split="validation")[0]
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

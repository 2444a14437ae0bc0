"""The leaderboards, ready for the template: what stands in a cell, what it sorts by, where it leads."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports.board import Cell, Column, Leaderboard, Row, source_marks
from reports.grid import Grid
from reports.leaderboard_grids import number, published_grid
from reports.page.material import MOST_ROWS, Material, Section, board_title, row_anchor, series, variation


@dataclass(frozen=True)
class CellView:
    """One quantity of one row; `value` is what the column sorts by."""

    value: float | str | None
    text: str
    spread: str = ""
    interval: str = ""
    inside: str = ""  # standard deviation over evaluation seeds inside a run
    best: bool = False
    tied: bool = False


@dataclass(frozen=True)
class Heading:
    """The head of a column."""

    label: str
    unit: str = ""
    mark: str = ""  # refers to the list of sources
    numeric: bool = True


@dataclass(frozen=True)
class RowView:
    """A method with one choice of settings."""

    method: str
    variation: str
    anchor: str
    colour: str
    reference: bool
    cells: Sequence[CellView]


@dataclass(frozen=True)
class TableView:
    """One table of a board."""

    title: str
    headings: Sequence[Heading]
    rows: Sequence[RowView]
    sorted_by: int | None = None  # the column that the rows are sorted by already


@dataclass(frozen=True)
class BoardView:
    """A board."""

    number: int
    anchor: str
    title: str
    tables: Sequence[TableView]
    sources: Sequence[str]
    notes: Sequence[str]
    published: Grid | None
    command: str


def boards_section(material: Material) -> Section:
    """Every board."""
    views = [_view(board, number) for number, board in enumerate(material.boards)]
    return Section("leaderboards", "Leaderboards", "boards.html", {"boards": views})


def _view(board: Leaderboard, place: int) -> BoardView:
    errors = board.evaluations
    found = tuple(column for column in board.properties if not column.cost)
    costs = tuple(column for column in board.properties if column.cost)
    count = Heading("runs")
    tables = []
    if board.rows:
        tables = [
            _table(board, place, "Final error, %", errors, first=count, sorted_by=1 if errors else None),
            _table(board, place, "What was found", found, last=Heading("collapsed", numeric=False)),
            _table(board, place, "What the search cost", costs, last=Heading("device", numeric=False)),
        ]
    notes = list(board.notes)
    if len(board.rows) > MOST_ROWS:
        notes.append(f"{len(board.rows) - MOST_ROWS} rows after the first {MOST_ROWS} are not on this page")
    return BoardView(
        number=place,
        anchor=f"board-{place + 1}",
        title=board_title(board),
        tables=tables,
        sources=board.sources,
        notes=notes,
        published=published_grid(board) if len(board.published) else None,
        command=board.command,
    )


def _table(
    board: Leaderboard,
    place: int,
    title: str,
    columns: Sequence[Column],
    *,
    first: Heading | None = None,
    last: Heading | None = None,
    sorted_by: int | None = None,
) -> TableView:
    headings = [_heading(board, column) for column in columns]
    rows = []
    for line, row in enumerate(board.rows[:MOST_ROWS]):
        cells = [_cell(board, row, column) for column in columns]
        if first is not None:
            cells.insert(0, CellView(len(row.run_ids), str(len(row.run_ids))))
        if last is not None:
            text = row.collapse.text if last.label == "collapsed" else ", ".join(row.devices)
            cells.append(CellView(text or None, text or "–"))
        rows.append(RowView(row.method, variation(row), row_anchor(place, line), series(line)[0], row.reference, cells))
    extra = [heading for heading in (first, *headings, last) if heading is not None]
    return TableView(title, extra, rows, sorted_by)


def _cell(board: Leaderboard, row: Row, column: Column) -> CellView:
    cell = row.cells.get(column.key)
    if cell is None:
        return CellView(None, "–")
    decimals = 2 if column.evaluation else None
    best = tied = False
    if column.evaluation and not row.reference:
        verdict = board.verdicts[column.key]
        best = verdict.winner == row.label
        tied = verdict.ties(row.label)
    return _filled(cell, decimals, best=best, tied=tied)


def _filled(cell: Cell, decimals: int | None, *, best: bool, tied: bool) -> CellView:
    summary, inside = cell.summary, cell.evaluation_spread
    known = not math.isnan(summary.std)
    return CellView(
        value=summary.mean,
        text=number(summary.mean, decimals),
        spread=number(summary.std, decimals) if known else "",
        interval=f"{number(summary.low, decimals)}, {number(summary.high, decimals)}" if known else "",
        inside="" if inside is None else number(inside, decimals),
        best=best,
        tied=tied,
    )


def _heading(board: Leaderboard, column: Column) -> Heading:
    unit = "" if column.evaluation or column.unit == "1" else column.unit
    return Heading(column.label, unit, str(source_marks(board.columns).get(column.key, "")))


__all__ = ["BoardView", "CellView", "Heading", "RowView", "TableView", "boards_section"]

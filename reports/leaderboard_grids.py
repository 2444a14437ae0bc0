"""A leaderboard as grids of short texts, which the formats only have to dress."""

import math

from reports.board import Cell, Column, Leaderboard, Row, source_marks
from reports.grid import Grid, GridCell
from reports.statistics import INTERVALS
from results.published_tables import quantity_name

LEGEND = (
    f"mean ± standard deviation over search seeds [95 % interval: {INTERVALS}]; ‡ standard deviation over evaluation "
    "seeds inside a run; bold: best, told from all others (Welch, Holm for all pairs); ≈: tied with the best"
)
_ERRORS_A_GRID = 4  # more columns fit no page


def grids(board: Leaderboard) -> list[Grid]:
    """Errors (in blocks of four columns), then found cells, search cost and the published figures clearly apart."""
    found = []
    if board.rows:
        errors = board.evaluations
        for start in range(0, len(errors), _ERRORS_A_GRID):
            found.append(_errors(board, errors[start : start + _ERRORS_A_GRID]))
        found += [_found_cells(board), _search_cost(board)]
    if len(board.published):
        found.append(published_grid(board))
    return found


def _errors(board: Leaderboard, columns: tuple[Column, ...]) -> Grid:
    header = ["method", "runs", *(_heading(board, column) for column in columns)]
    rows = []
    for row in board.rows:
        cells = [GridCell(row.label), GridCell(str(len(row.run_ids)))]
        for column in columns:
            verdict = board.verdicts[column.key]
            text = _text(row.cells.get(column.key), decimals=2)
            if verdict.ties(row.label) and not row.reference:
                text = f"≈ {text}"
            cells.append(GridCell(text, bold=verdict.winner == row.label))
        rows.append(tuple(cells))
    return Grid("Final error in %, lower is better", tuple(header), tuple(rows))


def _found_cells(board: Leaderboard) -> Grid:
    columns = tuple(column for column in board.properties if not column.cost)
    header = ("method", *(_heading(board, column) for column in columns), "collapsed")
    rows = [(*_property_cells(row, columns), GridCell(row.collapse.text)) for row in board.rows]
    return Grid("Found cells", header, tuple(rows))


def _search_cost(board: Leaderboard) -> Grid:
    columns = tuple(column for column in board.properties if column.cost)
    header = ("method", *(_heading(board, column) for column in columns), "device")
    rows = [(*_property_cells(row, columns), GridCell(", ".join(row.devices) or "-")) for row in board.rows]
    return Grid("Search cost", header, tuple(rows))


def _property_cells(row: Row, columns: tuple[Column, ...]) -> tuple[GridCell, ...]:
    texts = (_text(row.cells.get(column.key), decimals=None) for column in columns)
    return GridCell(row.label), *(GridCell(text) for text in texts)


def published_grid(board: Leaderboard) -> Grid:
    """The figures of papers."""
    rows = []
    for figure in board.published_figures:
        quantity = quantity_name(figure["metric"], figure["unit"])
        value = "-" if figure["value"] is None else f"{figure['value']:g}"
        spread = "" if figure["spread"] is None else f" ± {figure['spread']:g}"
        others = ("-" if figure[name] is None else str(figure[name]) for name in ("paper", "table", "hardware"))
        rows.append(tuple(GridCell(text) for text in (figure["label"], quantity, f"{value}{spread}", *others)))
    header = ("method", "quantity", "value", "paper", "table", "hardware")
    return Grid("Published figures, not measured here", header, tuple(rows), numeric=False)


def _heading(board: Leaderboard, column: Column) -> str:
    mark = source_marks(board.columns).get(column.key)
    unit = "" if column.evaluation or column.unit == "1" else f", {column.unit}"
    return f"{column.label}{unit}{f' ({mark})' if mark else ''}"


def _text(cell: Cell | None, *, decimals: int | None) -> str:
    if cell is None:
        return "-"
    summary = cell.summary
    text = number(summary.mean, decimals)
    if not math.isnan(summary.std):
        low, high = number(summary.low, decimals), number(summary.high, decimals)
        text += f" ± {number(summary.std, decimals)} [{low}, {high}]"
    return text if cell.evaluation_spread is None else f"{text} ‡{number(cell.evaluation_spread, decimals)}"


def number(value: float, decimals: int | None) -> str:
    """Fixed decimals, or three significant digits (whole numbers from a thousand on)."""
    if decimals is not None:
        return f"{value:.{decimals}f}"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.3g}"

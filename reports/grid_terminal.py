"""One grid of short texts on a terminal, as several tables where one would break its names and numbers."""

import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from rich.console import Console, ConsoleOptions
from rich.table import Table
from rich.text import Text

from reports.grid import Grid

_BORDER = 3  # characters beside a column
_LINES = r"\n| (?=\[)"  # an interval goes under the value, or no terminal would be wide enough
_PIECES = r"\n| (?=[\[‡])"  # where a narrow column may break a number


class TerminalGrid:
    """The grid for a rich console: columns of numbers that do not fit beside each other go into further tables."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text | Table]:
        for index, widths in enumerate(_tables(self.grid, options.max_width)):
            yield Text(f"{self.grid.title}{' (continued)' if index else ''}", style="italic")
            yield _table(self.grid, widths)


def _tables(grid: Grid, width: int) -> list[dict[int, int | None]]:
    """The columns of each table and their widths: the fewest tables that break no number."""
    columns = range(1, len(grid.header))
    if not grid.numeric or not columns:
        return [dict.fromkeys((0, *columns))]
    names = min(_longest(_texts(grid, 0), _LINES), 2 * width // 5)
    room = width - 1 - _BORDER - names
    for count in columns:
        tables = [_widths(grid, part.tolist(), room) for part in np.array_split(columns, count)]
        if all(sum(widths.values()) + _BORDER * len(widths) <= room for widths in tables):
            break
    return [{0: names, **widths} for widths in tables]


def _widths(grid: Grid, columns: Sequence[int], room: int) -> dict[int, int]:
    """Enough for each column's longest number, and what remains for whole headings and lines."""
    needed, whole = {}, {}
    for column in columns:
        heading, *cells = _texts(grid, column)
        needed[column] = _longest([*heading.split(), *cells], _PIECES)
        whole[column] = _longest([heading, *cells], _LINES)
    slack = max(0, room - _BORDER * len(columns) - sum(needed.values()))
    share = min(1, slack / max(1, sum(whole.values()) - sum(needed.values())))
    return {column: least + int(share * (whole[column] - least)) for column, least in needed.items()}


def _longest(texts: Sequence[str], separator: str) -> int:
    return max(len(piece) for text in texts for piece in re.split(separator, text))


def _texts(grid: Grid, column: int) -> list[str]:
    """The heading and the cells of a column."""
    return [grid.header[column], *(row[column].text for row in grid.rows)]


def _table(grid: Grid, widths: dict[int, int | None]) -> Table:
    table = Table()
    for column, width in widths.items():
        right = grid.numeric and column > 0
        table.add_column(Text(grid.header[column]), justify="right" if right else "left", width=width, overflow="fold")
    for index, row in enumerate(grid.rows):
        if index in grid.sections:
            table.add_section()
        shown = ((re.sub(_LINES, "\n", row[column].text), row[column].bold) for column in widths)
        table.add_row(*(Text(text, style="bold" if bold else "") for text, bold in shown))
    return table


def plain_text(renderable: Any, *, width: int) -> str:
    """What a console of that width shows, without colours."""
    text = io.StringIO()
    Console(file=text, width=width).print(renderable)
    return text.getvalue()


__all__ = ["TerminalGrid", "plain_text"]

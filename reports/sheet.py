"""A report before it has a format: a title, tables, the lines under them, and the numbers behind them."""

import csv
import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Group
from rich.text import Text

from reports.grid import Grid
from reports.grid_formats import grid_latex, grid_markdown
from reports.grid_terminal import TerminalGrid, plain_text

FORMATS = ("terminal", "markdown", "csv", "json", "latex")


@dataclass(frozen=True)
class Sheet:
    """What one report says; numbers that are not there are NaN."""

    grids: Sequence[Grid]
    footer: Sequence[str]
    data: Mapping[str, Any]  # JSON types: everything, unrounded
    columns: Sequence[str]  # of the CSV form
    lines: Sequence[Mapping[str, Any]]  # of the CSV form; a column that a line lacks stays empty
    title: str = ""
    command: str = ""  # rebuilds the report


def render(sheets: Sheet | Sequence[Sheet], format_: str, *, width: int = 140) -> str:
    """One sheet, or several one after the other, in one of FORMATS; `width` is the terminal's, in characters.

    JSON is an object for one sheet and a list for a sequence. Raises ValueError for another format.
    """
    several = [sheets] if isinstance(sheets, Sheet) else sheets
    match format_:
        case "terminal":
            return plain_text(as_renderable(several), width=width)
        case "markdown":
            return "\n".join(map(_markdown, several))
        case "latex":
            return "\n".join(map(_latex, several))
        case "csv":
            return _csv(several)
        case "json":
            data = sheets.data if isinstance(sheets, Sheet) else [sheet.data for sheet in sheets]
            return json.dumps(_plain(data), indent=2) + "\n"
    raise ValueError(f"there is no format '{format_}': use one of {', '.join(FORMATS)}")


def as_renderable(sheets: Sequence[Sheet]) -> Group:
    """The sheets for a rich console."""
    parts: list[Any] = []
    for sheet in sheets:
        parts += [Text(f"\n{sheet.title}", style="bold")] if sheet.title else []
        parts += [*map(TerminalGrid, sheet.grids), *map(Text, _footer(sheet))]
    return Group(*parts)


def _markdown(sheet: Sheet) -> str:
    lines = [f"### {sheet.title}", ""] if sheet.title else []
    lines += [line for grid in sheet.grids for line in grid_markdown(grid)]
    return "\n".join([*lines, *(f"- {line}" for line in _footer(sheet, code="`"))]) + "\n"


def _latex(sheet: Sheet) -> str:
    before = f"{sheet.title}. " if sheet.title else ""
    lines = [line for grid in sheet.grids for line in grid_latex(grid, caption=f"{before}{grid.title}")]
    return "\n".join([*lines, *(f"% {line}" for line in _footer(sheet))]) + "\n"


def _csv(sheets: Sequence[Sheet]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(sheets[0].columns), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_plain(line) for sheet in sheets for line in sheet.lines)
    return text.getvalue()


def _footer(sheet: Sheet, *, code: str = "") -> list[str]:
    return [*sheet.footer, *([f"Rebuild with: {code}{sheet.command}{code}"] if sheet.command else [])]


def _plain(value: Any) -> Any:
    """JSON has no NaN: a number that is not there is null."""
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value


__all__ = ["FORMATS", "Sheet", "as_renderable", "render"]

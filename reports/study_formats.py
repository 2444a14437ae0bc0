"""Grids and the records behind them as text: for the terminal, as Markdown, CSV, JSON or LaTeX."""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.text import Text

from reports.formats import FORMATS
from reports.grid import Grid
from reports.grid_formats import grid_latex, grid_markdown, grid_table, plain_text

Records = Sequence[Mapping[str, Any]]


def render_study(
    grids: Sequence[Grid], records: Records, format_: str, *, notes: Sequence[str] = (), width: int = 120
) -> str:
    """The grids and notes, or in CSV and JSON the records; raises ValueError for a format not in FORMATS."""
    match format_:
        case "terminal":
            return plain_text(study_renderable(grids, notes=notes), width=width)
        case "json":
            return json.dumps({"records": list(records), "notes": list(notes)}, indent=2) + "\n"
        case "csv":
            text = io.StringIO()
            writer = csv.DictWriter(text, list(records[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(records)
            return text.getvalue()
        case "markdown":
            lines = [line for grid in grids for line in grid_markdown(grid)]
            return "\n".join([*lines, *(f"- {note}" for note in notes)]) + "\n"
        case "latex":
            lines = [line for grid in grids for line in grid_latex(grid, caption=grid.title)]
            return "\n".join([*lines, *(f"% {note}" for note in notes)]) + "\n"
    raise ValueError(f"there is no format '{format_}': use one of {', '.join(FORMATS)}")


def study_renderable(grids: Sequence[Grid], *, notes: Sequence[str] = ()) -> Group:
    """The grids and notes for a rich console."""
    return Group(*map(grid_table, grids), *map(Text, notes))


__all__ = ["render_study", "study_renderable"]

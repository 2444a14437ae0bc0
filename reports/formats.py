"""A leaderboard as text: for the terminal, as Markdown, CSV, JSON or LaTeX (booktabs)."""

import csv
import io
import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from rich.console import Group
from rich.text import Text

from reports.board import Cell, Leaderboard
from reports.grid import LEGEND, grids
from reports.grid_formats import grid_latex, grid_markdown, grid_table, plain_text

FORMATS = ("terminal", "markdown", "csv", "json", "latex")


def render(boards: Sequence[Leaderboard], format_: str, *, width: int = 120) -> str:
    """The boards in one of FORMATS; `width` is the terminal's. Raises ValueError for another format."""
    writers: dict[str, Callable[[Sequence[Leaderboard]], str]] = {
        "markdown": lambda boards: "\n".join(map(as_markdown, boards)),
        "latex": lambda boards: "\n".join(map(as_latex, boards)),
        "csv": as_csv,
        "json": lambda boards: json.dumps([as_dictionary(board) for board in boards], indent=2) + "\n",
        "terminal": lambda boards: plain_text(Group(*map(as_renderable, boards)), width=width),
    }
    if format_ not in writers:
        raise ValueError(f"there is no format '{format_}': use one of {', '.join(FORMATS)}")
    return writers[format_](boards)


def as_renderable(board: Leaderboard) -> Group:
    """The board for a rich console."""
    parts: list[Any] = [Text(f"\n{_title(board)}", style="bold")]
    parts += [grid_table(grid) for grid in grids(board)]
    parts += [Text(line) for line in _footer(board)]
    return Group(*parts)


def as_markdown(board: Leaderboard) -> str:
    """The board as GitHub-flavoured Markdown."""
    lines = [f"### {_title(board)}", ""]
    for grid in grids(board):
        lines += grid_markdown(grid)
    lines += [f"- {line}" for line in _footer(board, code="`")]
    return "\n".join(lines) + "\n"


def as_latex(board: Leaderboard) -> str:
    """The board as LaTeX tables for the package booktabs."""
    lines = []
    for grid in grids(board):
        lines += grid_latex(grid, caption=f"{_title(board)}. {grid.title}")
    lines += [f"% {line}" for line in _footer(board)]
    return "\n".join(lines) + "\n"


def as_csv(boards: Sequence[Leaderboard]) -> str:
    """One line a board, row and quantity; published figures are lines of the origin `published`."""
    names = (
        "space", "dataset", "origin", "method", "label", "quantity", "unit", "source", "runs", "mean", "std", "low",
        "high", "evaluation_spread", "verdict", "collapse", "devices", "run_ids", "command",
    )  # fmt: skip
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    for board in boards:
        for line in (*_measured_lines(board), *_published_lines(board)):
            writer.writerow({"space": board.space, "dataset": board.dataset} | line)
    return text.getvalue()


def _measured_lines(board: Leaderboard) -> Iterator[dict[str, Any]]:
    for row in board.rows:
        for column in (column for column in board.columns if column.key in row.cells):
            yield {
                "origin": "measured",
                "method": row.method,
                "label": row.label,
                "quantity": column.label,
                "unit": column.unit,
                "source": column.source,
                "runs": row.cells[column.key].summary.count,
                **_numbers(row.cells[column.key]),
                "verdict": board.verdicts[column.key].text if column.evaluation else "",
                "collapse": row.collapse.text,
                "devices": " ".join(row.devices),
                "run_ids": " ".join(row.run_ids),
                "command": board.command,
            }


def _published_lines(board: Leaderboard) -> Iterator[dict[str, Any]]:
    for figure in board.published_figures:
        yield {
            "origin": "published",
            "method": figure["method"],
            "label": figure["label"],
            "quantity": figure["metric"],
            "unit": figure["unit"],
            "source": f"{figure['paper']}, {figure['table']}",
            "mean": figure["value"],
            "std": figure["spread"],
            "devices": figure["hardware"],
        }


def _numbers(cell: Cell) -> dict[str, float | None]:
    summary = cell.summary
    numbers = {"mean": summary.mean, "std": summary.std, "low": summary.low, "high": summary.high}
    finite = {name: None if math.isnan(value) else value for name, value in numbers.items()}
    return finite | {"evaluation_spread": cell.evaluation_spread}


def as_dictionary(board: Leaderboard) -> dict[str, Any]:
    """The board as JSON types, with unrounded numbers."""
    return {
        "space": board.space,
        "dataset": board.dataset,
        "command": board.command,
        "columns": [vars(column) for column in board.columns],
        "rows": [
            {
                "method": row.method,
                "label": row.label,
                "seeds": list(row.seeds),
                "run_ids": list(row.run_ids),
                "devices": list(row.devices),
                "reference": row.reference,
                "collapse": vars(row.collapse),
                "cells": {key: {"count": cell.summary.count} | _numbers(cell) for key, cell in row.cells.items()},
            }
            for row in board.rows
        ],
        "verdicts": {key: vars(verdict) | {"winner": verdict.winner} for key, verdict in board.verdicts.items()},
        "notes": list(board.notes),
        "published": board.published_figures,
    }


def _title(board: Leaderboard) -> str:
    return f"Search space {board.space}, searched on {board.dataset}"


def _footer(board: Leaderboard, *, code: str = "") -> list[str]:
    lines = [LEGEND] if board.rows else ["There are no finished runs."]
    for number, column in enumerate((column for column in board.columns if column.source), start=1):
        told = f" Verdict: {board.verdicts[column.key].text}." if column.evaluation else ""
        lines.append(f"({number}) {column.label}: {column.source}.{told}")
    return [*lines, *board.notes, f"Rebuild with: {code}{board.command}{code}"]


__all__ = ["FORMATS", "as_csv", "as_dictionary", "as_latex", "as_markdown", "as_renderable", "render"]

"""A leaderboard as a sheet; published figures are apart from what was measured."""

from collections.abc import Iterator
from typing import Any

from reports.board import Cell, Leaderboard
from reports.leaderboard_grids import LEGEND, grids
from reports.sheet import Sheet


def leaderboard_sheet(board: Leaderboard) -> Sheet:
    """The board, ready to be written in any format.

    CSV has one line a row and quantity; published figures are lines of the origin `published`.
    """
    columns = (
        "space", "dataset", "origin", "method", "label", "quantity", "unit", "source", "runs", "mean", "std", "low",
        "high", "evaluation_spread", "verdict", "collapse", "devices", "run_ids", "command",
    )  # fmt: skip
    kind = {"space": board.space, "dataset": board.dataset}
    return Sheet(
        grids(board), _footer(board), _data(board), columns,
        [kind | line for line in (*_measured_lines(board), *_published_lines(board))],
        title=f"Search space {board.space}, searched on {board.dataset}", command=board.command,
    )  # fmt: skip


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
    numbers = {name: getattr(cell.summary, name) for name in ("mean", "std", "low", "high")}
    return numbers | {"evaluation_spread": cell.evaluation_spread}


def _data(board: Leaderboard) -> dict[str, Any]:
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


def _footer(board: Leaderboard) -> list[str]:
    lines = [LEGEND] if board.rows else ["There are no finished runs."]
    return [*lines, *board.sources, *board.notes]


__all__ = ["leaderboard_sheet"]

"""A sensitivity table as text: for the terminal, as Markdown, CSV, JSON or LaTeX."""

import csv
import io
import json
import math
from collections.abc import Iterator
from typing import Any

from rich.console import Group
from rich.text import Text

from reports.board import Column
from reports.formats import FORMATS
from reports.grid import Grid, GridCell
from reports.grid_formats import grid_latex, grid_markdown, grid_table, plain_text
from reports.sensitivity import NAMES, SensitivityCell, SensitivityRow, SensitivityTable
from reports.statistics import CONFIDENCE, INTERVALS, Summary

LEGEND = (
    "mean ± standard deviation over search seeds; changes are paired over seeds, in % of the baseline's mean "
    f"[95 % interval: {INTERVALS}]; ≈: not told from no change (paired t-test, Holm)"
)


def render(table: SensitivityTable, format_: str, *, width: int = 140) -> str:
    """The table in one of `reports.formats.FORMATS`; raises ValueError for another format."""
    if format_ == "json":
        return json.dumps(as_dictionary(table), indent=2) + "\n"
    if format_ == "csv":
        return _csv(table)
    if format_ == "markdown":
        lines = [f"### {table.title}", "", *(line for grid in grids(table) for line in grid_markdown(grid))]
        return "\n".join([*lines, *(f"- {line}" for line in _footer(table, code="`"))]) + "\n"
    if format_ == "latex":
        tables = (grid_latex(grid, caption=f"{table.title}. {grid.title}") for grid in grids(table))
        return "\n".join([*(line for lines in tables for line in lines), *(f"% {s}" for s in _footer(table))]) + "\n"
    if format_ == "terminal":
        return plain_text(as_renderable(table), width=width)
    raise ValueError(f"there is no format '{format_}': use one of {', '.join(FORMATS)}")


def as_renderable(table: SensitivityTable) -> Group:
    """The table for a rich console."""
    title = Text(f"\n{table.title}", style="bold")
    return Group(title, *map(grid_table, grids(table)), *(Text(line) for line in _footer(table)))


def grids(table: SensitivityTable) -> list[Grid]:
    """Values, changes, and the published figures apart; a section a factor, each beginning with the baseline."""
    header = ("setting", "n", *(_heading(table, column) for column in table.columns))
    plain = ("setting", *(_heading(table, column, unit=False) for column in table.columns))
    values: list[tuple[GridCell, ...]] = []
    changes: list[tuple[GridCell, ...]] = []
    sections = []
    for factor, rows in table.blocks.items():
        sections.append(len(values))
        for row in rows:
            name = GridCell(f"{factor}={short(row.point.value)}{' *' * row.point.baseline}")
            count = max((cell.summary.count for cell in row.cells.values()), default=0)
            cells = [row.cells.get(column.key) for column in table.columns]
            values.append((name, GridCell(str(count)), *(GridCell(_mean(cell)) for cell in cells)))
            changes.append((name, *(GridCell(_change(cell, row)) for cell in cells)))
    found = [
        Grid("Values; * marks the baseline", header, tuple(values), sections=tuple(sections[1:])),
        Grid("Change from the baseline, in %", plain, tuple(changes), sections=tuple(sections[1:])),
    ]
    return [*found, _published(table)] if table.published else found


def short(value: Any) -> str:
    """A setting's value as people write it."""
    return f"{value:g}" if isinstance(value, float) else str(value)


def as_dictionary(table: SensitivityTable) -> dict[str, Any]:
    """The table as JSON types, with unrounded numbers."""
    return {
        "title": table.title,
        "command": table.command,
        "columns": [vars(column) for column in table.columns],
        "blocks": {
            factor: [
                {
                    "value": row.point.value,
                    "baseline": row.point.baseline,
                    "run_ids": list(row.point.run_ids),
                    "cells": {
                        key: {
                            "values": {str(seed): value for seed, value in cell.values.items()},
                            "summary": _finite(cell.summary),
                            "change_percent": None if cell.change is None else _finite(cell.change),
                            "p_value": cell.p_value,
                        }
                        for key, cell in row.cells.items()
                    },
                }
                for row in rows
            ]
            for factor, rows in table.blocks.items()
        },
        "published": list(table.published),
        "notes": list(table.notes),
    }


def _csv(table: SensitivityTable) -> str:
    names = ("origin", "factor", "value", "baseline", "quantity", "unit", "source", "runs", "mean", "std", "low",
             "high", "change_percent", "change_low", "change_high", "p_value", "run_ids")  # fmt: skip
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_lines(table))
    return text.getvalue()


def _lines(table: SensitivityTable) -> Iterator[dict[str, Any]]:
    for factor, rows in table.blocks.items():
        for row in rows:
            for column in (column for column in table.columns if column.key in row.cells):
                cell = row.cells[column.key]
                change = {} if cell.change is None else _finite(cell.change)
                numbers = _finite(cell.summary)
                yield {
                    "origin": "measured",
                    "factor": factor,
                    "value": row.point.value,
                    "baseline": row.point.baseline,
                    "quantity": column.label,
                    "unit": column.unit,
                    "source": column.source,
                    "runs": numbers.pop("count"),
                    **numbers,
                    "change_percent": change.get("mean"),
                    "change_low": change.get("low"),
                    "change_high": change.get("high"),
                    "p_value": cell.p_value,
                    "run_ids": " ".join(row.point.run_ids),
                }
    for figure in table.published:
        shared = {key: figure[key] for key in ("factor", "value", "source", "change_percent")}
        yield {"origin": "published", "quantity": "latency", "unit": "ms", "mean": figure["latency_ms"], **shared}


def _published(table: SensitivityTable) -> Grid:
    rows: list[tuple[GridCell, ...]] = []
    sections, factor = [], table.published[0]["factor"]
    for figure in table.published:
        if figure["factor"] != factor:
            factor = figure["factor"]
            sections.append(len(rows))
        texts = (NAMES[factor], f"{figure['latency_ms']:g}", f"{figure['change_percent']:+.1f}", figure["source"])
        setting = GridCell(f"{factor}={short(figure['value'])}")
        rows.append((setting, *(GridCell(text) for text in texts)))
    header = ("setting", "the paper's name", "latency, ms", "change, %", "source")
    return Grid("Published figures, not measured here", header, tuple(rows), sections=tuple(sections))


def _heading(table: SensitivityTable, column: Column, *, unit: bool = True) -> str:
    sourced = [known.key for known in table.columns if known.source]
    mark = f" ({sourced.index(column.key) + 1})" if column.key in sourced else ""
    return f"{column.label}{f', {column.unit}' if unit and column.unit != '1' else ''}{mark}"


def _footer(table: SensitivityTable, *, code: str = "") -> list[str]:
    sourced = (column for column in table.columns if column.source)
    sources = (f"({number}) {column.label}: {column.source}." for number, column in enumerate(sourced, start=1))
    return [LEGEND, *sources, *table.notes, f"Rebuild with: {code}{table.command}{code}"]


def _mean(cell: SensitivityCell | None) -> str:
    if cell is None:
        return "-"
    spread = "" if math.isnan(cell.summary.std) else f" ± {cell.summary.std:.3g}"
    return f"{cell.summary.mean:.4g}{spread}"


def _change(cell: SensitivityCell | None, row: SensitivityRow) -> str:
    if row.point.baseline or cell is None or cell.change is None:
        return "-"
    change = cell.change
    interval = "" if math.isnan(change.low) else f" [{change.low:+.1f}, {change.high:+.1f}]"
    tied = "≈ " if cell.p_value is not None and cell.p_value >= 1 - CONFIDENCE else ""
    return f"{tied}{change.mean:+.1f}{interval}"


def _finite(summary: Summary) -> dict[str, Any]:
    return {name: None if math.isnan(value) else value for name, value in vars(summary).items()}


__all__ = ["as_dictionary", "as_renderable", "grids", "render", "short"]

"""A sensitivity table as a sheet: values, changes from the baseline, published figures."""

import math
from collections.abc import Iterator
from typing import Any

from reports.board import Column, source_marks
from reports.grid import Grid, GridCell, interval_text
from reports.sensitivity import NAMES, SensitivityCell, SensitivityRow, SensitivityTable
from reports.sheet import Sheet
from reports.statistics import CONFIDENCE, INTERVALS

LEGEND = (
    "mean ± standard deviation over search seeds; changes are paired over seeds, in % of the baseline's mean "
    f"[95 % interval: {INTERVALS}]; ≈: not told from no change (paired t-test, Holm)"
)


def sensitivity_sheet(table: SensitivityTable) -> Sheet:
    """The table, ready to be written in any format."""
    columns = ("origin", "factor", "value", "baseline", "quantity", "unit", "source", "runs", "mean", "std", "low",
               "high", "change_percent", "change_low", "change_high", "p_value", "run_ids")  # fmt: skip
    return Sheet(
        grids(table), _footer(table), _data(table), columns, list(_lines(table)), title=table.title,
        command=table.command,
    )  # fmt: skip


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


def _data(table: SensitivityTable) -> dict[str, Any]:
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
                            "summary": vars(cell.summary),
                            "change_percent": None if cell.change is None else vars(cell.change),
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


def _lines(table: SensitivityTable) -> Iterator[dict[str, Any]]:
    for factor, rows in table.blocks.items():
        for row in rows:
            for column in (column for column in table.columns if column.key in row.cells):
                cell = row.cells[column.key]
                summary, change = cell.summary, cell.change
                yield {
                    "origin": "measured",
                    "factor": factor,
                    "value": row.point.value,
                    "baseline": row.point.baseline,
                    "quantity": column.label,
                    "unit": column.unit,
                    "source": column.source,
                    "runs": summary.count,
                    "mean": summary.mean,
                    "std": summary.std,
                    "low": summary.low,
                    "high": summary.high,
                    "change_percent": change and change.mean,
                    "change_low": change and change.low,
                    "change_high": change and change.high,
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
    mark = source_marks(table.columns).get(column.key)
    return f"{column.label}{f', {column.unit}' if unit and column.unit != '1' else ''}{f' ({mark})' if mark else ''}"


def _footer(table: SensitivityTable) -> list[str]:
    marks = source_marks(table.columns)
    sources = (f"({marks[one.key]}) {one.label}: {one.source}." for one in table.columns if one.source)
    return [LEGEND, *sources, *table.notes]


def _mean(cell: SensitivityCell | None) -> str:
    if cell is None:
        return "-"
    spread = "" if math.isnan(cell.summary.std) else f" ± {cell.summary.std:.3g}"
    return f"{cell.summary.mean:.4g}{spread}"


def _change(cell: SensitivityCell | None, row: SensitivityRow) -> str:
    if row.point.baseline or cell is None or cell.change is None:
        return "-"
    change = cell.change
    tied = "≈ " if cell.p_value is not None and cell.p_value >= 1 - CONFIDENCE else ""
    return f"{tied}{change.mean:+.1f}{interval_text(change.low, change.high, '+.1f')}"


__all__ = ["grids", "sensitivity_sheet", "short"]

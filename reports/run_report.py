"""Everything known of one run."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from rich.console import Group
from rich.table import Table
from rich.text import Text

from reports.drawing import draw_cells
from results.models import RUNS, RunRecord
from spaces.space import CellEdge

_SECTIONS = {
    "Run": ("id", "status", "message", "experiment", "method", "space", "dataset", "search_seed"),
    "Found": (
        "operation_counts", "skip_ratio", "zero_ratio", "connected", "parameters_m", "flops_m",
        "latency_ms", "latency_source", "predicted_latency_ms", "predicted_latency_source",
    ),
    "Cost": (
        "steps", "search_seconds_step", "search_seconds_data", "search_seconds_validation", "simulated_seconds",
        "device_days", "peak_memory_mib",
    ),
    "Provenance": ("device", "host", "threads", "git_commit", "created_at", "finished_at"),
}  # fmt: skip


def as_dictionary(record: RunRecord, evaluations: pd.DataFrame) -> dict[str, Any]:
    """The run's record and, under `evaluations`, its errors, as JSON types."""
    values = {name: getattr(record, name) for name in RUNS.c.keys()}  # noqa: SIM118 - columns are no mapping
    times = {name: value.isoformat() for name, value in values.items() if isinstance(value, datetime)}
    return values | times | {"evaluations": json.loads(evaluations.drop(columns="run_id").to_json(orient="records"))}


def as_renderable(record: RunRecord, evaluations: pd.DataFrame, *, cells: Mapping[str, Sequence[CellEdge]]) -> Group:
    """The run for a rich console: a table a section, and the cells that it found drawn.

    The architecture's own string is left to the caller, who can print it in one piece: a console folds long lines.
    """
    values = as_dictionary(record, evaluations)
    parts: list[Any] = []
    for title, names in _SECTIONS.items():
        parts.append(_table(title, {name: values[name] for name in names if values[name] not in (None, "")}))
        if title == "Run":
            parts.append(_table("Settings", record.settings))
        if title == "Found" and cells:
            parts.append(Text(draw_cells(cells)))
    parts.append(_table("Versions", record.versions or {}))
    if len(evaluations):
        parts.append(_evaluations(evaluations))
    return Group(*parts)


def _table(title: str, values: dict[str, Any]) -> Table:
    table = Table(title=title, title_justify="left", show_header=False, box=None)
    for name, value in values.items():
        shown = f"{value:.6g}" if isinstance(value, float) else value if isinstance(value, str) else json.dumps(value)
        table.add_row(Text(name), Text(shown, overflow="fold"))
    return table


def _evaluations(evaluations: pd.DataFrame) -> Table:
    table = Table(title="Evaluations", title_justify="left")
    for name in ("data set", "split", "source", "epochs", "seed", "error, %", "provenance"):
        table.add_column(name, overflow="fold")
    for row in evaluations.to_dict(orient="records"):
        seed = "mean" if pd.isna(row["evaluation_seed"]) else str(row["evaluation_seed"])
        texts = (row["dataset"], row["split"], row["source"], str(row["epochs"]), seed, f"{row['error_percent']:.2f}")
        table.add_row(*map(Text, (*texts, row["provenance"])))
    return table

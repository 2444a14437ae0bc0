"""How single settings move what a method finds, around one baseline: the nouns and the arithmetic (RARTS, Table 2).

    table = sensitivity(store.runs(), store.evaluations(), points, title="...", dataset="cifar10", command="...")
    print(render(sensitivity_sheet(table), "markdown"))          # reports.sheet, reports.sensitivity_sheet

A change is paired over search seeds: the mean of the differences to the baseline run of the same seed, in percent of
the baseline's mean over those seeds, with the interval of that mean. Whether it differs from no change is told by a
paired t-test over three seeds or more, corrected by Holm for all changes of the quantity in the study.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from reports.board import Column
from reports.leaderboard import errors_inside_runs, evaluation_columns
from reports.statistics import FEWEST_SEEDS, Summary, holm, no_change, summarise
from results.published_tables import load_published

NAMES = {  # how Table 2 of the paper calls our settings
    "gamma": "latency weight",
    "batch_size": "batch size",
    "alpha_learning_rate": "learning rate",
    "alpha_weight_decay": "weight decay",
}
_LATENCIES = (("latency_ms", "latency_source", "latency"),
              ("predicted_latency_ms", "predicted_latency_source", "predicted latency"))  # fmt: skip
_FOUND = (Column("skip_ratio", "skip ratio", "1"), Column("zero_ratio", "zero ratio", "1"),
          Column("parameters_m", "parameters", "M"))  # fmt: skip


@dataclass(frozen=True)
class Point:
    """One value of one factor, and the run of every search seed."""

    factor: str
    value: Any
    runs: Mapping[int, str]  # search seed -> run id
    baseline: bool = False

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The runs, by seed."""
        return tuple(self.runs[seed] for seed in sorted(self.runs))


@dataclass(frozen=True)
class SensitivityCell:
    """One quantity at one value of a factor."""

    values: Mapping[int, float]  # search seed -> value
    summary: Summary
    change: Summary | None  # in % of the baseline; None for the baseline and where the baseline is 0 or not known
    p_value: float | None = None  # of no change, corrected for all changes of the quantity; None below three seeds


@dataclass(frozen=True)
class SensitivityRow:
    """A line of a block."""

    point: Point
    cells: Mapping[str, SensitivityCell]  # column key -> cell; a quantity that no run has is absent


@dataclass(frozen=True)
class SensitivityTable:
    """A block of rows a factor, the baseline first; published figures apart."""

    title: str
    columns: tuple[Column, ...]
    blocks: Mapping[str, tuple[SensitivityRow, ...]]
    notes: tuple[str, ...]
    command: str
    published: tuple[dict[str, Any], ...] = field(default=())  # factor, value, latency_ms, change_percent, source


def sensitivity(
    runs: pd.DataFrame,
    evaluations: pd.DataFrame,
    points: Sequence[Point],
    *,
    title: str,
    dataset: str,
    command: str,
) -> SensitivityTable:
    """The table of a study from `Store.runs()` and `Store.evaluations()`; only finished runs count.

    Errors are those on the search's data set; one-shot errors are shown only where no other error is known.
    """
    ids = {run for point in points for run in point.run_ids}
    finished = runs[runs["id"].isin(ids) & (runs["status"] == "finished")]
    known = evaluations[evaluations["run_id"].isin(finished["id"]) & (evaluations["dataset"] == dataset)]
    if (known["source"] != "one-shot").any():
        known = known[known["source"] != "one-shot"]
    errors = errors_inside_runs(known)
    latencies = _latency_columns(finished)
    found = (column for column in _FOUND if finished[column.key].notna().any())
    columns = (*latencies, *evaluation_columns(errors, dataset=dataset), *found)
    values = {column.key: _values(finished, errors, column) for column in columns}
    blocks: dict[str, list[SensitivityRow]] = {}
    for point in points:
        block = blocks.setdefault(point.factor, [])
        start = None if point.baseline else block[0].cells
        block.append(SensitivityRow(point, _cells(point, columns, values, start)))
    notes = []
    if missing := len(ids) - len(finished):
        notes.append(f"{missing} of {len(ids)} runs are not finished, and not counted")
    return SensitivityTable(
        title=title,
        columns=columns,
        blocks={factor: tuple(rows) for factor, rows in _tested(blocks).items()},
        notes=tuple(notes),
        command=command,
        published=tuple(figure for factor in blocks for figure in published_figures(factor)),
    )


def published_figures(factor: str) -> list[dict[str, Any]]:
    """The rows of the RARTS paper's Table 2 that vary the factor, its baseline first; empty for other factors."""
    name = NAMES.get(factor)
    if name is None:
        return []
    table = load_published("rarts", "Table 2").to_dict(orient="records")
    baseline = table[0]  # printed again at the head of every group
    return [
        {
            "factor": factor,
            "value": float(re.findall(rf"{name} ([0-9.e+-]+)", row["label"])[0]),
            "latency_ms": row["value"],
            "change_percent": 100 * (row["value"] / baseline["value"] - 1),
            "source": "rarts, Table 2, space darts-cnn",
        }
        for row in table
        if row is baseline or row["note"].startswith(f"{name} varied")
    ]


def _latency_columns(runs: pd.DataFrame) -> list[Column]:
    return [
        Column(f"{name}|{source}", label, "ms", source=str(source))
        for name, source_name, label in _LATENCIES
        for source in sorted(runs.loc[runs[name].notna(), source_name].fillna("unknown").unique())
    ]


def _values(runs: pd.DataFrame, errors: pd.DataFrame, column: Column) -> dict[str, float]:
    """run id -> value."""
    if column.evaluation:
        chosen = errors[errors["column"] == column.key]
        return dict(zip(chosen["run_id"], chosen["mean"], strict=True))
    name, _, source = column.key.partition("|")
    if source:
        runs = runs[runs[name.replace("_ms", "_source")].fillna("unknown") == source]
    known = runs[runs[name].notna()]
    return dict(zip(known["id"], known[name], strict=True))


def _cells(
    point: Point,
    columns: Sequence[Column],
    values: Mapping[str, Mapping[str, float]],
    start: Mapping[str, SensitivityCell] | None,
) -> dict[str, SensitivityCell]:
    cells = {}
    for column in columns:
        key, of_run = column.key, values[column.key]
        of_seed = {seed: float(of_run[run]) for seed, run in sorted(point.runs.items()) if run in of_run}
        if of_seed:
            change = change_percent(of_seed, start[key].values) if start and key in start else None
            cells[key] = SensitivityCell(of_seed, summarise(list(of_seed.values()), within=column.within), change)
    return cells


def _tested(blocks: Mapping[str, list[SensitivityRow]]) -> dict[str, list[SensitivityRow]]:
    """The blocks with the p-value of every change."""
    tests: dict[str, dict[tuple[str, int], float]] = {}
    for factor, rows in blocks.items():
        for index, row in enumerate(rows):
            for key, cell in row.cells.items():
                if cell.change is not None and cell.change.count >= FEWEST_SEEDS:
                    tests.setdefault(key, {})[factor, index] = no_change(cell.change)
    corrected = {key: dict(zip(raw, holm(list(raw.values())).tolist(), strict=True)) for key, raw in tests.items()}

    def tested(factor: str, index: int, row: SensitivityRow) -> SensitivityRow:
        known = {key: p_values.get((factor, index)) for key, p_values in corrected.items()}
        return replace(row, cells={key: replace(cell, p_value=known.get(key)) for key, cell in row.cells.items()})

    return {factor: [tested(factor, index, row) for index, row in enumerate(rows)] for factor, rows in blocks.items()}


def change_percent(changed: Mapping[int, float], baseline: Mapping[int, float]) -> Summary | None:
    """The paired change over the seeds of both, in % of the baseline's mean; None where that is 0 or no seed shared."""
    seeds: Iterable[int] = sorted(changed.keys() & baseline.keys())
    start = [baseline[seed] for seed in seeds]
    mean = math.fsum(start) / len(start) if start else 0.0
    if mean == 0:
        return None
    return summarise([100 * (changed[seed] - baseline[seed]) / mean for seed in seeds])


__all__ = ["Point", "SensitivityCell", "SensitivityRow", "SensitivityTable", "change_percent", "published_figures",
           "sensitivity"]  # fmt: skip

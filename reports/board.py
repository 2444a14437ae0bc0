"""The nouns of a leaderboard: its columns, cells and rows, free of any output format."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from reports.statistics import Summary, Verdict


@dataclass(frozen=True)
class Column:
    """One quantity of the board; two columns never share their source."""

    key: str
    label: str
    unit: str
    source: str = ""  # table name and version, training recipe, latency source; "" where the search itself measured it
    evaluation: bool = False  # whether it is an error, which methods are ranked by
    cost: bool = False  # whether it is a cost of the search rather than a property of what was found

    @property
    def within(self) -> tuple[float, float]:
        """The least and the most that the quantity can be."""
        return 0.0, {"% error": 100.0, "1": 1.0}.get(self.unit, math.inf)


def source_marks(columns: Sequence[Column]) -> dict[str, int]:
    """Column key -> its number in the list of sources, from 1; a column without a source has none."""
    sourced = (column for column in columns if column.source)
    return {column.key: number for number, column in enumerate(sourced, start=1)}


@dataclass(frozen=True)
class Cell:
    """A quantity over the search seeds of one row."""

    summary: Summary
    evaluation_spread: float | None = None  # std over evaluation seeds inside a run (root mean square over runs)


@dataclass(frozen=True)
class Collapse:
    """How many runs of a row found a degenerate cell."""

    skips: int  # skip-connections are more than half of the operations
    zeros: int  # zero operations are more than half of the operations
    cut_off: int  # the input does not reach the output
    runs: int

    @property
    def text(self) -> str:
        """Such as `skips 2/3, cut off 1/3`, or `none`."""
        counts = {"skips": self.skips, "zeros": self.zeros, "cut off": self.cut_off}
        return ", ".join(f"{name} {count}/{self.runs}" for name, count in counts.items() if count) or "none"


@dataclass(frozen=True)
class Row:
    """A method with one choice of settings."""

    method: str
    label: str  # the method, and the settings by which it differs from its other rows
    seeds: tuple[int, ...]  # search seeds
    run_ids: tuple[str, ...]
    cells: Mapping[str, Cell]  # column key -> cell; a quantity that no run has is absent
    collapse: Collapse
    devices: tuple[str, ...]
    reference: bool = False  # searched on another data set: shown, but not ranked


@dataclass(frozen=True)
class Leaderboard:
    """Everything known of the methods that searched one space on one data set."""

    space: str
    dataset: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    verdicts: Mapping[str, Verdict]  # key of an evaluation column -> verdict over row labels
    notes: tuple[str, ...]
    command: str  # rebuilds this board
    published: pd.DataFrame = field(default_factory=pd.DataFrame)  # figures of papers, never ranked with ours

    @property
    def evaluations(self) -> tuple[Column, ...]:
        """The error columns."""
        return tuple(column for column in self.columns if column.evaluation)

    @property
    def properties(self) -> tuple[Column, ...]:
        """The columns of cells and cost."""
        return tuple(column for column in self.columns if not column.evaluation)

    @property
    def sources(self) -> list[str]:
        """Where the figures of each column are from, and what its errors say of the methods."""
        marks, lines = source_marks(self.columns), []
        for column in self.columns:
            if column.source:
                told = f" Verdict: {self.verdicts[column.key].text}." if column.evaluation else ""
                lines.append(f"({marks[column.key]}) {column.label}: {column.source}.{told}")
        return lines

    @property
    def published_figures(self) -> list[dict[str, Any]]:
        """The published figures as dictionaries, None where a figure lacks something."""
        known = self.published.astype(object).where(self.published.notna(), None)
        return [{str(name): value for name, value in record.items()} for record in known.to_dict(orient="records")]

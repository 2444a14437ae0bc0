"""A table of short texts, which the formats only have to dress."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class GridCell:
    """One text of a grid."""

    text: str
    bold: bool = False


@dataclass(frozen=True)
class Grid:
    """A table of texts; the first column names the row."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[GridCell, ...], ...]
    numeric: bool = True  # whether the columns after the first are numbers
    sections: tuple[int, ...] = ()  # rows that a new block begins with, apart from the first


def interval_text(low: float, high: float, spec: str) -> str:
    """What stands after a value: its interval, numbers by the format specification; empty where there is none."""
    return "" if math.isnan(low) else f" [{low:{spec}}, {high:{spec}}]"

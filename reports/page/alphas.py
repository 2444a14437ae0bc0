"""How the architecture parameters moved in one search of each method: a small panel an edge, a line an operation."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from reports.drawing import OPERATION_COLOURS, short_name
from reports.page.material import (
    LegendEntry,
    Material,
    Section,
    board_title,
    row_anchor,
    variation,
)
from reports.page.svg import HEX
from spaces.registry import find_space, list_spaces
from spaces.space import CellSpace

MOST_METHODS = 24  # of a board
_POINTS = 40  # of a line
_SIZE = 100.0  # of a panel, in its own units


@dataclass(frozen=True)
class AlphaLine:
    """One operation on one edge."""

    colour: str
    points: str  # of an SVG polyline


@dataclass(frozen=True)
class AlphaEdge:
    """One panel."""

    title: str
    lines: Sequence[AlphaLine]


@dataclass(frozen=True)
class AlphaSearch:
    """The panels of one run, which share the scale from `low` to `high`."""

    board: int
    entry: LegendEntry
    note: str
    low: str
    high: str
    edges: Sequence[AlphaEdge]
    operations: Sequence[LegendEntry]


def alphas_section(material: Material) -> Section | None:
    """The first row of every differentiable method, its lowest seed."""
    searches = []
    for number, board in enumerate(material.boards):
        if board.space not in list_spaces():
            continue
        seen: set[str] = set()
        for place, row in enumerate(board.rows):
            if row.reference or row.method in seen or len(seen) == MOST_METHODS:
                continue
            run = material.by_run.loc[list(row.run_ids)].sort_values(["search_seed", "id"]).iloc[0]
            history = material.history(run["id"])
            if history is None or not _alpha_names(history):
                continue
            seen.add(row.method)
            detail = ", ".join(filter(None, (variation(row), board_title(board))))
            entry = LegendEntry(row.method, detail, "ink", anchor=row_anchor(number, place))
            note = f"seed {run['search_seed']}, run {run['id']}"
            searches.append(_search(history, board.space, entry, board=number, note=note))
    return Section("alphas", "Alpha", "alphas.html", {"searches": searches}) if searches else None


def _search(history: pd.DataFrame, space_name: str, entry: LegendEntry, *, board: int, note: str) -> AlphaSearch:
    names = _alpha_names(history)
    known = history[["step", *names]].dropna()
    kept = known.iloc[np.unique(np.linspace(0, len(known) - 1, _POINTS).astype(int))]
    steps = kept["step"].to_numpy() / history["step"].max()
    low, high = float(kept[names].to_numpy().min()), float(kept[names].to_numpy().max())
    space = find_space(space_name)
    operations = space.operation_names
    places = [tuple(map(int, name.split("/")[1:])) for name in names]
    kinds = _kinds(space, len({alpha for alpha, *_ in places}))
    edges = []
    for alpha, edge in sorted({(alpha, edge) for alpha, edge, _ in places}):
        lines = []
        for index, operation in enumerate(operations):
            values = kept.get(f"alpha/{alpha}/{edge}/{index}")
            if values is not None:
                heights = _SIZE * (1 - (values.to_numpy() - low) / ((high - low) or 1.0))
                points = " ".join(f"{_SIZE * x:.1f},{y:.1f}" for x, y in zip(steps, heights, strict=True))
                lines.append(AlphaLine(_colour(operation), points))
        edges.append(AlphaEdge(f"{kinds[alpha]}edge {edge + 1}", lines))
    legend = [LegendEntry(short_name(name), "", _colour(name)) for name in operations]
    return AlphaSearch(board, entry, note, f"{low:.3g}", f"{high:.3g}", edges, legend)


def _alpha_names(history: pd.DataFrame) -> list[str]:
    return [name for name in map(str, history) if name.startswith("alpha/")]


def _kinds(space: object, count: int) -> list[str]:
    """What the alphas of several cells are called before the number of the edge."""
    if count == 1:
        return [""]
    if isinstance(space, CellSpace) and len(names := list(space.cells(space.without_operations))) == count:
        return [f"{name}, " for name in names]
    return [f"alpha {number + 1}, " for number in range(count)]


def _colour(operation: str) -> str:
    """The page's variable for the colour that drawings of cells give the operation."""
    code = OPERATION_COLOURS.get(operation, HEX["muted"]).lower()
    return next(name for name, known in HEX.items() if known == code)


__all__ = ["AlphaEdge", "AlphaLine", "AlphaSearch", "alphas_section"]

"""Anytime curves as text: for the terminal, as Markdown, CSV, JSON or LaTeX."""

import csv
import io
import json
import math
from collections.abc import Sequence
from typing import Any

from rich.console import Group
from rich.text import Text

from reports.anytime import Panel, points
from reports.formats import FORMATS
from reports.grid import Grid, GridCell
from reports.grid_formats import grid_latex, grid_markdown, grid_table, plain_text
from reports.statistics import INTERVALS, Summary

_SHARES = (1 / 8, 1 / 4, 1 / 2, 1)  # of the largest cost: the columns of a table
LEGEND = (
    f"mean over search seeds [95 % interval: {INTERVALS}] of the error of what the search would return if it were "
    "stopped at the cost; -: not all seeds had an error by then; searches that are over keep theirs"
)


def render(panels: Sequence[Panel], format_: str, *, notes: Sequence[str] = (), width: int = 140) -> str:
    """The panels in one of `reports.formats.FORMATS`; raises ValueError for another format."""
    if format_ == "json":
        return json.dumps({"panels": [_dictionary(panel) for panel in panels], "notes": list(notes)}, indent=2) + "\n"
    if format_ == "csv":
        return _csv(panels)
    if format_ == "markdown":
        lines = [line for panel in panels for line in grid_markdown(anytime_grid(panel))]
        return "\n".join([*lines, *(f"- {line}" for line in (LEGEND, *notes))]) + "\n"
    if format_ == "latex":
        lines = [
            line for panel in panels for line in grid_latex(anytime_grid(panel), caption=anytime_grid(panel).title)
        ]
        return "\n".join([*lines, *(f"% {line}" for line in (LEGEND, *notes))]) + "\n"
    if format_ == "terminal":
        return plain_text(as_renderable(panels, notes=notes), width=width)
    raise ValueError(f"there is no format '{format_}': use one of {', '.join(FORMATS)}")


def as_renderable(panels: Sequence[Panel], *, notes: Sequence[str] = ()) -> Group:
    """The panels for a rich console."""
    return Group(*(grid_table(anytime_grid(panel)) for panel in panels), *(Text(line) for line in (LEGEND, *notes)))


def anytime_grid(panel: Panel) -> Grid:
    """A row a curve, at some shares of the largest cost."""
    costs = [share * panel.end for share in _SHARES]
    rows = [
        (
            GridCell(curve.method),
            GridCell(str(len(curve.run_ids))),
            *(GridCell(_text(curve.at(cost))) for cost in costs),
        )
        for curve in panel.curves
    ]
    title = f"{panel.title}: {panel.quantity}, in %, against {panel.cost}"
    return Grid(title, ("method", "runs", *(f"{cost:.4g}" for cost in costs)), tuple(rows))


def _text(summary: Summary | None) -> str:
    if summary is None:
        return "-"
    interval = "" if math.isnan(summary.low) else f" [{summary.low:.2f}, {summary.high:.2f}]"
    return f"{summary.mean:.2f}{interval}"


def _dictionary(panel: Panel) -> dict[str, Any]:
    return {
        "space": panel.space,
        "dataset": panel.dataset,
        "quantity": panel.quantity,
        "cost": panel.cost,
        "curves": [
            {
                "method": curve.method,
                "run_ids": list(curve.run_ids),
                "costs": curve.costs.tolist(),
                **{name: [_number(getattr(one, name)) for one in curve.summaries] for name in ("mean", "low", "high")},
            }
            for curve in panel.curves
        ],
    }


def _csv(panels: Sequence[Panel]) -> str:
    names = ("space", "dataset", "quantity", "cost_unit", "method", "runs", "cost", "mean", "std", "low", "high")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(names)
    for panel in panels:
        for curve, cost, summary in points(panel):
            numbers = (summary.mean, summary.std, summary.low, summary.high)
            kind = (panel.space, panel.dataset, panel.quantity, panel.cost, curve.method, summary.count)
            writer.writerow((*kind, cost, *map(_number, numbers)))
    return text.getvalue()


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


__all__ = ["as_renderable", "render"]

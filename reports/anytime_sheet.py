"""Anytime curves as a sheet: a row a method, at some costs."""

from collections.abc import Sequence
from typing import Any

from reports.anytime import Panel, points
from reports.grid import Grid, GridCell, interval_text
from reports.sheet import Sheet
from reports.statistics import INTERVALS, Summary

_SHARES = (1 / 8, 1 / 4, 1 / 2, 1)  # of the largest cost: the columns of a table
LEGEND = (
    f"mean over search seeds [95 % interval: {INTERVALS}] of the error of what the search would return if it were "
    "stopped at the cost; -: not all seeds had an error by then; searches that are over keep theirs"
)


def anytime_sheet(panels: Sequence[Panel], *, notes: Sequence[str] = ()) -> Sheet:
    """The panels, ready to be written in any format; JSON and CSV have every point."""
    columns = ("space", "dataset", "quantity", "cost_unit", "method", "runs", "cost", "mean", "std", "low", "high")
    lines = [
        dict(
            zip(
                columns,
                (panel.space, panel.dataset, panel.quantity, panel.cost, curve.method, one.count, cost, one.mean,
                 one.std, one.low, one.high),
                strict=True,
            )
        )
        for panel in panels
        for curve, cost, one in points(panel)
    ]  # fmt: skip
    data = {"panels": [_data(panel) for panel in panels], "notes": list(notes)}
    return Sheet([anytime_grid(panel) for panel in panels], [LEGEND, *notes], data, columns, lines)


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
    return "-" if summary is None else f"{summary.mean:.2f}{interval_text(summary.low, summary.high, '.2f')}"


def _data(panel: Panel) -> dict[str, Any]:
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
                **{name: [getattr(one, name) for one in curve.summaries] for name in ("mean", "low", "high")},
            }
            for curve in panel.curves
        ],
    }


__all__ = ["LEGEND", "anytime_grid", "anytime_sheet"]

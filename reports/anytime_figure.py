"""Anytime curves as a figure: one panel a meaning of errors and costs."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reports.anytime import Panel
from reports.picture import save_picture


def draw_anytime(panels: Sequence[Panel], path: Path) -> None:
    """Means as steps, 95 % intervals as bands, single runs as thin steps; a method has one colour in all panels.

    The axis of costs is logarithmic where they span a decade. Intervals that reach beyond all runs are cut there.
    Raises InputError where the file cannot be written; its ending decides the format.
    """
    methods = list(dict.fromkeys(curve.method for panel in panels for curve in panel.curves))
    colours = dict(zip(methods, sns.color_palette("colorblind", len(methods)), strict=True))
    figure = Figure(figsize=(6, 3.6 * len(panels)), layout="constrained")
    FigureCanvasAgg(figure)
    for panel, axes in zip(panels, figure.subplots(len(panels), squeeze=False)[:, 0], strict=True):
        draw_panel(axes, panel, colours)
    save_picture(figure, path)


def draw_panel(axes: Axes, panel: Panel, colours: Mapping[str, Any]) -> None:
    """One panel; `colours` are the methods'."""
    errors = np.concatenate([curve.errors.ravel() for curve in panel.curves])
    margin = 0.05 * (float(np.ptp(errors)) or 1.0)
    for curve in panel.curves:
        colour = colours[curve.method]
        costs = np.append(curve.costs, panel.end)  # a search that is over keeps its error
        mean, low, high = (
            np.array([getattr(summary, name) for summary in (*curve.summaries, curve.summaries[-1])])
            for name in ("mean", "low", "high")
        )
        label = f"{curve.method} (n = {len(curve.run_ids)})"
        axes.step(costs, mean, where="post", color=colour, linewidth=1.6, label=label)
        axes.fill_between(costs, low, high, step="post", color=colour, alpha=0.12, linewidth=0)
        for run in curve.errors:
            axes.step(costs, np.append(run, run[-1]), where="post", color=colour, linewidth=0.4, alpha=0.6)
    if panel.end >= 10 * min(curve.costs[0] for curve in panel.curves):
        axes.set_xscale("log")
    axes.set_ylim(errors.min() - margin, errors.max() + margin)
    axes.set_title(f"{panel.title}\n{panel.quantity}", fontsize=8)
    axes.set_xlabel(panel.cost, fontsize=8)
    axes.set_ylabel("error, %", fontsize=8)
    axes.legend(fontsize=7)


__all__ = ["draw_anytime", "draw_panel"]

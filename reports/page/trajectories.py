"""How searches went: skip ratio, entropy of alpha and errors of the supernet over the search."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from reports.page.material import (
    MOST_HISTORIES,
    FigureGroup,
    Material,
    Panel,
    Section,
    blocks,
    left_out,
    legend_entry,
    series,
)
from reports.page.svg import HEX, draw

MOST_BANDS = 3  # in one panel: more hide one another
_GRID = np.linspace(0, 100, 101)  # % of the search
_QUANTITIES = {
    "skip_ratio": ("Skip ratio", "skip-connections / operations"),
    "zero_ratio": ("Zero ratio", "zero operations / operations"),
    "alpha_entropy": ("Entropy of alpha", "entropy, nats"),
    "one_shot_error": ("Error of the supernet", "validation error, %"),
}


def trajectories_section(material: Material) -> Section | None:
    """A panel a quantity that some history has, a line a row: the mean over its runs, and from lowest to highest."""
    groups = []
    for number, board in enumerate(material.boards):
        for heading, rows in blocks(board):
            curves = {place: _curves(material, row.run_ids) for place, row in rows.items()}
            panels = [
                Panel(
                    draw(f"trajectory-{number + 1}-{min(rows)}-{name}", title, _plot(name, unit, curves)), title=title
                )
                for name, (title, unit) in _QUANTITIES.items()
                if any(name in of_row and np.nan_to_num(of_row[name]).any() for of_row in curves.values())
            ]
            known = [place for place, of_row in curves.items() if of_row]
            legend = [legend_entry(rows[place], board=number, place=place) for place in known]
            if panels:
                groups.append(FigureGroup(heading, panels, legend=legend, notes=left_out(board), board=number))
    lead = (
        "Mean over search seeds; where there are few methods, a band from the lowest to the highest. The axis is the "
        "share of the search's steps."
    )
    return Section("trajectories", "Searches", "figures.html", {"groups": groups, "lead": lead}) if groups else None


def _curves(material: Material, run_ids: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Quantity -> (runs, points of the grid)."""
    histories = (material.history(run) for run in run_ids[:MOST_HISTORIES])
    sampled = [_sampled(history) for history in histories if history is not None and len(history)]
    names = {name for curves in sampled for name in curves}
    return {name: np.array([curves[name] for curves in sampled if name in curves]) for name in names}


def _sampled(history: pd.DataFrame) -> dict[str, np.ndarray]:
    """What was known last at every point of the grid; NaN before anything was."""
    found = {}
    for name in _QUANTITIES:
        known = history[["step", name]].dropna() if name in history else history.iloc[:0]
        if len(known):
            places = np.searchsorted(100 * known["step"] / history["step"].max(), _GRID, side="right") - 1
            found[name] = np.where(places < 0, np.nan, known[name].to_numpy()[np.maximum(places, 0)])
    return found


def _plot(name: str, unit: str, curves: Mapping[int, dict[str, np.ndarray]]) -> Callable[[Axes], None]:
    def plot(axes: Axes) -> None:
        for place, of_row in curves.items():
            if name not in of_row:
                continue
            values = of_row[name][:, ~np.isnan(of_row[name]).any(axis=0)]
            points = _GRID[-values.shape[1] :]
            colour, dash = series(place)
            axes.plot(points, values.mean(axis=0), color=HEX[colour], linestyle=dash)
            if len(values) > 1 and len(curves) <= MOST_BANDS:
                low, high = values.min(axis=0), values.max(axis=0)
                axes.fill_between(points, low, high, color=HEX[colour], alpha=0.12, linewidth=0)
        axes.set(xlabel="share of the search, %", ylabel=unit, xlim=(0, 100))

    return plot


__all__ = ["trajectories_section"]

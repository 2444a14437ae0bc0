"""An ablation as a figure: main effects with their intervals, and the means of every pair of choices."""

import itertools
from pathlib import Path

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reports.ablation import AblationTable
from reports.ablation_sheet import effect_name, quantity_name
from reports.board import Column
from reports.picture import save_picture
from spaces.errors import InputError

_STRIP = 0.8  # what seaborn's strips share of the room of a level


def draw_ablation(table: AblationTable, path: Path) -> None:
    """A row a quantity: the main effects, then, where the design is crossed, a panel a pair of choices.

    Main effects are differences from the reference level with 95 % intervals. A pair's panel shows every run as a dot
    and a line through the means at each level of the second choice: lines that are not parallel interact. The file's
    ending decides the format; raises InputError where there is nothing to draw or the file cannot be written.
    """
    if not any(effects.main for effects in table.effects.values()):
        raise InputError("there is nothing to draw yet: finish runs of at least two levels first")
    pairs = list(itertools.combinations(table.choices, 2)) if table.crossed else []
    size = (4.6 + 4.4 * len(pairs), max(2.6, 0.3 * len(table.effects[table.columns[0].key].main)) * len(table.columns))
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    errors = "".join(f"; error: {column.label}" for column in table.columns if column.evaluation)
    figure.suptitle(f"{table.title}{errors}", fontsize=7, wrap=True)
    panels = figure.subplots(len(table.columns), 1 + len(pairs), squeeze=False)
    for column, (main, *others) in zip(table.columns, panels, strict=True):
        draw_main_effects(main, table, column)
        for pair, axes in zip(pairs, others, strict=True):
            draw_interaction(axes, table, column, pair)
            # Inside the panel it would hide runs.
            sns.move_legend(axes, "center left", bbox_to_anchor=(1, 0.5), frameon=False, fontsize=8)
        for axes in (main, *others):
            axes.tick_params(labelsize=8)
            axes.xaxis.label.set_fontsize(8)
    save_picture(figure, path)


def draw_main_effects(axes: Axes, table: AblationTable, column: Column) -> None:
    """The main effects on one quantity, with their intervals."""
    effects = table.effects[column.key].main
    data = pd.DataFrame(
        [(effect_name(one), one.choices[0], one.difference, one.low, one.high) for one in effects],
        columns=["level", "choice", "difference", "low", "high"],
    )
    sns.stripplot(data, x="difference", y="level", hue="choice", palette="colorblind", size=6, jitter=False,
                  legend=False, ax=axes)  # fmt: skip
    axes.hlines(data["level"], data["low"], data["high"], color="0.4", linewidth=1.2, zorder=0)
    axes.axvline(0, color="0.8", zorder=0)
    axes.set_xlabel(f"difference in {quantity_name(column)}", fontsize=8)
    axes.set_ylabel("")


def draw_interaction(axes: Axes, table: AblationTable, column: Column, pair: tuple[str, str]) -> None:
    """The means of one quantity at the levels of two choices, and every run."""
    first, second = pair
    data = table.runs.dropna(subset=column.key)
    order = {"order": _in_order(table.choices[first]), "hue_order": _in_order(table.choices[second])}
    shared = {"data": data, "x": first, "y": column.key, "hue": second, "palette": "colorblind", "ax": axes, **order}
    count = len(table.choices[second])
    sns.pointplot(**shared, errorbar=None, dodge=_STRIP * (count - 1) / count, markersize=4, linewidth=1.2)
    sns.stripplot(**shared, dodge=True, size=2.5, alpha=0.6, jitter=False, legend=False)
    axes.set_ylabel(quantity_name(column), fontsize=8)
    axes.legend(title=second, fontsize=7, title_fontsize=7)


def _in_order(levels: tuple[str, ...]) -> list[str]:
    """Numbers by size, other levels as they stand, the reference first."""
    try:
        return sorted(levels, key=float)
    except ValueError:
        return list(levels)


__all__ = ["draw_ablation", "draw_interaction", "draw_main_effects"]

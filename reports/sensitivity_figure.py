"""A sensitivity study as a figure: one panel a factor and quantity."""

from pathlib import Path

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reports.board import Column
from reports.picture import save_picture
from reports.sensitivity import SensitivityRow, SensitivityTable
from reports.sensitivity_sheet import short
from spaces.errors import InputError

_MOST_DOTS = 20  # of one value: more hide one another


def draw_sensitivity(table: SensitivityTable, path: Path) -> None:
    """Runs as dots, the mean and standard deviation over seeds beside; the file's ending decides the format.

    Columns are factors and rows are quantities. The axis of values that span a decade is logarithmic, the baseline has
    a grey line; values that are no numbers stand in their order. Raises InputError where there is nothing to draw or
    the file cannot be written.
    """
    if not table.columns:
        raise InputError("there is nothing to draw yet: finish some runs first")
    size = (3.2 * len(table.blocks), 2.4 * len(table.columns))
    figure = Figure(figsize=size, layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(len(table.columns), len(table.blocks), squeeze=False)
    for column, row_of_panels in zip(table.columns, panels, strict=True):
        for (factor, rows), axes in zip(table.blocks.items(), row_of_panels, strict=True):
            draw_panel(axes, column, factor, rows)
    save_picture(figure, path)


def draw_panel(axes: Axes, column: Column, factor: str, rows: tuple[SensitivityRow, ...]) -> None:
    """One quantity over the values of one factor."""
    values = [row.point.value for row in rows]
    numeric = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    shown = sorted(rows, key=lambda row: row.point.value) if numeric else rows
    data = pd.DataFrame(
        [
            (row.point.value if numeric else short(row.point.value), number)
            for row in shown
            if column.key in row.cells
            for number in row.cells[column.key].values.values()
        ],
        columns=["value", "number"],
    )
    sns.lineplot(data, x="value", y="number", errorbar="sd", err_style="bars", marker="o", ax=axes)
    dots = data.groupby("value", sort=False).head(_MOST_DOTS)
    sns.scatterplot(dots, x="value", y="number", color="0.4", s=14, ax=axes)
    if numeric:
        _scale(axes, values)
        axes.axvline(rows[0].point.value, color="0.8", zorder=0)
    unit = "" if column.unit == "1" else f", {column.unit}"
    axes.set_xlabel(factor)
    axes.set_ylabel(f"{column.label}{unit}", fontsize=7)


def _scale(axes: Axes, values: list[float]) -> None:
    """A logarithmic axis for values that span a decade; one that begins linearly where 0 is among them."""
    positive = [value for value in values if value > 0]
    if min(values) >= 0 and positive and max(positive) >= 10 * min(positive):
        if len(positive) == len(values):
            axes.set_xscale("log")
        else:
            axes.set_xscale("symlog", linthresh=min(positive))


__all__ = ["draw_panel", "draw_sensitivity"]

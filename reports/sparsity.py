"""SparseNAS' ablation on digits (Wu et al. 2021, Fig. 3): accuracy and sparsity against the penalty's strength."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reports.grid import Grid, GridCell
from reports.picture import save_picture
from reports.sheet import Sheet
from reports.statistics import summarise

# The four panels of the figure, and what no figure shows: how much of the sparsity is exact.
QUANTITIES = {
    "accuracy": "validation accuracy, %",
    "features": "selected features, of 64",
    "neurons": "remaining hidden neurons, of 60",
    "sparsity": "zero weights, %",
    "exact_zeros": "exactly zero weights, %",
}
_PANELS = tuple(QUANTITIES)[:4]


def sparsity_sheet(records: Sequence[Mapping[str, Any]], *, note: str) -> Sheet:
    """One table a quantity; CSV and JSON have every network."""
    data = {"records": list(records), "notes": [note]}
    return Sheet(_grids(records), [note], data, list(records[0]), records)


def _grids(records: Sequence[Mapping[str, Any]]) -> list[Grid]:
    """One grid a quantity: a row a curve, a column a strength, mean ± standard deviation over seeds."""
    data = pd.DataFrame(records)
    strengths = sorted(data["strength"].unique())
    header = ("curve", *(f"λ = 10^{math.log10(strength):.3g}" for strength in strengths))
    found = []
    for quantity, label in QUANTITIES.items():
        rows = []
        for curve in data["curve"].unique():
            of_curve = data[data["curve"] == curve]
            summaries = [summarise(of_curve.loc[of_curve["strength"] == one, quantity].tolist()) for one in strengths]
            texts = (f"{s.mean:.1f}" if math.isnan(s.std) else f"{s.mean:.1f} ± {s.std:.1f}" for s in summaries)
            rows.append((GridCell(curve), *map(GridCell, texts)))
        found.append(Grid(label, header, tuple(rows)))
    return found


def draw_sparsity(records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """The four panels: means and standard deviations over seeds; the file's ending decides the format.

    Raises InputError where the file cannot be written.
    """
    data = pd.DataFrame(records)
    figure = Figure(figsize=(15, 3.8), layout="constrained")
    FigureCanvasAgg(figure)
    for quantity, axes in zip(_PANELS, figure.subplots(1, len(_PANELS)), strict=True):
        sns.lineplot(
            data, x="strength", y=quantity, hue="curve", style="curve", markers=True, dashes=False,
            palette="colorblind", errorbar="sd", err_style="bars", ax=axes, legend=quantity == _PANELS[0],
        )  # fmt: skip
        axes.set_xscale("log")
        axes.set(xlabel="strength λ of the penalty", ylabel=QUANTITIES[quantity])
        if quantity == _PANELS[0]:
            axes.legend(fontsize=7, loc="lower left")
            axes.set_ylim(top=100)
    save_picture(figure, path)


__all__ = ["QUANTITIES", "draw_sparsity", "sparsity_sheet"]

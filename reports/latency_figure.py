"""Predicted against measured latencies of whole networks."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reports.picture import save_picture


def draw_latencies(predicted: np.ndarray, measured: np.ndarray, path: Path, *, title: str) -> None:
    """A point an architecture, its bar from quartile to quartile of the rounds `measured` (rounds, architectures), ms.

    The file's ending decides the format; raises InputError where it cannot be written.
    """
    import seaborn

    low, middle, high = np.quantile(measured, (0.25, 0.5, 0.75), axis=0)
    figure = Figure(figsize=(5, 4.6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    ends = [min(predicted.min(), low.min()), max(predicted.max(), high.max())]
    axes.plot(ends, ends, color="#999999", linewidth=1, label="equal")
    axes.errorbar(predicted, middle, yerr=[middle - low, high - middle], fmt="none", ecolor="#0072B2", alpha=0.5)
    seaborn.scatterplot(x=predicted, y=middle, ax=axes, color="#0072B2", s=22, label="median, quartiles")
    axes.set(title=title, xlabel="predicted, ms", ylabel="measured, ms")
    axes.title.set_fontsize(9)
    save_picture(figure, path)

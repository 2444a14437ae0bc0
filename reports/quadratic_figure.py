"""Figure 1 of the RARTS paper: trajectories in the (alpha, w) plane."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reports.picture import save_picture

Points = Sequence[tuple[float, ...]]


def draw_trajectories(panels: Sequence[tuple[str, Sequence[tuple[str, Points]]]], path: Path) -> None:
    """One panel a title; each curve is (label, points (alpha, w, ...)). The file's ending decides the format."""
    figure = Figure(figsize=(4.2 * len(panels), 4), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (title, curves) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True):
        for label, points in curves:
            axes.plot([p[0] for p in points], [p[1] for p in points], label=label, linewidth=1.2)
        axes.plot(1, 1, "k*", markersize=10, label="optimum (1, 1)")
        axes.plot(2, 2, "kx", markersize=8, label="spurious (2, 2)")
        axes.set(title=title, xlabel="alpha", ylabel="w", xlim=(-0.8, 4.3), ylim=(-2.3, 3.2))
        axes.legend(fontsize=7, loc="upper left")
    save_picture(figure, path)

"""Average ranks as a critical-difference diagram (Demšar 2006, Figure 1)."""

from pathlib import Path

import pandas as pd
import scikit_posthocs
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reports.picture import save_picture
from reports.ranks import Ranks
from reports.statistics import CONFIDENCE


def draw_ranks(ranks: Ranks, path: Path) -> None:
    """Methods at their average ranks, bars under those that are tied; the file's ending decides the format.

    Where nothing could be tested, or no difference was found, one bar ties them all. Raises InputError where the file
    cannot be written.
    """
    save_picture(ranks_figure(ranks), path)


def ranks_figure(ranks: Ranks) -> Figure:
    """The diagram."""
    methods = ranks.average.index
    figure = Figure(figsize=(8, 1.4 + 0.3 * len(methods)), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    tied = pd.DataFrame(1.0, index=methods, columns=methods)
    scikit_posthocs.critical_difference_diagram(
        ranks.average,
        tied if ranks.p_values is None else ranks.p_values,
        cd=ranks.critical_difference,
        alpha=1 - CONFIDENCE,
        ax=axes,
        text_h_margin=0.05 * max(1.0, float(ranks.average.max() - ranks.average.min())),
    )
    axes.set_title(f"average rank over {len(ranks.errors)} {ranks.over.replace('-', ' ')}, 1 is the best", fontsize=9)
    return figure


__all__ = ["draw_ranks", "ranks_figure"]

"""Training loss against steps for several shares of skip connections (Zhou et al., PR-DARTS, NeurIPS 2020, Fig. 2)."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from reports.grid import Grid, GridCell, interval_text
from reports.picture import save_picture
from reports.sheet import Sheet
from reports.statistics import Summary, summarise

QUANTITIES = {"mean_loss": "mean over all steps", "final_loss": "mean over the last tenth of the steps"}


def skip_decay_sheet(records: Sequence[Mapping[str, Any]], *, note: str) -> Sheet:
    """A row a share of skips; CSV and JSON have every curve."""
    return Sheet([_grid(records)], [note], {"records": list(records), "notes": [note]}, list(records[0]), records)


def _grid(records: Sequence[Mapping[str, Any]]) -> Grid:
    """A row a share: the loss, and by how much it is lower than with the fewest skips, seed by seed."""
    data = pd.DataFrame(records).set_index(["skip_share", "seed"]).sort_index()
    shares = data.index.unique("skip_share").tolist()
    rows = []
    for share in shares:
        texts = [f"{100 * share:g} %"]
        for quantity in QUANTITIES:
            losses = data.loc[share, quantity]
            paired = (losses - data.loc[shares[0], quantity]).dropna().tolist()
            texts += [_spread(summarise(losses.tolist())), "" if share == shares[0] else _interval(summarise(paired))]
        rows.append(tuple(map(GridCell, texts)))
    header = ["skips"]
    for label in QUANTITIES.values():
        header += [label, f"difference from {100 * shares[0]:g} %"]
    return Grid("training loss (cross entropy, nats)", tuple(header), tuple(rows))


def draw_skip_decay(records: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Means and standard deviations over seeds of the loss; the file's ending decides the format.

    Raises InputError where the file cannot be written.
    """
    points = pd.DataFrame(
        [
            {"skips": f"{100 * record['skip_share']:g} % skips", "step": end, "loss": loss}
            for record in records
            for end, loss in zip(record["ends"], record["losses"], strict=True)
        ]
    )
    figure = Figure(figsize=(6, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    sns.lineplot(points, x="step", y="loss", hue="skips", palette="colorblind", errorbar="sd", ax=axes)
    axes.set(xlabel="steps", ylabel="training loss, nats")
    axes.legend(title=None)
    save_picture(figure, path)


def _spread(summary: Summary) -> str:
    return f"{summary.mean:.3f}" if math.isnan(summary.std) else f"{summary.mean:.3f} ± {summary.std:.3f}"


def _interval(summary: Summary) -> str:
    return f"{summary.mean:+.3f}{interval_text(summary.low, summary.high, '+.3f')}"


__all__ = ["draw_skip_decay", "skip_decay_sheet"]

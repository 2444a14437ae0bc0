"""Latencies of what was found: against the error, and predicted against measured."""

from collections.abc import Callable, Mapping

import pandas as pd
from matplotlib.axes import Axes

from reports.board import Leaderboard, Row
from reports.page.material import (
    MARKERS,
    FigureGroup,
    Material,
    Panel,
    Section,
    blocks,
    left_out,
    legend_entry,
    point,
)
from reports.page.svg import HEX, draw

MOST_POINTS = 100  # of a row: more hide one another
_LATENCIES = (("latency_ms", "latency_source", "Latency"),
              ("predicted_latency_ms", "predicted_latency_source", "Predicted latency"))  # fmt: skip


def latency_section(material: Material) -> Section | None:
    """A panel a source of latencies, and one a pair of sources; a point a run."""
    groups = []
    for number, board in enumerate(material.boards):
        for heading, rows in blocks(board):
            parts = _points(material, number, rows)
            panels = _panels(parts, board, name=f"latency-{number + 1}-{min(rows)}")
            if panels:
                legend = [legend_entry(rows[place], board=number, place=place, points=True) for place in parts]
                groups.append(FigureGroup(heading, panels, legend=legend, notes=left_out(board), board=number))
    lead = f"A point a run, {MOST_POINTS} runs of a row at most."
    return Section("latency", "Latency", "figures.html", {"groups": groups, "lead": lead}) if groups else None


def _points(material: Material, number: int, rows: Mapping[int, Row]) -> dict[int, pd.DataFrame]:
    """Place of a row -> its runs that have a latency, and their error."""
    errors, found = material.board_errors[number], {}
    for place, row in rows.items():
        runs = material.by_run.loc[list(row.run_ids)]
        runs = runs[runs["latency_ms"].notna() | runs["predicted_latency_ms"].notna()].iloc[:MOST_POINTS]
        if len(runs):
            found[place] = runs.assign(error=runs["id"].map(errors).astype(float))
    return found


def _panels(parts: Mapping[int, pd.DataFrame], board: Leaderboard, *, name: str) -> list[Panel]:
    if not parts:
        return []
    panels: list[Panel] = []
    everything = pd.concat(parts.values())

    def add(title: str, note: str, x: str, y: str, labels: tuple[str, str], source_column: str, source: str) -> None:
        chosen = _chosen(parts, source_column, source, known=[x, y])
        if chosen:
            svg = draw(f"{name}-{len(panels) + 1}", title, _plot(chosen, x, y, *labels))
            panels.append(Panel(svg, title=title, note=note))

    for column, source_column, title in _LATENCIES:
        for source in sorted(everything[source_column].dropna().unique()) if board.evaluations else ():
            labels = (f"{title.lower()}, ms", "error, %")
            note = f"{source}; error: {board.evaluations[0].label}"
            add(f"{title} and error", note, column, "error", labels, source_column, source)
    for source in sorted(everything["latency_source"].dropna().unique()):
        labels = ("predicted latency, ms", "latency, ms")
        add("Predicted and measured", source, "predicted_latency_ms", "latency_ms", labels, "latency_source", source)
    return panels


def _chosen(
    parts: Mapping[int, pd.DataFrame], column: str, source: str, *, known: list[str]
) -> dict[int, pd.DataFrame]:
    chosen = {place: runs[runs[column] == source].dropna(subset=known) for place, runs in parts.items()}
    return {place: runs for place, runs in chosen.items() if len(runs)}


def _plot(parts: Mapping[int, pd.DataFrame], x: str, y: str, x_label: str, y_label: str) -> Callable[[Axes], None]:
    def plot(axes: Axes) -> None:
        if y == "latency_ms":
            values = pd.concat([runs[[x, y]] for runs in parts.values()]).to_numpy()
            ends = [values.min(), values.max()]
            axes.plot(ends, ends, color=HEX["line"], linewidth=1, zorder=0)  # where both are equal
        for place, runs in parts.items():
            colour, shape = point(place)
            marker = MARKERS[shape]
            axes.scatter(
                runs[x], runs[y], s=26, color=HEX[colour], marker=marker, edgecolors=HEX["paper"], linewidths=0.6
            )
        axes.set(xlabel=x_label, ylabel=y_label)

    return plot


__all__ = ["latency_section"]

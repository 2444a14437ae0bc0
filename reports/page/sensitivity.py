"""Settings that were varied one at a time, wherever the records hold such a study: no declaration is needed."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from reports.board import Column, Leaderboard
from reports.leaderboard import comparable_texts
from reports.page.material import FigureGroup, LegendEntry, Material, Panel, Section, board_title
from reports.page.svg import draw, plain_logarithm
from reports.sensitivity import Point, SensitivityRow, SensitivityTable, sensitivity
from reports.sensitivity_figure import draw_panel
from reports.sensitivity_sheet import grids, short

MOST_VARIANTS = 200  # of one method: more were tuned, not varied one at a time


def sensitivity_section(material: Material) -> Section | None:
    """Panels and tables for every method with runs that differ from its baseline in one setting."""
    groups: list[FigureGroup] = []
    for number, board in enumerate(material.boards):
        runs = material.runs
        here = runs[(runs["space"] == board.space) & (runs["dataset"] == board.dataset)]
        finished = here[here["status"] == "finished"]
        for method, of_method in finished.groupby("method", sort=True):
            points = one_at_a_time(of_method)
            if points:
                title = f"{method}, {board_title(board)}"
                name = f"sensitivity-{number + 1}-{len(groups) + 1}"
                groups.append(_group(material, board, points, title=title, name=name, number=number))
    lead = (
        "Settings that were varied one at a time: runs as grey dots, mean and standard deviation over seeds beside "
        "them; the grey line is the baseline, from which the most others differ in one setting."
    )
    return Section("sensitivity", "Sensitivity", "figures.html", {"groups": groups, "lead": lead}) if groups else None


def one_at_a_time(runs: pd.DataFrame) -> list[Point]:
    """The points of the largest one-factor-at-a-time study among the runs of one method; empty where there is none.

    The baseline is the choice of settings that the most others differ from in a single setting, the first point of
    every factor.
    """
    texts = comparable_texts(runs["settings"])
    variants = {text: json.loads(text) for text in sorted(texts.unique())}
    if not 1 < len(variants) <= MOST_VARIANTS:
        return []
    neighbours = {text: _neighbours(settings, variants) for text, settings in variants.items()}
    counts = texts.value_counts()
    baseline = max(neighbours, key=lambda text: (len(neighbours[text]), counts[text], text))
    seeds = {text: _by_seed(runs[texts == text]) for text in (baseline, *neighbours[baseline])}
    points: list[Point] = []
    for factor in sorted(set(neighbours[baseline].values())):
        of_factor = [text for text, name in neighbours[baseline].items() if name == factor]
        points.append(Point(factor, variants[baseline].get(factor), seeds[baseline], baseline=True))
        points += [Point(factor, variants[text].get(factor), seeds[text]) for text in of_factor]
    return points


def _neighbours(settings: Mapping[str, Any], variants: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Variant -> the only setting in which it differs."""
    found = {}
    for text, other in variants.items():
        differing = [name for name in settings.keys() | other.keys() if settings.get(name) != other.get(name)]
        if len(differing) == 1:
            found[text] = differing[0]
    return found


def _by_seed(runs: pd.DataFrame) -> dict[int, str]:
    return dict(zip(runs["search_seed"].astype(int), runs["id"], strict=True))


def _group(
    material: Material, board: Leaderboard, points: list[Point], *, title: str, name: str, number: int
) -> FigureGroup:
    ids = {run for point in points for run in point.runs.values()}
    runs = material.by_run.loc[sorted(ids)]
    evaluations = material.evaluations[material.evaluations["run_id"].isin(ids)]
    table = sensitivity(runs, evaluations, points, title=title, dataset=board.dataset, command=board.command)
    panels = [
        Panel(draw(f"{name}-{place}", title, plot, inches=(4.4, 2.7)), title=heading)
        for place, (heading, title, plot) in enumerate(_plots(table))
    ]
    legend = [
        LegendEntry(f"{point.factor}={short(point.value)}", "baseline" * point.baseline, "ink", "", anchor)
        for point in points
        if (anchor := material.anchors.get(next(iter(point.runs.values()))))
    ]
    return FigureGroup(title, panels, legend=legend, tables=grids(table), board=number)


def _plots(table: SensitivityTable) -> list[tuple[str, str, Callable[[Axes], None]]]:
    """(heading, what screen readers say, the plot), a factor after the other; not of what never changes."""
    return [
        (f"{factor}: {column.label}", f"{column.label} over {factor}", _plot(column, factor, rows))
        for factor, rows in table.blocks.items()
        for column in table.columns
        if len({value for row in rows if column.key in row.cells for value in row.cells[column.key].values.values()})
        > 1
    ]


def _plot(column: Column, factor: str, rows: tuple[SensitivityRow, ...]) -> Callable[[Axes], None]:
    def plot(axes: Axes) -> None:
        draw_panel(axes, column, factor, rows)
        axes.yaxis.label.set_fontsize("medium")
        plain_logarithm(axes)

    return plot


__all__ = ["one_at_a_time", "sensitivity_section"]

"""Anytime curves: error against search cost."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from matplotlib.axes import Axes

from reports.anytime import Panel as AnytimePanel
from reports.anytime import panels
from reports.anytime_figure import draw_panel
from reports.anytime_sheet import LEGEND, anytime_grid
from reports.page.material import (
    DASHES,
    SERIES,
    FigureGroup,
    Material,
    Panel,
    Section,
    legend_entry,
    rows_title,
    series,
)
from reports.page.svg import HEX, draw, plain_logarithm


def anytime_section(material: Material) -> Section | None:
    """A panel a meaning of errors and costs, of the runs with traces; a row has its colour of the other figures.

    Curves differ by colour only, so that as many rows share a panel as there are colours.
    """
    groups: list[FigureGroup] = []
    for complete in panels(material.traces):
        places = {curve.method: _place(material, complete, curve.run_ids[0]) for curve in complete.curves}
        shared = sorted({place // len(SERIES) for _, place in places.values()})
        for block in shared:
            curves = tuple(curve for curve in complete.curves if places[curve.method][1] // len(SERIES) == block)
            groups.append(_group(material, replace(complete, curves=curves), places, name=f"anytime-{len(groups) + 1}"))
            if len(shared) > 1:
                rows = [places[curve.method][1] for curve in curves]
                groups[-1] = replace(groups[-1], title=f"{groups[-1].title}, {rows_title(rows)}")
    content = {"groups": groups, "lead": f"{LEGEND[:1].upper()}{LEGEND[1:]}."}
    return Section("anytime", "Anytime", "figures.html", content) if groups else None


def _group(material: Material, panel: AnytimePanel, places: Mapping[str, tuple[int, int]], *, name: str) -> FigureGroup:
    rows = sorted(places[curve.method] for curve in panel.curves)
    entries = [legend_entry(material.boards[board].rows[place], board=board, place=place) for board, place in rows]
    colours = {curve.method: HEX[series(places[curve.method][1])[0]] for curve in panel.curves}
    title = f"{panel.quantity[:1].upper()}{panel.quantity[1:]}"
    svg = draw(name, title, _plot(panel, colours), inches=(4.8, 2.9))
    return FigureGroup(
        " · ".join(_searched(panel)), [Panel(svg, title=title, large=True)],
        legend=[replace(entry, mark=DASHES[0]) for entry in entries], tables=[anytime_grid(panel)], board=rows[0][0],
    )  # fmt: skip


def _searched(panel: AnytimePanel) -> tuple[str, str]:
    return panel.space, panel.dataset


def _place(material: Material, panel: AnytimePanel, run: str) -> tuple[int, int]:
    """(board, place) of the row that has the run."""
    for number, board in enumerate(material.boards):
        if (board.space, board.dataset) == _searched(panel):
            for place, row in enumerate(board.rows):
                if run in row.run_ids:
                    return number, place
    raise ValueError(f"run {run} has a trace, but is on no board")


def _plot(panel: AnytimePanel, colours: Mapping[str, str]) -> Callable[[Axes], None]:
    def plot(axes: Axes) -> None:
        draw_panel(axes, panel, colours)
        axes.set_title("")
        for label in (axes.xaxis.label, axes.yaxis.label):
            label.set_fontsize("medium")
        if (legend := axes.get_legend()) is not None:
            legend.remove()
        plain_logarithm(axes)

    return plot


__all__ = ["anytime_section"]

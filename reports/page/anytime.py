"""Anytime curves: error against search cost."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from matplotlib.axes import Axes

from reports.anytime import Panel as AnytimePanel
from reports.anytime import panels
from reports.anytime_figure import draw_panel
from reports.anytime_sheet import LEGEND, anytime_grid
from reports.page.material import FigureGroup, LegendEntry, Material, Panel, Section, legend_entry
from reports.page.svg import HEX, draw, plain_logarithm


def anytime_section(material: Material) -> Section | None:
    """A panel a meaning of errors and costs, of the runs with traces; a row has its colour of the other figures.

    The first rows of a board alone: curves differ by colour only.
    """
    groups: list[FigureGroup] = []
    for complete in panels(material.traces):
        entries = {curve.method: _entry(material, complete, curve.run_ids[0]) for curve in complete.curves}
        entries = {method: entry for method, entry in entries.items() if entry.mark == "solid"}
        panel = replace(complete, curves=tuple(curve for curve in complete.curves if curve.method in entries))
        title = f"{panel.quantity[:1].upper()}{panel.quantity[1:]}"
        plot = _plot(panel, {method: HEX[entry.colour] for method, entry in entries.items()})
        svg = draw(f"anytime-{len(groups) + 1}", title, plot, inches=(4.8, 2.9))
        board = next(
            (place for place, one in enumerate(material.boards) if (one.space, one.dataset) == _searched(panel)), None
        )
        legend = list(entries.values())
        group = FigureGroup(
            " · ".join(_searched(panel)), [Panel(svg, title=title, large=True)], legend=legend,
            tables=[anytime_grid(panel)], board=board,
        )  # fmt: skip
        groups.append(group)
    content = {"groups": groups, "lead": f"{LEGEND[:1].upper()}{LEGEND[1:]}."}
    return Section("anytime", "Anytime", "figures.html", content) if groups else None


def _searched(panel: AnytimePanel) -> tuple[str, str]:
    return panel.space, panel.dataset


def _entry(material: Material, panel: AnytimePanel, run: str) -> LegendEntry:
    """The legend entry of the row that has the run."""
    for number, board in enumerate(material.boards):
        if (board.space, board.dataset) == _searched(panel):
            for place, row in enumerate(board.rows):
                if run in row.run_ids:
                    return legend_entry(row, board=number, place=place)
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

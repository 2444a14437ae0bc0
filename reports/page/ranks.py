"""Average ranks over the data sets, and the critical-difference diagram."""

import shlex

from reports.page.material import FigureGroup, Material, Panel, Section
from reports.page.svg import inline_svg, page_style
from reports.ranks import rank_methods
from reports.ranks_figure import ranks_figure
from reports.ranks_sheet import LEGEND, ranks_grid
from results.errors import StoreError

MOST_METHODS = 16  # of a diagram
LONGEST_NAME = 30  # characters that have room in it


def ranks_section(material: Material) -> Section | None:
    """The table, a diagram where names are short, and what the tests say; None without two methods to compare."""
    command = shlex.join(["nas-harness", "ranks", *material.source])
    try:
        ranks = rank_methods(material.searched, material.evaluations, over="data-sets", command=command)
    except StoreError:
        return None
    panels = []
    if len(ranks.average) <= MOST_METHODS and max(map(len, ranks.average.index)) <= LONGEST_NAME:
        with page_style():
            figure = ranks_figure(ranks)
        title = "Critical-difference diagram of average ranks"
        panels.append(Panel(inline_svg(figure, name="ranks", title=title), title=title, wide=True))
    difference = ranks.critical_difference
    notes = [f"Verdict: {ranks.verdict}.", *ranks.notes]
    if difference is not None:
        notes.append(f"Critical difference of two average ranks: {difference:.2f}.")
    title = f"Methods over {len(ranks.errors)} data sets"
    group = FigureGroup(title, panels, notes=notes, tables=[ranks_grid(ranks)], tables_open=True)
    return Section("ranks", "Ranks", "figures.html", {"groups": [group], "lead": f"{LEGEND[:1].upper()}{LEGEND[1:]}."})


__all__ = ["ranks_section"]

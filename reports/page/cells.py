"""The cells that the methods found, drawn: of every row the run with the lowest error."""

from typing import Any

from reports.board import Row
from reports.drawing import cells_figure
from reports.page.material import (
    FigureGroup,
    LegendEntry,
    Material,
    Panel,
    Section,
    board_title,
    drawn_rows,
    left_out,
    legend_entry,
)
from reports.page.svg import inline_svg
from spaces.errors import InputError
from spaces.registry import find_space, list_spaces
from spaces.space import CellEdge, CellSpace

_INCHES_A_NODE = 1.1


def cells_section(material: Material) -> Section | None:
    """A drawing a row, for the first rows of every board whose space has cells."""
    groups = []
    for number, board in enumerate(material.boards):
        if board.space not in list_spaces() or not isinstance(space := find_space(board.space), CellSpace):
            continue
        panels = []
        for place, row in drawn_rows(board).items():
            run = _best_run(material, row, errors=material.board_errors[number])
            cells = {} if run is None else _cells(space, run["architecture"])
            if run is not None and cells:
                name = f"cell-{number + 1}-{place + 1}"
                panels.append(_panel(cells, run, legend_entry(row, board=number, place=place), name=name))
        if panels:
            groups.append(FigureGroup(board_title(board), panels, notes=left_out(board), board=number))
    lead = (
        "Of every row of a leaderboard the run with the lowest error; zero operations are not drawn. "
        "nas-harness show RUN --draw FILE draws any run."
    )
    return Section("cells", "Cells", "figures.html", {"groups": groups, "lead": lead}) if groups else None


def _cells(space: CellSpace, text: str) -> dict[str, list[CellEdge]]:
    """The cells of the architecture; none where another version wrote what this one cannot read."""
    try:
        return space.cells(space.parse(text))
    except InputError:
        return {}


def _best_run(material: Material, row: Row, *, errors: Any) -> dict[str, Any] | None:
    runs = material.by_run.loc[list(row.run_ids)]
    runs = runs[runs["architecture"].notna()]
    if runs.empty:
        return None
    ranked = runs.assign(error=runs["id"].map(errors).astype(float)).sort_values(["error", "search_seed", "id"])
    return {str(name): value for name, value in ranked.iloc[0].items()}


def _panel(cells: dict[str, list[CellEdge]], run: dict[str, Any], entry: LegendEntry, *, name: str) -> Panel:
    nodes = max(len({edge.target for edge in edges}) for edges in cells.values()) + 1
    wide = nodes > 5
    figure = cells_figure(cells, title="", inches=(_INCHES_A_NODE * (nodes + wide), 2.7 if wide else 2.2))
    error = "" if run["error"] != run["error"] else f", error {run['error']:.2f} %"  # NaN differs from itself
    return Panel(
        svg=inline_svg(figure, name=name, title=f"Cell found by {entry.label} {entry.detail}".strip()),
        entry=entry,
        note=f"seed {run['search_seed']}, run {run['id']}{error}",
        code=run["architecture"],
        wide=wide,
    )


__all__ = ["cells_section"]

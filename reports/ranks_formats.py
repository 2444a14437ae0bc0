"""Average ranks as text: for the terminal, as Markdown, CSV, JSON or LaTeX."""

import json
from typing import Any

from rich.console import Group
from rich.text import Text

from reports.formats import FORMATS
from reports.grid import Grid, GridCell
from reports.grid_formats import grid_latex, grid_markdown, grid_table, plain_text
from reports.ranks import Ranks

LEGEND = (
    "ranks by mean error over search seeds, 1 is the lowest; ≈: tied with the best (Friedman, then Nemenyi, at 5 %)"
)


def render(ranks: Ranks, format_: str, *, width: int = 140) -> str:
    """The ranks in one of `reports.formats.FORMATS`; raises ValueError for another format."""
    if format_ == "json":
        return json.dumps(as_dictionary(ranks), indent=2) + "\n"
    if format_ == "csv":
        table = ranks.errors.T.rename_axis("method")
        table.insert(0, "average_rank", ranks.average)
        return table.to_csv(lineterminator="\n")
    if format_ == "markdown":
        lines = [f"### {_title(ranks)}", "", *grid_markdown(ranks_grid(ranks))]
        return "\n".join([*lines, *(f"- {line}" for line in _footer(ranks, code="`"))]) + "\n"
    if format_ == "latex":
        lines = grid_latex(ranks_grid(ranks), caption=_title(ranks))
        return "\n".join([*lines, *(f"% {line}" for line in _footer(ranks))]) + "\n"
    if format_ == "terminal":
        return plain_text(as_renderable(ranks), width=width)
    raise ValueError(f"there is no format '{format_}': use one of {', '.join(FORMATS)}")


def as_renderable(ranks: Ranks) -> Group:
    """The ranks for a rich console."""
    title = Text(f"\n{_title(ranks)}", style="bold")
    return Group(title, grid_table(ranks_grid(ranks)), *(Text(line) for line in _footer(ranks)))


def as_dictionary(ranks: Ranks) -> dict[str, Any]:
    """The ranks as JSON types, with unrounded numbers."""
    return {
        "over": ranks.over,
        "average_ranks": ranks.average.to_dict(),
        "errors_percent": ranks.errors.to_dict(orient="index"),
        "friedman_p": ranks.friedman_p,
        "nemenyi_p": None if ranks.p_values is None else ranks.p_values.to_dict(),
        "critical_difference": ranks.critical_difference,
        "tied": list(ranks.tied),
        "verdict": ranks.verdict,
        "notes": list(ranks.notes),
        "command": ranks.command,
    }


def ranks_grid(ranks: Ranks) -> Grid:
    """A row a method: its average rank, and its error in every block."""
    among = {ranks.average.index[0], *ranks.tied} if ranks.tied else set()
    rows = [
        (
            GridCell(str(method)),
            GridCell(
                f"{'≈ ' if method in among else ''}{rank:.2f}", bold=not ranks.tied and rank == ranks.average.min()
            ),
            *(GridCell(f"{error:.2f}") for error in ranks.errors[method]),
        )
        for method, rank in ranks.average.items()
    ]
    return Grid("Average ranks, and errors in %", ("method", "average rank", *ranks.errors.index), tuple(rows))


def _title(ranks: Ranks) -> str:
    return f"Methods over {len(ranks.errors)} {ranks.over.replace('-', ' ')}"


def _footer(ranks: Ranks, *, code: str = "") -> list[str]:
    difference = ranks.critical_difference
    critical = [] if difference is None else [f"Critical difference of two average ranks: {difference:.2f}."]
    return [LEGEND, f"Verdict: {ranks.verdict}.", *critical, *ranks.notes, f"Rebuild with: {code}{ranks.command}{code}"]


__all__ = ["LEGEND", "as_dictionary", "as_renderable", "ranks_grid", "render"]

"""Average ranks as a sheet."""

from typing import Any

from reports.grid import Grid, GridCell
from reports.ranks import Ranks
from reports.sheet import Sheet

LEGEND = (
    "ranks by mean error over search seeds, 1 is the lowest; ≈: tied with the best (Friedman, then Nemenyi, at 5 %)"
)


def ranks_sheet(ranks: Ranks) -> Sheet:
    """The ranks, ready to be written in any format."""
    blocks = [str(block) for block in ranks.errors.index]
    lines = [
        {"method": method, "average_rank": rank, **dict(zip(blocks, ranks.errors[method], strict=True))}
        for method, rank in ranks.average.items()
    ]
    return Sheet(
        [ranks_grid(ranks)], _footer(ranks), _data(ranks), ("method", "average_rank", *blocks), lines,
        title=f"Methods over {len(ranks.errors)} {ranks.over.replace('-', ' ')}", command=ranks.command,
    )  # fmt: skip


def _data(ranks: Ranks) -> dict[str, Any]:
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


def _footer(ranks: Ranks) -> list[str]:
    difference = ranks.critical_difference
    critical = [] if difference is None else [f"Critical difference of two average ranks: {difference:.2f}."]
    return [LEGEND, f"Verdict: {ranks.verdict}.", *critical, *ranks.notes]


__all__ = ["LEGEND", "ranks_grid", "ranks_sheet"]

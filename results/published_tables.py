"""Figures that papers print, for comparison with what was measured here; the two are never mixed.

The tables lie in the folder `published/`, one CSV file a table, one line a figure. A dash in the paper has no line; a
printed row with several figures, such as an error and a parameter count, has a line for each.

| column | holds |
|---|---|
| `paper` | `rarts` (Xue, Qi and Xin, IEEE Access 2022), `thesis` (the RARTS thesis, UC Irvine 2022), `pr-darts` (Theory-Inspired Path-Regularized Differential NAS), `sparse-nas` (NAS as Sparse Supernet), `optimisation-inspired` (Optimization-inspired Manual Architecture Design and NAS), `nats-bench`, `nas-bench-201`, and `nas-bench-201-reproduction` (others' repeat of its searches) |
| `table` | as printed, `Table 4.1`; `quoted` where the figures were taken from quotations of the paper |
| `row` | printed row, from 1 |
| `space`, `dataset` | what the method searched, and what the figure was measured on; designs by hand have the space `hand-designed` |
| `method`, `label` | our lower-case name of the method (empty for designs by hand and baselines), and the row's name as printed |
| `metric`, `value`, `spread`, `unit` | the figure; the spread is the printed +- (empty if none); percents are in [0, 100]; `one` is a number without unit |
| `hardware`, `runs` | as the paper states them, else empty |
| `source` | the citation printed with the row, `this paper` where there is none |
| `note` | footnotes, misprints, doubts |

    from results.published_tables import load_published, published_rows

    load_published("rarts", "Table 4")  # one table
    published_rows("topology", "cifar10")  # all that any paper prints for a space and data set
"""  # noqa: E501

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from results.errors import StoreError

if TYPE_CHECKING:
    import pandas as pd

FOLDER = Path(__file__).parent / "published"
COLUMNS = (
    "paper", "table", "row", "space", "dataset", "method", "label", "metric", "value", "spread", "unit", "hardware",
    "runs", "source", "note",
)  # fmt: skip
UNITS = frozenset({"percent", "million", "billion", "gpu_days", "ms", "count", "one"})
LEADERBOARD_COLUMNS = ("method", "label", "metric", "value", "spread", "unit", "paper", "table", "hardware", "note")


def load_published(paper: str | None = None, table: str | None = None) -> "pd.DataFrame":
    """The published figures, all or those of one paper and table (`"Table 4"` or `"4"`), in the columns `COLUMNS`.

    Raises StoreError for a paper or table that is not there, naming those that are.
    """
    figures = _all_tables()
    if paper is not None:
        figures = figures[figures["paper"] == _known("paper", paper, figures["paper"])]
    if table is not None:
        name = f"Table {table}" if table[:1].isdigit() else table
        figures = figures[figures["table"] == _known("table", name, figures["table"])]
    return figures.reset_index(drop=True)


def published_rows(space: str, dataset: str) -> "pd.DataFrame":
    """What papers print for a space and data set, in the columns `LEADERBOARD_COLUMNS`; empty if they print nothing."""
    figures = _all_tables()
    chosen = figures[(figures["space"] == space) & (figures["dataset"] == dataset)]
    return chosen.loc[:, list(LEADERBOARD_COLUMNS)].reset_index(drop=True)


def quantity_name(metric: str, unit: str) -> str:
    """What a figure is, in words: `test error, percent`."""
    return metric.replace("_", " ") + ("" if unit == "one" else f", {unit.replace('_', '-')}")


@cache
def _all_tables() -> "pd.DataFrame":
    """Every file of the folder; callers must not change it."""
    import pandas as pd

    text = dict.fromkeys(COLUMNS, "str")
    # Empty texts stay empty texts: only a missing spread or number of runs is missing.
    frames = [
        pd.read_csv(
            path,
            dtype=text | {"row": "int64", "value": "float64", "spread": "float64", "runs": "Int64"},
            keep_default_na=False,
            na_values={"spread": [""], "runs": [""]},
        )
        for path in sorted(FOLDER.glob("*.csv"))
    ]
    return pd.concat(frames, ignore_index=True)


def _known(noun: str, name: str, column: "pd.Series") -> str:
    known = list(dict.fromkeys(column))
    if name not in known:
        raise StoreError(f"no published {noun} {name!r}; use one of: {', '.join(known)}")
    return name

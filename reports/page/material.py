"""What the sections of the page are made from, and what they are."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd
from markupsafe import Markup

from reports.anytime import Trace
from reports.board import Leaderboard, Row
from reports.grid import Grid
from reports.leaderboard import errors_inside_runs

SERIES = ("blue", "vermilion", "green", "pink", "sky", "orange", "wine", "yellow")  # the page's variables of colours
DASHES = ("solid", "dashed", "dotted")
MARKERS = {"disc": "o", "square": "s", "triangle": "^"}  # the page's name -> matplotlib's
MOST_HISTORIES = 10  # runs of a row whose histories are read
MOST_ROWS = 300  # of a board: more rows nobody reads, and a page of 10 MB no phone opens
MOST_SERIES = 12  # more lines in one figure cannot be told apart
MOST_DRAWN = 36  # rows of a board that have figures


@dataclass(frozen=True)
class Material:
    """The records, and how they are named on the page."""

    runs: pd.DataFrame  # all that the boards were made from
    evaluations: pd.DataFrame
    boards: Sequence[Leaderboard]
    history: Callable[[str], pd.DataFrame | None]  # a run's history, None where it has none
    traces: Sequence[Trace] = ()  # anytime traces of runs of the boards
    source: Sequence[str] = ()  # the options that name the records, such as `--store FOLDER`

    @cached_property
    def errors(self) -> pd.DataFrame:
        """Mean and standard deviation over evaluation seeds, a row a run and evaluation column."""
        return errors_inside_runs(self.evaluations)

    @cached_property
    def by_run(self) -> pd.DataFrame:
        """The runs, indexed by their ids."""
        return self.runs.set_index("id", drop=False).rename_axis(None)

    @cached_property
    def searched(self) -> pd.DataFrame:
        """The runs of the boards' spaces and data sets, without those that a board shows for reference."""
        shown = {(board.space, board.dataset) for board in self.boards}
        return self.runs[[pair in shown for pair in zip(self.runs["space"], self.runs["dataset"], strict=True)]]

    @cached_property
    def anchors(self) -> Mapping[str, str]:
        """Run id -> the anchor of the block with its settings; a run that is shown on two boards has the first."""
        found: dict[str, str] = {}
        for number, board in enumerate(self.boards):
            for place, row in enumerate(board.rows[:MOST_ROWS]):
                for run in row.run_ids:
                    found.setdefault(run, row_anchor(number, place))
        return found

    @cached_property
    def board_errors(self) -> Sequence[Mapping[str, float]]:
        """For every board: run id -> the error that the board ranks by, %; empty where it has none."""
        errors = self.errors
        keys = [board.evaluations[0].key if board.evaluations else None for board in self.boards]
        parts = [errors[errors["column"] == key] for key in keys]
        return [dict(zip(part["run_id"], part["mean"], strict=True)) for part in parts]


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading of its own."""

    anchor: str
    title: str
    template: str  # a file of reports/templates
    content: Mapping[str, Any]


@dataclass(frozen=True)
class LegendEntry:
    """What a colour means, and where the settings behind it are."""

    label: str
    detail: str  # the settings that tell it from others of the same label
    colour: str
    mark: str = "solid"  # one of DASHES or MARKERS; empty where nothing is drawn in a colour of its own
    anchor: str = ""


@dataclass(frozen=True)
class Panel:
    """One drawing."""

    svg: Markup
    title: str = ""
    entry: LegendEntry | None = None  # the row that it shows, instead of a title
    note: str = ""
    code: str = ""
    large: bool = False  # larger than others where there is room
    wide: bool = False  # scrolls inside itself where it does not fit


@dataclass(frozen=True)
class FigureGroup:
    """Drawings that share a heading and a legend."""

    title: str
    panels: Sequence[Panel]
    legend: Sequence[LegendEntry] = ()
    notes: Sequence[str] = ()
    tables: Sequence[Grid] = ()
    tables_open: bool = False  # whether they are unfolded
    board: int | None = None  # the board that it belongs to, for the page's filter


def runs_with_histories(boards: Sequence[Leaderboard]) -> list[str]:
    """The runs whose histories the page looks at: some of the first rows of every board."""
    rows = (row for board in boards for row in drawn_rows(board).values())
    return [run for row in rows for run in row.run_ids[:MOST_HISTORIES]]


def drawn_rows(board: Leaderboard) -> dict[int, Row]:
    """Place -> row, of the rows that have figures: the first ones that were searched on the board's data set."""
    return {place: row for place, row in enumerate(board.rows[:MOST_DRAWN]) if not row.reference}


def blocks(board: Leaderboard) -> list[tuple[str, dict[int, Row]]]:
    """(heading, place -> row) of the rows that share a figure; rows of one block are told apart by their marks."""
    rows = drawn_rows(board)
    starts = sorted({place - place % MOST_SERIES for place in rows})
    found = [{place: row for place, row in rows.items() if 0 <= place - start < MOST_SERIES} for start in starts]
    title = board_title(board)
    return [(f"{title}, {rows_title(block)}" if len(found) > 1 else title, block) for block in found]


def rows_title(places: Collection[int]) -> str:
    """Such as `rows 13 to 24`."""
    return f"rows {min(places) + 1} to {max(places) + 1}"


def left_out(board: Leaderboard) -> list[str]:
    """A note where not all rows have figures."""
    rows = [row for row in board.rows if not row.reference]
    return [f"The first {MOST_DRAWN} rows of the leaderboard."] if len(rows) > MOST_DRAWN else []


def row_anchor(board: int, row: int) -> str:
    """The anchor of the block with the runs and settings of a board's row; both count from 0."""
    return f"runs-{board + 1}-{row + 1}"


def series(place: int) -> tuple[str, str]:
    """(colour, dash) of the row in that place of its board: the same in all figures."""
    return SERIES[place % len(SERIES)], DASHES[place // len(SERIES) % len(DASHES)]


def point(place: int) -> tuple[str, str]:
    """(colour, one of MARKERS) of the row in that place of its board, where rows are points."""
    return SERIES[place % len(SERIES)], tuple(MARKERS)[place // len(SERIES) % len(MARKERS)]


def legend_entry(row: Row, *, board: int, place: int, points: bool = False) -> LegendEntry:
    """A board's row in the legend of a figure of lines, or of points."""
    colour, mark = point(place) if points else series(place)
    return LegendEntry(row.method, variation(row), colour, mark, row_anchor(board, place))


def variation(row: Row) -> str:
    """What tells the row from others of its method."""
    return row.label.removeprefix(row.method).strip().removeprefix("(").removesuffix(")")


def board_title(board: Leaderboard) -> str:
    """Such as `topology · cifar10`."""
    return f"{board.space} · {board.dataset}"


__all__ = [
    "MARKERS",
    "MOST_HISTORIES",
    "MOST_ROWS",
    "FigureGroup",
    "LegendEntry",
    "Material",
    "Panel",
    "Section",
    "blocks",
    "board_title",
    "drawn_rows",
    "left_out",
    "legend_entry",
    "point",
    "row_anchor",
    "rows_title",
    "runs_with_histories",
    "series",
    "variation",
]  # fmt: skip

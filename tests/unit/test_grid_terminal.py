"""Tables on terminals of any width: names and numbers stay whole, nothing is lost."""

import re

import pytest

from reports.grid import Grid, GridCell
from reports.grid_terminal import TerminalGrid, plain_text

HEADER = ("method", *(f"quantity {letter}, of all runs" for letter in "abcdefg"))
ROWS = [
    ("rarts+hard-concrete", *(f"{n}2.25 ± 4.75 [{n}0.07, {n}4.44] ‡0.24" for n in range(1, 8))),
    ("gdas", *"1234567"),
]


def grid(header: tuple[str, ...] = HEADER) -> Grid:
    rows = tuple(tuple(GridCell(text) for text in row[: len(header)]) for row in ROWS)
    return Grid("Errors", header, rows, sections=(1,))


def headings(text: str) -> list[str]:
    return re.findall(r"quantity (\w)", text)


@pytest.mark.parametrize(("width", "tables"), [(60, 4), (80, 3), (100, 2), (160, 1), (400, 1)])
def test_columns_that_do_not_fit_go_into_further_tables(width: int, tables: int) -> None:
    text = plain_text(TerminalGrid(grid()), width=width)
    assert max(map(len, text.splitlines())) <= width
    assert text.count("rarts+hard-concrete") == text.count("gdas") == text.count("Errors") == tables
    assert text.count("(continued)") == tables - 1
    assert headings(text) == list("abcdefg")
    for number in range(1, 8):
        for whole in (f"{number}2.25 ± 4.75", f"[{number}0.07, {number}4.44]"):
            assert text.count(whole) == 1
    assert text.count("‡0.24") == 7


def test_names_take_no_more_than_two_fifths() -> None:
    long = Grid("Errors", HEADER[:2], ((GridCell("x" * 200), GridCell("1.25 ± 0.25 [0.75, 1.75]")),))
    text = plain_text(TerminalGrid(long), width=60)
    assert text.count("x") == 200
    assert "1.25 ± 0.25" in text


def test_texts_are_never_torn_from_each_other() -> None:
    wide = Grid("Claims", ("claim", "verdict"), ((GridCell("a b " * 40), GridCell("c d " * 40)),), numeric=False)
    text = plain_text(TerminalGrid(wide), width=40)
    assert text.count("Claims") == 1


def test_a_grid_of_names_alone() -> None:
    assert "gdas" in plain_text(TerminalGrid(grid(HEADER[:1])), width=20)

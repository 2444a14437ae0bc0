"""Drawings of cells."""

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from reports.drawing import draw_cells, save_cells
from spaces.errors import InputError
from spaces.space import CellEdge
from spaces.topology.space import TopologySpace

CELL = "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|"
EMPTY = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"


def cells(text: str) -> dict[str, list[CellEdge]]:
    space = TopologySpace()
    return space.cells(space.parse(text))


def test_every_edge_that_is_not_zero_is_drawn() -> None:
    drawn = re.findall(r"(\w+) --([\w ]+?)-*--> (\w+)", draw_cells(cells(CELL)))
    assert drawn == [
        ("input", "conv 3x3", "1"),
        ("input", "skip", "2"),
        ("1", "conv 1x1", "output"),
        ("2", "avg pool 3x3", "output"),
    ]


def test_arrows_line_up() -> None:
    assert len({line.index(">") for line in draw_cells(cells(CELL)).splitlines()}) == 1


def test_a_cell_without_edges() -> None:
    assert "no edge" in draw_cells(cells(EMPTY))


def test_svg_names_the_operations(tmp_path: Path) -> None:
    save_cells(cells(CELL), tmp_path / "cell.svg", title=CELL)
    text = (tmp_path / "cell.svg").read_text()
    ElementTree.fromstring(text)
    found = re.findall(r"<!-- (.+?) -->", text)  # matplotlib keeps every text as a comment beside its outlines
    assert {"conv 3x3", "conv 1x1", "skip", "avg pool 3x3", "input", "output"} <= set(found)


@pytest.mark.parametrize("cell", [CELL, EMPTY])
def test_png(tmp_path: Path, cell: str) -> None:
    save_cells(cells(cell), tmp_path / "cell.png", title=cell)
    assert (tmp_path / "cell.png").read_bytes().startswith(b"\x89PNG")


def test_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        save_cells(cells(CELL), tmp_path / "cell.bmp", title="")
    with pytest.raises(InputError, match="cannot be written"):
        save_cells(cells(CELL), tmp_path / "nowhere" / "cell.png", title="")

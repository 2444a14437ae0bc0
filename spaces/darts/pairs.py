"""Cells whose nodes keep two of their incoming edges, with one operation each (Liu et al. 2019, Section 2.4)."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from spaces.darts.architecture import Edge
from spaces.darts.cell import INPUTS, CellDesign

INPUTS_OF_NODE = 2  # edges that every node keeps


def strongest(design: CellDesign, score: Tensor) -> list[Edge]:
    """Of each node the two edges with the strongest operation other than `none`, unless all their scores are zero."""
    none = torch.tensor([[name == "none" for name in names] for names in design.operations])
    best, columns = score.cpu().masked_fill(none, -torch.inf).max(dim=-1)
    kept = best.ne(0) if best.ne(0).any() else torch.ones_like(best, dtype=torch.bool)  # a cell has some edge
    chosen = []
    for target in range(INPUTS, INPUTS + design.nodes):
        rows = [row for row in design.rows_to(target) if kept[row]]
        ranked = torch.argsort(best[rows], descending=True, stable=True)[:INPUTS_OF_NODE]
        for row in sorted(rows[place] for place in ranked.tolist()):
            chosen.append(Edge(design.operations[row][int(columns[row])], design.edges[row][1], target))
    return chosen


def sample_cell(design: CellDesign, generator: np.random.Generator) -> list[Edge]:
    """Two inputs of each node and their operations, uniformly."""
    cell = []
    for target in range(INPUTS, INPUTS + design.nodes):
        for source in sorted(generator.choice(target, INPUTS_OF_NODE, replace=False).tolist()):
            names = design.choices(design.edges.index((target, source)))
            cell.append(Edge(names[int(generator.integers(len(names)))], source, target))
    return cell


def neighbour_cells(design: CellDesign, cell: Sequence[Edge]) -> list[tuple[Edge, ...]]:
    """All cells with another operation or another source node on exactly one edge.

    Where either source's edge cannot have the other's operation, the operation changes, too, so that neighbours are
    neighbours of each other and every cell can be reached.
    """
    cells = []
    for place, edge in enumerate(cell):
        names = design.choices(design.edges.index((edge.target, edge.source)))
        taken = {other.source for other in cell if other.target == edge.target}
        others = [edge._replace(operation=name) for name in names if name != edge.operation]
        for source in sorted(set(range(edge.target)) - taken):
            there = design.choices(design.edges.index((edge.target, source)))
            for name in there:
                if name == edge.operation or edge.operation not in there or name not in names:
                    others.append(edge._replace(operation=name, source=source))
        for other in others:
            cells.append(tuple(sorted((*cell[:place], other, *cell[place + 1 :]), key=lambda e: (e.target, e.source))))
    return cells


__all__ = ["INPUTS_OF_NODE", "neighbour_cells", "sample_cell", "strongest"]

"""From the rows of alpha to the cells of genotypes and back."""

from collections.abc import Sequence

from spaces.darts.architecture import Edge, Genotype
from spaces.darts.cell import INPUTS, CellDesign
from spaces.errors import InputError
from spaces.space import CellEdge

KINDS = ("normal", "reduction")


def genotype_of(normal: Sequence[Edge], reduction: Sequence[Edge]) -> Genotype:
    """The cells with these edges, whose outputs are all nodes up to the last one that has an edge."""

    def concat(cell: Sequence[Edge]) -> tuple[int, ...]:
        return tuple(range(INPUTS, max(edge.target for edge in cell) + 1))

    return Genotype(
        normal=tuple(normal), normal_concat=concat(normal), reduce=tuple(reduction), reduce_concat=concat(reduction)
    )


def place_edges(design: CellDesign, cell: Sequence[Edge], *, space: str, kind: str) -> list[tuple[int, int]]:
    """The (row, column) of alpha that stands for each edge of the cell; column 0 for `none` where it is no candidate.

    Edges between the same nodes take their rows in turn. Raises InputError for an edge that the design does not have.
    """
    taken: set[int] = set()
    places = []
    for operation, source, target in cell:
        rows = [row for row, nodes in enumerate(design.edges) if nodes == (target, source)]
        if not rows:
            known = sorted({design.edges[row][1] for row in design.rows_to(target)})
            raise InputError(
                f"space '{space}' has no edge from node {source} to node {target}: "
                + (f"node {target} takes {' or '.join(map(str, known))}" if known else "its cells have fewer nodes")
            )
        row = next((row for row in rows if row not in taken), rows[0])
        taken.add(row)
        names = design.operations[row]
        if operation not in (*names, "none"):
            raise InputError(
                f"space '{space}' has no {operation} from node {source} to node {target} of the {kind} cell: "
                f"use {' or '.join(names)}"
            )
        places.append((row, names.index(operation) if operation in names else 0))
    return places


def drawn(cell: Sequence[Edge], concat: Sequence[int]) -> list[CellEdge]:
    """The cell as a graph for drawings."""
    names = {0: "c_{k-2}", 1: "c_{k-1}"} | {node: str(node) for node in range(INPUTS, max(concat) + 1)}
    edges = [CellEdge(names[source], names[target], operation) for operation, source, target in cell]
    return edges + [CellEdge(names[node], "output", "") for node in concat]


__all__ = ["KINDS", "drawn", "genotype_of", "place_edges"]

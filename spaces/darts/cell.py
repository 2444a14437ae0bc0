"""The edges and candidate operations of a DARTS cell (Liu et al., "DARTS", ICLR 2019, Sections 2.1 and 3.1).

node 0  ---+--> node 2 --+--> ... --> node 5      nodes 0 and 1 are the outputs of the two previous cells,
node 1  ---+             |                        every intermediate node takes all nodes before it,
           +-------------+--> concatenation       the cell's output is the concatenation of nodes 2 to 5.
"""

from dataclasses import dataclass
from functools import cache, cached_property

OPERATIONS = (
    "none",
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
ALL_OPERATIONS = (*OPERATIONS, "noise", "negative_identity")  # with those of other spaces of such cells
INPUTS = 2  # nodes 0 and 1: the outputs of the previous cell but one and of the previous cell
NODES = 4  # intermediate nodes of the paper's cells


@cache
def edges(nodes: int = NODES) -> tuple[tuple[int, int], ...]:
    """(target node, source node) of every edge, in the order of alpha's rows: 14 for four intermediate nodes."""
    return tuple((target, source) for target in range(INPUTS, INPUTS + nodes) for source in range(target))


@dataclass(frozen=True)
class CellDesign:
    """What a cell chooses from: its edges, one a row of alpha, and the candidate operations of each.

    All edges have equally many candidates, named in the order of alpha's columns. Edges lead to nodes in order.
    """

    edges: tuple[tuple[int, int], ...]  # (target node, source node)
    operations: tuple[tuple[str, ...], ...]

    @property
    def shape(self) -> tuple[int, int]:
        """(edges, operations), that of alpha."""
        return len(self.edges), len(self.operations[0])

    @cached_property
    def nodes(self) -> int:
        """How many intermediate nodes the cell has."""
        return self.edges[-1][0] + 1 - INPUTS

    @cached_property
    def columns(self) -> tuple[tuple[int, ...], ...]:
        """The places of the candidates in ALL_OPERATIONS."""
        return tuple(tuple(map(ALL_OPERATIONS.index, names)) for names in self.operations)

    def choices(self, edge: int) -> tuple[str, ...]:
        """The edge's candidates other than `none`."""
        return tuple(name for name in self.operations[edge] if name != "none")

    def rows_to(self, target: int) -> list[int]:
        """The edges that lead to the node."""
        return [row for row, (node, _) in enumerate(self.edges) if node == target]


@cache
def complete_cell(nodes: int = NODES, operations: tuple[str, ...] = OPERATIONS) -> CellDesign:
    """Every intermediate node takes all nodes before it, with the same candidates on all edges."""
    return CellDesign(edges(nodes), (operations,) * len(edges(nodes)))


__all__ = ["ALL_OPERATIONS", "INPUTS", "NODES", "OPERATIONS", "CellDesign", "complete_cell", "edges"]

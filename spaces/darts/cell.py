"""The edges and candidate operations of a DARTS cell (Liu et al., "DARTS", ICLR 2019, Sections 2.1 and 3.1).

node 0  ---+--> node 2 --+--> ... --> node 5      nodes 0 and 1 are the outputs of the two previous cells,
node 1  ---+             |                        every intermediate node takes all nodes before it,
           +-------------+--> concatenation       the cell's output is the concatenation of nodes 2 to 5.
"""

from functools import cache

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
INPUTS = 2  # nodes 0 and 1: the outputs of the previous cell but one and of the previous cell
NODES = 4  # intermediate nodes of the paper's cells


@cache
def edges(nodes: int = NODES) -> tuple[tuple[int, int], ...]:
    """(target node, source node) of every edge, in the order of alpha's rows: 14 for four intermediate nodes."""
    return tuple((target, source) for target in range(INPUTS, INPUTS + nodes) for source in range(target))


__all__ = ["INPUTS", "NODES", "OPERATIONS", "edges"]

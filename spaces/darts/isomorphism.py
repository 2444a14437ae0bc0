"""Which genotypes are the same pair of cells with its intermediate nodes numbered differently."""

import itertools
from dataclasses import replace
from functools import lru_cache

from spaces.darts.architecture import Edge, Genotype
from spaces.darts.cell import INPUTS


def canonical(genotype: Genotype) -> str:
    """A string that two genotypes share exactly when both their cells are isomorphic graphs.

    The two inputs are told apart; intermediate nodes may be renumbered, as long as edges lead to later nodes. The
    order of a node's edges and of the concatenated nodes, which only permutes channels, does not count. The string is
    the smallest among all numberings, itself a genotype; their number grows with the factorial of the nodes.
    """
    normal, normal_concat = _smallest(genotype.normal, genotype.normal_concat)
    reduction, reduce_concat = _smallest(genotype.reduce, genotype.reduce_concat)
    return str(
        replace(genotype, normal=normal, normal_concat=normal_concat, reduce=reduction, reduce_concat=reduce_concat)
    )


@lru_cache(maxsize=4096)
def _smallest(cell: tuple[Edge, ...], concat: tuple[int, ...]) -> tuple[tuple[Edge, ...], tuple[int, ...]]:
    """The cell's edges and concatenated nodes in the numbering in which they come first."""
    used = {*concat, *(node for edge in cell for node in (edge.source, edge.target))}
    nodes = sorted(used - set(range(INPUTS)))
    numberings = []
    for order in itertools.permutations(range(INPUTS, INPUTS + len(nodes))):
        number = dict(zip(nodes, order, strict=True)) | {node: node for node in range(INPUTS)}
        edges = [Edge(operation, number[source], number[target]) for operation, source, target in cell]
        if all(edge.source < edge.target for edge in edges):
            ordered = sorted(edges, key=lambda edge: (edge.target, edge.source, edge.operation))
            numberings.append((tuple(ordered), tuple(sorted(number[node] for node in concat))))
    return min(numberings, key=lambda numbering: ([(*reversed(edge),) for edge in numbering[0]], numbering[1]))


__all__ = ["canonical"]

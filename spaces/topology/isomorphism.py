"""Which topology cells are the same cell written differently."""

from spaces.topology.architecture import EDGES, TopologyArchitecture

_ZERO = "#"


def canonical(architecture: TopologyArchitecture) -> str:
    """A string that two architectures share exactly when NAS-Bench-201 counts them as isomorphic (6,466 classes).

    Every node is the sum of its input edges, written as an expression of the cell's input "0" (Dong & Yang,
    "NAS-Bench-201", ICLR 2020, Section 2.1): a skip connection passes its source's expression on, any other operation
    wraps it, `none` and whatever follows a zero expression is zero, "#", and the terms of a sum are sorted.

    Cells of one class always compute the same function. The converse does not hold for the published classes, which
    are kept so that counts compare: zero terms stay in a sum, and a sum that a skip connection passes on stays one
    term, so that some equal sums are spelled in two orders (dropping zeros and flattening sums leaves 4,930 classes).
    """
    expressions = ["0"]
    terms: list[str] = []
    for position, ((target, source), operation) in enumerate(zip(EDGES, architecture.operations, strict=True)):
        expression = expressions[source]
        if operation == "none" or expression == _ZERO:
            terms.append(_ZERO)
        elif operation == "skip_connect":
            terms.append(expression)
        else:
            terms.append(f"({expression})@{operation}")  # the published spelling: it decides the order of the terms
        if position + 1 == len(EDGES) or EDGES[position + 1][0] != target:
            expressions.append("+".join(sorted(terms)))
            terms = []
    return expressions[-1]


__all__ = ["canonical"]

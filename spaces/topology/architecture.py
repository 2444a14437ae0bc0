"""Architectures of the NATS-Bench topology space: four nodes, six edges, five operations (NAS-Bench-201)."""

import itertools
import random
import re
from collections import Counter
from dataclasses import dataclass
from functools import cache
from typing import Self

from spaces.errors import InputError, unknown

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
EDGES = ((1, 0), (2, 0), (2, 1), (3, 0), (3, 1), (3, 2))  # (target node, source node), in the official string order
SIZE = len(OPERATIONS) ** len(EDGES)  # 15,625 architectures

_EXAMPLE = "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"
_SHUFFLE_SEED = 88  # the benchmark's authors shuffled the lexicographic list once, with this seed of random.shuffle


@cache
def _official_order() -> tuple[tuple[str, ...], ...]:
    order = list(itertools.product(OPERATIONS, repeat=len(EDGES)))
    random.Random(_SHUFFLE_SEED).shuffle(order)
    return tuple(order)


@cache
def _official_index() -> dict[tuple[str, ...], int]:
    return {operations: index for index, operations in enumerate(_official_order())}


@dataclass(frozen=True, slots=True)
class TopologyArchitecture:
    """One cell of the topology space (Dong & Yang, "NAS-Bench-201", ICLR 2020): an operation for every edge.

    `operations` follows EDGES. Raises InputError for another number of operations or an unknown operation.
    """

    operations: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.operations) != len(EDGES):
            raise InputError(
                f"a topology cell has {len(EDGES)} operations, not {len(self.operations)}: give one an edge"
            )
        for operation in self.operations:
            if operation not in OPERATIONS:
                raise unknown("operation", operation, OPERATIONS)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The architecture of an official string, `|op~0|+|op~0|op~1|+|op~0|op~1|op~2|`; raises InputError."""
        nodes = text.strip().split("+")
        if len(nodes) != 3:
            raise InputError(f"'{text}' describes {len(nodes)} nodes instead of 3: write it like '{_EXAMPLE}'")
        operations = []
        for target, node in enumerate(nodes, start=1):
            if not re.fullmatch(r"\|(?:[^|~+]+~\d+\|)+", node):
                raise InputError(f"'{node}' is not a node of a topology cell: write the cell like '{_EXAMPLE}'")
            inputs = [edge.split("~") for edge in node.strip("|").split("|")]
            sources = [int(source) for _, source in inputs]
            if sources != list(range(target)):
                expected = " and ".join(str(source) for source in range(target))
                found = ", ".join(map(str, sources))
                raise InputError(
                    f"node {target} of a topology cell takes one edge from each of {expected}, not {found}"
                )
            operations += [operation for operation, _ in inputs]
        return cls(tuple(operations))

    @classmethod
    def from_index(cls, index: int) -> Self:
        """The architecture with the official NATS-Bench index, 0 to 15,624; raises InputError outside of it."""
        if not 0 <= index < SIZE:
            raise InputError(f"there is no architecture {index}: topology indices go from 0 to {SIZE - 1}")
        return cls(_official_order()[index])

    def __str__(self) -> str:
        edges = [f"{operation}~{source}" for operation, (_, source) in zip(self.operations, EDGES, strict=True)]
        return f"|{edges[0]}|+|{'|'.join(edges[1:3])}|+|{'|'.join(edges[3:])}|"

    @property
    def index(self) -> int:
        """The official NATS-Bench index, 0 to 15,624 (the order of `meta_archs`)."""
        return _official_index()[self.operations]

    @property
    def operation_counts(self) -> dict[str, int]:
        """How often each of OPERATIONS occurs, zero counts included."""
        counts = Counter(self.operations)
        return {operation: counts[operation] for operation in OPERATIONS}

    @property
    def skip_ratio(self) -> float:
        """Skip-connections / all operations of the cell, in [0, 1] (RARTS, Table 4)."""
        return self.operations.count("skip_connect") / len(EDGES)

    @property
    def zero_ratio(self) -> float:
        """Zero operations / all operations of the cell, in [0, 1]."""
        return self.operations.count("none") / len(EDGES)

    @property
    def connected(self) -> bool:
        """Whether a path of operations other than `none` leads from the input, node 0, to the output, node 3."""
        reached = {0}
        for (target, source), operation in zip(EDGES, self.operations, strict=True):
            if operation != "none" and source in reached:
                reached.add(target)
        return 3 in reached


__all__ = ["EDGES", "OPERATIONS", "SIZE", "TopologyArchitecture"]

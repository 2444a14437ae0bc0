"""Architectures of the DARTS space: a normal and a reduction cell, in the notation that the field publishes them in."""

import ast
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple, Self

from spaces.darts.cell import ALL_OPERATIONS, INPUTS, OPERATIONS
from spaces.darts.published import PUBLISHED
from spaces.errors import InputError, unknown

_FIELDS = ("normal", "normal_concat", "reduce", "reduce_concat")
_EXAMPLE = (
    "Genotype(normal=[('sep_conv_3x3', 0), ...], normal_concat=range(2, 6), reduce=[...], reduce_concat=range(2, 6))"
)


class Edge(NamedTuple):
    """An operation from one node of a cell to a later one."""

    operation: str
    source: int
    target: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Genotype:
    """A normal and a reduction cell (Liu et al., "DARTS", ICLR 2019, Section 2.1).

    Nodes 0 and 1 are a cell's inputs; nodes from 2 on are the sums of their edges, of which there may be any number;
    the cell's output is the concatenation of the nodes in `normal_concat` or `reduce_concat`. Edges are kept in the
    order of their target nodes. Raises InputError for an unknown operation, an edge that does not lead to a later
    intermediate node, or a concatenation of nothing or of nodes that no cell has.
    """

    normal: tuple[Edge, ...]
    normal_concat: tuple[int, ...]
    reduce: tuple[Edge, ...]
    reduce_concat: tuple[int, ...]

    def __post_init__(self) -> None:
        for field in ("normal", "reduce"):
            edges = tuple(Edge(*edge) for edge in getattr(self, field))
            for edge in edges:
                _check(edge)
            object.__setattr__(self, field, tuple(sorted(edges, key=lambda edge: edge.target)))
            concat = tuple(getattr(self, f"{field}_concat"))
            if not concat or min(concat) < INPUTS or len(set(concat)) != len(concat):
                raise InputError(
                    f"{field}_concat={list(concat)} is not a list of different intermediate nodes: "
                    f"number them from {INPUTS} on, as in range(2, 6)"
                )
            object.__setattr__(self, f"{field}_concat", concat)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The architecture of a published name such as DARTS_V2, in any case, or of the field's notation.

        Edges are pairs (operation, source), two for each node, or triples (operation, target, source), as FairDARTS
        writes them; an edge leads to the later node, so that triples in the other order are understood as well.
        Raises InputError.
        """
        text = text.strip()
        if "(" not in text:
            named = {name.lower(): published.text for name, published in PUBLISHED.items()}
            if text.lower() not in named:
                raise unknown("published genotype", text, PUBLISHED)
            text = named[text.lower()]
        values = _keywords(text)
        cells: dict[str, Any] = {}
        for field in ("normal", "reduce"):
            cells[field] = _edges(field, _literal(field, values[field]))
            cells[f"{field}_concat"] = _concat(f"{field}_concat", values[f"{field}_concat"])
        return cls(**cells)

    def __str__(self) -> str:
        pairs = all(_has_pairs(cell) for cell in (self.normal, self.reduce))
        values = [_text_of_cell(self.normal, pairs), _text_of_nodes(self.normal_concat)]
        values += [_text_of_cell(self.reduce, pairs), _text_of_nodes(self.reduce_concat)]
        return f"Genotype({', '.join(f'{field}={value}' for field, value in zip(_FIELDS, values, strict=True))})"

    @property
    def nodes(self) -> int:
        """How many intermediate nodes a cell has: up to the last one that an edge leads to or the output takes."""
        last = max(*self.normal_concat, *self.reduce_concat, *(edge.target for edge in self.normal + self.reduce))
        return last + 1 - INPUTS

    @property
    def operations(self) -> tuple[str, ...]:
        """The operations of all edges, those of the normal cell first."""
        return tuple(edge.operation for edge in self.normal + self.reduce)

    @property
    def operation_counts(self) -> dict[str, int]:
        """How often each of OPERATIONS occurs in the two cells, zero counts included, and others that do occur."""
        return {**dict.fromkeys(OPERATIONS, 0), **Counter(self.operations)}

    @property
    def skip_ratio(self) -> float:
        """Skip-connections / all operations of both cells, in [0, 1]; 0 without any operation."""
        return self._ratio("skip_connect")

    @property
    def zero_ratio(self) -> float:
        """Zero operations / all operations of both cells, in [0, 1]; 0 without any operation."""
        return self._ratio("none")

    @property
    def connected(self) -> bool:
        """Whether in both cells a path of operations other than `none` leads from an input to the output."""
        return _connected(self.normal, self.normal_concat) and _connected(self.reduce, self.reduce_concat)

    def _ratio(self, operation: str) -> float:
        return self.operations.count(operation) / max(len(self.operations), 1)


def _check(edge: Edge) -> None:
    operation, source, target = edge
    if operation not in ALL_OPERATIONS:
        raise unknown("operation", operation, ALL_OPERATIONS)
    if target < INPUTS:
        raise InputError(f"no edge may lead to node {target}, an input of the cell: nodes with edges start at {INPUTS}")
    if not 0 <= source < target:
        raise InputError(
            f"the edge {operation} from node {source} to node {target} does not lead on: "
            f"node {target} takes nodes 0 to {target - 1}"
        )


def _connected(cell: Iterable[Edge], concat: tuple[int, ...]) -> bool:
    reached = set(range(INPUTS))
    for operation, source, target in cell:
        if operation != "none" and source in reached:
            reached.add(target)
    return not reached.isdisjoint(concat)


def _keywords(text: str) -> dict[str, ast.expr]:
    """The arguments of a call `Genotype(...)`, which is only read, never executed."""
    try:
        call = ast.parse(text, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        call = None
    if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "Genotype"):
        shown = text if len(text) <= 60 else f"{text[:60]}..."
        raise InputError(f"'{shown}' is not a genotype: write it like {_EXAMPLE}")
    values = {str(keyword.arg): keyword.value for keyword in call.keywords}
    if call.args or sorted(values) != sorted(_FIELDS) or len(call.keywords) != len(_FIELDS):
        given = ", ".join([f"{len(call.args)} without a name"] * bool(call.args) + list(values)) or "none"
        raise InputError(f"a genotype has the arguments {', '.join(_FIELDS)}, not {given}: write it like {_EXAMPLE}")
    return values


def _literal(field: str, value: ast.expr) -> Any:
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, MemoryError, RecursionError) as error:
        raise InputError(f"{field} is not a plain list: write the genotype like {_EXAMPLE}") from error


def _concat(field: str, value: ast.expr) -> tuple[int, ...]:
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "range":
        bounds = [_literal(field, argument) for argument in value.args]
        if value.keywords or len(bounds) != 2 or not _all_nodes(bounds):
            raise InputError(f"{field} is not a range of nodes: write it like range(2, 6)")
        return tuple(range(bounds[0], bounds[1]))
    nodes = _literal(field, value)
    if not isinstance(nodes, list | tuple) or not _all_nodes(nodes):
        raise InputError(f"{field} is not a list of nodes: write it like range(2, 6) or [2, 3, 4, 5]")
    return tuple(nodes)


def _all_nodes(values: Iterable[Any]) -> bool:
    return all(type(value) is int and 0 <= value < 1000 for value in values)


def _edges(field: str, cell: Any) -> tuple[Edge, ...]:
    """The edges of a cell written as pairs or as triples; the k-th two pairs are the inputs of node 2 + k."""
    if not isinstance(cell, list | tuple) or not all(_is_edge(edge) for edge in cell):
        raise InputError(f"{field} is not a list of (operation, node) or (operation, node, node): see {_EXAMPLE}")
    lengths = {len(edge) for edge in cell}
    if lengths == {2, 3}:
        raise InputError(f"{field} mixes (operation, source) with (operation, target, source): write all edges alike")
    if lengths == {2} and len(cell) % 2:
        raise InputError(
            f"{field} has {len(cell)} edges (operation, source), which is not two for every node: "
            "add the missing edge, or write all edges as (operation, target, source)"
        )
    if lengths == {2}:
        return tuple(Edge(edge[0], edge[1], INPUTS + place // 2) for place, edge in enumerate(cell))
    return tuple(Edge(edge[0], min(edge[1:]), max(edge[1:])) for edge in cell)


def _is_edge(edge: Any) -> bool:
    return isinstance(edge, list | tuple) and len(edge) in (2, 3) and isinstance(edge[0], str) and _all_nodes(edge[1:])


def _has_pairs(cell: tuple[Edge, ...]) -> bool:
    """Whether nodes 2, 3, ... without a gap have two edges each."""
    targets = [edge.target for edge in cell]
    return bool(cell) and not len(cell) % 2 and targets == [INPUTS + place // 2 for place in range(len(cell))]


def _text_of_cell(cell: tuple[Edge, ...], pairs: bool) -> str:
    return str(
        [(edge.operation, edge.source) if pairs else (edge.operation, edge.target, edge.source) for edge in cell]
    )


def _text_of_nodes(nodes: tuple[int, ...]) -> str:
    consecutive = range(nodes[0], nodes[0] + len(nodes))
    return f"range({consecutive.start}, {consecutive.stop})" if nodes == tuple(consecutive) else str(list(nodes))


__all__ = ["Edge", "Genotype"]

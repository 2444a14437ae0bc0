"""Genotypes: their notation, their properties, and isomorphism held against networkx."""

import itertools

import networkx
import numpy as np
import pytest

from spaces.darts.architecture import Edge, Genotype
from spaces.darts.cell import INPUTS, OPERATIONS
from spaces.darts.isomorphism import canonical
from spaces.errors import InputError
from spaces.space import Architecture

PAIRS = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ('none', 0), ('dil_conv_5x5', 2)], "
    "normal_concat=range(2, 4), reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1)], reduce_concat=[2])"
)
TRIPLES = (
    "Genotype(normal=[('sep_conv_3x3', 2, 0), ('max_pool_3x3', 4, 0), ('skip_connect', 5, 3), ('sep_conv_5x5', 5, 0), "
    "('none', 5, 0)], normal_concat=[2, 4, 5], reduce=[], reduce_concat=range(2, 6))"
)


def cell(*edges: tuple[str, int, int], concat: tuple[int, ...] = (2,)) -> Genotype:
    """A genotype whose two cells are the same."""
    parts = tuple(Edge(*edge) for edge in edges)
    return Genotype(normal=parts, normal_concat=concat, reduce=parts, reduce_concat=concat)


def test_pairs_are_two_inputs_a_node() -> None:
    genotype = Genotype.parse(PAIRS)
    assert genotype.normal == (
        Edge("sep_conv_3x3", 0, 2),
        Edge("skip_connect", 1, 2),
        Edge("none", 0, 3),
        Edge("dil_conv_5x5", 2, 3),
    )
    assert (genotype.normal_concat, genotype.reduce_concat, genotype.nodes) == ((2, 3), (2,), 2)
    assert isinstance(genotype, Architecture)
    assert hash(genotype) == hash(Genotype.parse(PAIRS))


@pytest.mark.parametrize("text", [PAIRS, TRIPLES])
def test_text_round_trip(text: str) -> None:
    genotype = Genotype.parse(text)
    assert Genotype.parse(str(genotype)) == genotype
    assert str(Genotype.parse(str(genotype))) == str(genotype)
    assert Genotype.parse(text.replace(" ", "")) == genotype
    assert Genotype.parse(text.replace("(2, 4)", "( 2,4 )").replace("range(2, 6)", "[2, 3, 4, 5]")) == genotype
    assert Genotype.parse(text.replace("=[(", "=((").replace(")],", ")),")) == genotype


def test_triples_are_fair_darts_ones() -> None:
    """Operation, target, source; the other order means the same, an edge leads to the later node."""
    genotype = Genotype.parse(TRIPLES)
    assert genotype.normal[2] == Edge("skip_connect", 3, 5)
    swapped = TRIPLES.replace("5, 3)", "3, 5)").replace("4, 0)", "0, 4)")
    assert Genotype.parse(swapped) == genotype
    assert genotype.nodes == 4


def test_edges_are_kept_in_the_order_of_their_nodes() -> None:
    edges = [("skip_connect", 0, 2), ("sep_conv_3x3", 1, 3), ("max_pool_3x3", 0, 3), ("avg_pool_3x3", 3, 4)]
    assert cell(*reversed(edges)).normal == tuple(Edge(*edges[place]) for place in (0, 2, 1, 3))


@pytest.mark.parametrize("name", ["DARTS_V2", "darts_v2", " pc_darts_CIFAR "])
def test_published_names_in_any_case(name: str) -> None:
    assert Genotype.parse(name).nodes == 4


def test_ratios_and_counts() -> None:
    genotype = Genotype.parse(PAIRS)
    assert len(genotype.operations) == 6
    assert genotype.skip_ratio == pytest.approx(1 / 6)
    assert genotype.zero_ratio == pytest.approx(1 / 6)
    assert genotype.operation_counts["max_pool_3x3"] == 2
    assert sum(genotype.operation_counts.values()) == 6
    assert tuple(genotype.operation_counts) == OPERATIONS
    nothing = Genotype(normal=(), normal_concat=(2,), reduce=(), reduce_concat=(2,))
    assert (nothing.skip_ratio, nothing.zero_ratio, nothing.connected, nothing.nodes) == (0.0, 0.0, False, 1)


@pytest.mark.parametrize(
    ("edges", "connected"),
    [
        ([("skip_connect", 1, 2)], True),
        ([("none", 0, 2), ("none", 1, 2)], False),
        ([("none", 0, 2), ("sep_conv_3x3", 2, 3)], False),
        ([("none", 0, 2), ("sep_conv_3x3", 2, 3), ("max_pool_3x3", 1, 3)], True),
        ([("skip_connect", 0, 2), ("none", 2, 3)], False),
    ],
)
def test_connected(edges: list[tuple[str, int, int]], connected: bool) -> None:
    genotype = cell(*edges, concat=(max(edge[2] for edge in edges),))
    assert genotype.connected is connected
    open_cell = cell(("skip_connect", 0, 2))
    assert (
        Genotype(
            normal=open_cell.normal, normal_concat=(2,), reduce=genotype.reduce, reduce_concat=genotype.reduce_concat
        ).connected
        is connected
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("DARTS_V3", "unknown published genotype 'DARTS_V3': did you mean .*DARTS_V2"),
        (PAIRS.replace("sep_conv_3x3", "sep_conv_3x4"), "unknown operation 'sep_conv_3x4': did you mean sep_conv_3x3"),
        (PAIRS.replace("('skip_connect', 1)", "('skip_connect', 2)"), "from node 2 to node 2 does not lead on"),
        (PAIRS.replace("('skip_connect', 1), ", ""), "normal has 3 edges"),
        (PAIRS.replace("('skip_connect', 1)", "('skip_connect', 2, 1)"), "normal mixes"),
        (PAIRS.replace("('skip_connect', 1)", "('skip_connect', 'x')"), "normal is not a list of"),
        (PAIRS.replace("('skip_connect', 1)", "('skip_connect', -1)"), "normal is not a plain list|is not a list of"),
        (PAIRS.replace("reduce_concat=[2]", "reduce_concat=[]"), "reduce_concat=.* not a list of different"),
        (PAIRS.replace("reduce_concat=[2]", "reduce_concat=[2, 2]"), "reduce_concat=.* not a list of different"),
        (PAIRS.replace("reduce_concat=[2]", "reduce_concat=[1]"), "reduce_concat=.* not a list of different"),
        (PAIRS.replace("reduce_concat=[2]", "reduce_concat=range(9)"), "reduce_concat is not a range"),
        (PAIRS.replace("reduce_concat=[2]", "reduce_concat=range(2, 10**9)"), "reduce_concat is not a plain|range"),
        (PAIRS.replace(", reduce_concat=[2]", ""), "has the arguments"),
        (PAIRS.replace("normal_concat", "concat"), "has the arguments"),
        (PAIRS[:-1], "is not a genotype"),
        ("print('hello')", "is not a genotype"),
        (PAIRS.replace("[('max_pool_3x3', 0)", "[__import__('os').getcwd()"), "reduce is not a plain list"),
        (TRIPLES.replace("2, 0)", "1, 0)"), "no edge may lead to node 1"),
        ("(" * 5000, "is not a genotype"),
    ],
)
def test_refusals_name_the_fix(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Genotype.parse(text)


def _graph(edges: tuple[Edge, ...], concat: tuple[int, ...]) -> networkx.MultiDiGraph:
    """The cell as a graph whose inputs and output are told apart."""
    graph = networkx.MultiDiGraph()
    nodes = {*range(INPUTS), *concat, *(node for edge in edges for node in (edge.source, edge.target))}
    for node in nodes:
        graph.add_node(node, kind=node if node < INPUTS else "intermediate")
    graph.add_node("output", kind="output")
    for operation, source, target in edges:
        graph.add_edge(source, target, operation=operation)
    for node in concat:
        graph.add_edge(node, "output", operation="concatenate")
    return graph


def _isomorphic(first: Genotype, second: Genotype) -> bool:
    node_match = networkx.algorithms.isomorphism.categorical_node_match("kind", None)
    edge_match = networkx.algorithms.isomorphism.categorical_multiedge_match("operation", None)
    return all(
        networkx.is_isomorphic(
            _graph(getattr(first, field), getattr(first, f"{field}_concat")),
            _graph(getattr(second, field), getattr(second, f"{field}_concat")),
            node_match=node_match,
            edge_match=edge_match,
        )
        for field in ("normal", "reduce")
    )


def _random_cell(generator: np.random.Generator) -> Genotype:
    """Three nodes, two operations and few edges, so that isomorphic cells are frequent."""
    edges = [
        (("skip_connect", "sep_conv_3x3")[int(generator.integers(2))], int(source), target)
        for target in range(2, 5)
        for source in generator.choice(target, 2 if target == 3 else 1, replace=False)
    ]
    return cell(*edges, concat=(2, 3, 4) if generator.random() < 0.9 else (3, 4))


def test_canonical_is_shared_exactly_by_isomorphic_cells() -> None:
    generator = np.random.default_rng(3)
    genotypes = [_random_cell(generator) for _ in range(80)]
    same = different = 0
    for first, second in itertools.combinations(genotypes, 2):
        equal = canonical(first) == canonical(second)
        assert equal == _isomorphic(first, second)
        same, different = same + equal, different + (not equal)
    assert same > 5
    assert different > 1000


def test_canonical_of_a_renumbered_cell() -> None:
    first = cell(("sep_conv_3x3", 0, 2), ("skip_connect", 1, 2), ("max_pool_3x3", 0, 3), ("none", 1, 3), concat=(2, 3))
    second = cell(("none", 1, 2), ("max_pool_3x3", 0, 2), ("skip_connect", 1, 3), ("sep_conv_3x3", 0, 3), concat=(3, 2))
    assert first != second
    assert canonical(first) == canonical(second)
    assert canonical(Genotype.parse(canonical(first))) == canonical(first)
    swapped_inputs = cell(
        ("sep_conv_3x3", 1, 2), ("skip_connect", 0, 2), ("max_pool_3x3", 1, 3), ("none", 0, 3), concat=(2, 3)
    )
    assert canonical(swapped_inputs) != canonical(first)


def test_a_single_edge_is_written_so_that_it_can_be_read() -> None:
    genotype = Genotype(
        normal=(Edge("skip_connect", 0, 2),),
        normal_concat=(2,),
        reduce=(Edge("skip_connect", 1, 2),),
        reduce_concat=(2,),
    )
    assert Genotype.parse(str(genotype)) == genotype

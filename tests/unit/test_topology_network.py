"""Stand-alone topology networks against the benchmark's cost tables and xautodl's networks."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from spaces.topology.architecture import TopologyArchitecture
from spaces.topology.cost import flops_m, parameters_m
from spaces.topology.network import TopologyNetwork

INDICES = (0, 1462, 2538, 6111, 9930, 15624)
ARCHITECTURES = [
    "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|",
    "|none~0|+|none~0|nor_conv_3x3~1|+|avg_pool_3x3~0|nor_conv_1x1~1|skip_connect~2|",  # convolutions of zeros
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|none~0|avg_pool_3x3~1|none~2|",  # an edge that leads nowhere
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|none~0|none~1|none~2|",  # the output is zero
]


@pytest.mark.parametrize(
    ("dataset", "classes", "resolution"), [("cifar10", 10, 32), ("cifar100", 100, 32), ("ImageNet16-120", 120, 16)]
)
def test_costs_are_those_of_the_table(data_folder: Path, dataset: str, classes: int, resolution: int) -> None:
    nats_bench = pytest.importorskip("nats_bench")
    folder = data_folder / "NATS-tss-v1_0-3ffb9-simple"
    if not folder.is_dir():
        pytest.skip(f"no table: {folder} does not exist")
    table = nats_bench.create(str(folder), "tss", fast_mode=True, verbose=False)
    for index in INDICES:
        cost = table.get_cost_info(index, dataset, hp="200")
        architecture = TopologyArchitecture.parse(table.arch(index))
        assert parameters_m(architecture, classes=classes) == pytest.approx(cost["params"], abs=1e-6)
        assert flops_m(architecture, classes=classes, resolution=resolution) == pytest.approx(cost["flops"], abs=1e-5)


@pytest.mark.parametrize("text", ARCHITECTURES)
@pytest.mark.parametrize("resolution", [8, 16])
def test_costs_are_those_of_the_network(text: str, resolution: int) -> None:
    flop_benchmark = pytest.importorskip("xautodl.utils.flop_benchmark")
    sizes = {"channels": 4, "cells_per_stage": 2, "classes": 7}
    theirs = _xautodl(text, **sizes)
    flops, _ = flop_benchmark.get_model_infos(theirs, (1, 3, resolution, resolution))
    architecture = TopologyArchitecture.parse(text)
    assert flops_m(architecture, **sizes, resolution=resolution) == pytest.approx(flops, rel=1e-9)
    count = sum(parameter.numel() for parameter in TopologyNetwork(architecture, **sizes).parameters())
    assert parameters_m(architecture, **sizes) == pytest.approx(count / 1e6, rel=1e-9)
    assert count == sum(parameter.numel() for parameter in theirs.parameters())


def _xautodl(text: str, *, channels: int, cells_per_stage: int, classes: int) -> Any:
    infer = pytest.importorskip("xautodl.models.cell_infers.tiny_network")
    genotypes = pytest.importorskip("xautodl.models.cell_searchs.genotypes")
    return infer.TinyNetwork(channels, cells_per_stage, genotypes.Structure.str2structure(text), classes)


def _copy(ours: TopologyNetwork, theirs: Any) -> None:
    """Give xautodl's network the weights and running statistics of ours."""
    pairs: list[tuple[Any, nn.Module]] = [
        (ours.stem, theirs.stem),
        (ours.head[0], theirs.lastact[0]),
        (ours.head[4], theirs.classifier),
    ]
    cells = iter(theirs.cells)
    for stage, mine in enumerate(ours.stages):
        if stage:
            block, other = ours.reductions[stage - 1], next(cells)
            pairs += [(block.first, other.conv_a.op), (block.second, other.conv_b.op)]
            pairs += [(block.shortcut, other.downsample)]
        for cell in mine.children():
            for edge, layer in enumerate(next(cells).layers):
                if hasattr(layer, "op") and not isinstance(layer.op, nn.AvgPool2d):
                    pairs.append((cell.edges[str(edge)], layer.op))
    for mine, its in pairs:
        its.load_state_dict(mine.state_dict())


@pytest.mark.parametrize("text", ARCHITECTURES)
def test_logits_and_running_statistics_are_those_of_xautodl(text: str) -> None:
    torch.manual_seed(5)
    sizes = {"channels": 4, "cells_per_stage": 2, "classes": 7}
    ours = TopologyNetwork(TopologyArchitecture.parse(text), **sizes).double()
    theirs = _xautodl(text, **sizes).double()
    with torch.no_grad():
        for module in ours.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.5, 0.5)
    _copy(ours, theirs)
    images = torch.randn(4, 3, 8, 8, dtype=torch.float64)
    for _ in range(2):
        torch.testing.assert_close(ours.train()(images), theirs.train()(images)[1])
    torch.testing.assert_close(ours.eval()(images), theirs.eval()(images)[1])

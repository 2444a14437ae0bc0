"""RobustDARTS' subspaces against the plain network, their published cells, and their networks."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.choices import choices_of
from spaces.darts.architecture import Genotype
from spaces.darts.network import DartsNetwork
from spaces.darts.noise import normal_noise
from spaces.darts.operations import operation_module
from spaces.darts.space import DartsSpace
from spaces.darts.subspaces import DartsS1Space, DartsS2Space, DartsS3Space, DartsS4Space
from spaces.errors import InputError
from spaces.space import Batch
from tests.unit.plain_darts_supernet import Noise, PlainDartsSupernet

SPACES = [DartsS1Space(), DartsS2Space(), DartsS3Space(), DartsS4Space()]
SIZES: dict[str, int] = {"channels": 4, "cells": 3, "classes": 5}

# Cells that were found in the subspaces on CIFAR-10, from src/evaluation/archs.yaml of github.com/automl/RobustDARTS.
FOUND = {
    "darts-s1": "Genotype(normal=[('dil_conv_5x5', 1), ('dil_conv_3x3', 0), ('skip_connect', 1), ('skip_connect', 2), "
    "('max_pool_3x3', 0), ('dil_conv_3x3', 3), ('max_pool_3x3', 1), ('sep_conv_3x3', 0)], normal_concat=range(2, 6), "
    "reduce=[('max_pool_3x3', 1), ('max_pool_3x3', 0), ('max_pool_3x3', 1), ('dil_conv_5x5', 2), ('max_pool_3x3', 1), "
    "('dil_conv_5x5', 3), ('dil_conv_5x5', 4), ('dil_conv_5x5', 3)], reduce_concat=range(2, 6))",
    "darts-s2": "Genotype(normal=[('skip_connect', 0), ('skip_connect', 1), ('skip_connect', 2), ('skip_connect', 0), "
    "('skip_connect', 3), ('skip_connect', 2), ('skip_connect', 2), ('skip_connect', 4)], normal_concat=range(2, 6), "
    "reduce=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0)], reduce_concat=range(2, 6))",
    "darts-s4": "Genotype(normal=[('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 2), "
    "('sep_conv_3x3', 0), ('noise', 2), ('sep_conv_3x3', 4), ('noise', 1)], normal_concat=range(2, 6), "
    "reduce=[('noise', 0), ('noise', 1), ('noise', 0), ('noise', 1), ('noise', 0), ('noise', 1), ('noise', 0), "
    "('noise', 1)], reduce_concat=range(2, 6))",
}


def networks(space: DartsSpace, nodes: int) -> tuple[Any, PlainDartsSupernet]:
    """The two networks with the same weights and the same noise, in double precision."""
    torch.manual_seed(1)
    wirings = tuple(
        [(*edge, names) for edge, names in zip(design.edges, design.operations, strict=True)]
        for design in space.designs(nodes)
    )
    plain = PlainDartsSupernet(**SIZES, wirings=wirings).double()
    net = space.supernet(in_channels=3, nodes=nodes, **SIZES).double()
    net.load_state_dict(
        dict(zip((name for name, _ in net.named_parameters()), plain.state_dict().values(), strict=True)), strict=False
    )
    for index, cell in enumerate(plain.cells):
        for edge, mixed in enumerate(cell.edges):
            for module in mixed.modules():
                if isinstance(module, Noise):
                    key = (net.noise.seed, 0, index, edge)
                    module.draw = partial(normal_noise, key, like=plain.stem[0].weight)
    return net, plain


def batch() -> Batch:
    generator = torch.Generator().manual_seed(2)
    return Batch(torch.randn(4, 3, 8, 8, generator=generator).double(), torch.arange(4))


@pytest.mark.parametrize("nodes", [1, 4])
@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_the_supernet_computes_the_plain_network_and_its_gradients(space: DartsSpace, nodes: int) -> None:
    net, plain = networks(space, nodes)
    data, generator = batch(), torch.Generator().manual_seed(3)
    shapes = space.alpha_shapes(nodes=nodes)
    mixture = [torch.randn(shape, generator=generator).double().softmax(-1).requires_grad_() for shape in shapes]
    expected = F.cross_entropy(plain(data.inputs, mixture), data.targets)
    found = net.loss(data, mixture)
    torch.testing.assert_close(found, expected)
    theirs = torch.autograd.grad(expected, [*mixture, *plain.parameters()])
    ours = torch.autograd.grad(found, [*mixture, *net.parameters()])
    for kind, design in enumerate(space.designs(nodes)):
        scored = torch.tensor([[name != "none" for name in names] for names in design.operations])
        theirs[kind].mul_(scored)  # `none` is not run
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_a_dense_network_runs_no_operation_that_is_no_candidate(space: DartsSpace) -> None:
    net, plain = networks(space, 4)
    net.dense = True
    data, mixture = batch(), [torch.full(shape, 0.25).double() for shape in space.alpha_shapes()]
    torch.testing.assert_close(net.loss(data, mixture), F.cross_entropy(plain(data.inputs, mixture), data.targets))


def test_noise_is_standard_normal_and_new_in_every_pass() -> None:
    like = torch.zeros(1)
    drawn = normal_noise((1, 0, 0, 0), (64, 16, 8, 8), like)
    assert float(drawn.mean()) == pytest.approx(0, abs=0.02)
    assert float(drawn.std()) == pytest.approx(1, abs=0.02)
    assert torch.equal(drawn, normal_noise((1, 0, 0, 0), (64, 16, 8, 8), like))
    for key in ((1, 1, 0, 0), (1, 0, 1, 0), (1, 0, 0, 1), (2, 0, 0, 0)):
        correlation = torch.corrcoef(torch.stack([drawn.flatten(), normal_noise(key, drawn.shape, like).flatten()]))
        assert abs(float(correlation[0, 1])) < 0.02


def test_looking_at_a_noisy_network_changes_nothing() -> None:
    mixture = [torch.full(shape, 0.5).double() for shape in DartsS4Space().alpha_shapes()]
    net, other, data = networks(DartsS4Space(), 4)[0], networks(DartsS4Space(), 4)[0], batch()
    other.load_state_dict(net.state_dict())
    first = net.loss(data, mixture)
    assert not torch.equal(net.loss(data, mixture), first)
    other.errors(data, mixture)
    assert torch.equal(other.loss(data, mixture), first)
    other.load_state_dict(net.state_dict())
    assert torch.equal(other.loss(data, mixture), net.loss(data, mixture))


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_cells_have_their_candidates_only(space: DartsSpace) -> None:
    generator = np.random.default_rng(0)
    shapes = space.alpha_shapes()
    for _ in range(20):
        scores = [
            torch.rand(shape, generator=torch.Generator().manual_seed(int(generator.integers(99)))) for shape in shapes
        ]
        for architecture in (
            space.sample(generator),
            space.discretise(scores),
            space.mutate(space.sample(generator), generator),
            choices_of(space).architecture(choices_of(space).sample(generator)),
        ):
            assert space.parse(str(architecture)) == architecture
            assert "none" not in architecture.operations
            chosen = space.chosen(architecture)
            assert tuple(array.shape for array in chosen) == shapes
            assert sum(array.sum() for array in chosen) == len(architecture.operations) == 16
            assert space.discretise([torch.tensor(array) for array in chosen]) == architecture


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_neighbours_are_neighbours_of_each_other_and_differ_in_one_edge(space: DartsSpace) -> None:
    architecture = space.sample(np.random.default_rng(1))
    edges = {(kind, edge) for kind in ("normal", "reduce") for edge in getattr(architecture, kind)}
    neighbours = space.neighbours(architecture)
    assert len(set(neighbours)) == len(neighbours)
    for neighbour in neighbours:
        assert space.parse(str(neighbour)) == neighbour
        theirs = {(kind, edge) for kind in ("normal", "reduce") for edge in getattr(neighbour, kind)}
        assert len(edges - theirs) == 1
        assert architecture in space.neighbours(neighbour)


def test_sizes_of_the_spaces() -> None:
    """Of one cell: prod_k (k + 1) k / 2 pairs of inputs, times two operations on each of eight edges."""
    pairs = 1 * 3 * 6 * 10
    for space in SPACES:
        assert np.prod(choices_of(space).options, dtype=object) == (pairs * 2**8) ** 2


@pytest.mark.parametrize(("name", "text"), FOUND.items())
def test_published_cells_belong_to_their_space_and_to_no_other_one(name: str, text: str) -> None:
    for space in SPACES:
        # S3 has S2's operations.
        if space.name == name or (name, space.name) == ("darts-s2", "darts-s3"):
            assert str(space.parse(text)) == str(Genotype.parse(text))
        else:
            with pytest.raises(InputError, match=f"space '{space.name}' has no .* cell: use "):
                space.parse(text)


def test_darts_knows_no_noise() -> None:
    with pytest.raises(InputError, match="space 'darts-cnn' has no noise from node 2 to node 4 of the normal cell"):
        DartsSpace().parse(FOUND["darts-s4"])


def test_s1_has_four_nodes_at_most() -> None:
    with pytest.raises(InputError, match="has candidates for 4 nodes, not 5: use nodes=4"):
        DartsS1Space().alpha_shapes(nodes=5)


def test_skip_ratios_of_published_cells() -> None:
    assert DartsS2Space().parse(FOUND["darts-s2"]).skip_ratio == 0.5  # all of the normal cell, none of the other
    assert DartsS1Space().parse(FOUND["darts-s1"]).skip_ratio == 2 / 16


@pytest.mark.parametrize("stride", [1, 2])
def test_noise_of_a_network_has_nothing_of_its_input(stride: int) -> None:
    module = operation_module("noise", 4, stride=stride)
    inputs = torch.full((64, 4, 9, 9), torch.nan)
    outputs: Tensor = module.eval()(inputs)
    side = -(-9 // stride)
    assert outputs.shape == (64, 4, side, side)
    assert float(outputs.mean()) == pytest.approx(0, abs=0.05)
    assert float(outputs.std()) == pytest.approx(1, abs=0.05)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: space.name)
def test_networks_and_costs(space: DartsSpace) -> None:
    architecture = space.sample(np.random.default_rng(2))
    network = space.network(architecture, classes=3, in_channels=1, channels=2, cells=3)
    assert network(torch.randn(2, 1, 8, 8)).shape == (2, 3)
    with torch.device("meta"):
        full: nn.Module = DartsNetwork(architecture, channels=space.network_settings["channels"], cells=20)
    assert space.cost(architecture)[0] == sum(p.numel() for p in full.parameters()) / 1e6

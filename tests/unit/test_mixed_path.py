"""Mixed-path DARTS: supports of scores, nodes that vanish, networks, and a search that drives weights to zero."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from methods import Task, find_method
from methods.differentiable import Parts
from methods.first_order import FirstOrder
from methods.registry import compose
from methods.relaxation import Identity
from spaces.choices import choices_of
from spaces.darts.architecture import Edge, Genotype
from spaces.darts.cell import OPERATIONS, complete_cell, edges
from spaces.darts.mixed_path import MixedPathSpace, _sample_cell
from spaces.errors import InputError
from spaces.space import Batch
from tests.unit.plain_darts_network import assert_network_is_plain
from tests.unit.plain_darts_supernet import PlainDartsSupernet

SPACE = MixedPathSpace()


def sparse_scores(seed: int, share: float = 0.2) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = SPACE.alpha_shapes()
    return [
        torch.randn(shape, generator=generator) * (torch.rand(shape, generator=generator) < share) for shape in shapes
    ]


def test_the_support_of_the_scores_is_kept_of_nodes_that_have_inputs() -> None:
    for seed in range(20):
        scores = sparse_scores(seed)
        architecture = SPACE.discretise(scores)
        for score, cell in zip(scores, (architecture.normal, architecture.reduce), strict=True):
            expected, alive = set(), {0, 1}
            for (target, source), row in zip(edges(), score.tolist(), strict=True):
                names = {name for name, value in zip(OPERATIONS[1:], row, strict=True) if value != 0}
                if source in alive and names:
                    alive.add(target)
                    expected |= {Edge(name, source, target) for name in names}
            assert set(cell) == expected
            assert len(cell) == len(expected)
        assert SPACE.parse(str(architecture)) == architecture
        assert SPACE.discretise([torch.tensor(array) for array in SPACE.chosen(architecture)]) == architecture


def test_a_node_without_inputs_vanishes_and_all_that_starts_from_it() -> None:
    scores = [torch.zeros(shape) for shape in SPACE.alpha_shapes()]
    scores[0][edges().index((2, 0)), 2:4] = torch.tensor([0.3, -1e-9])
    scores[0][edges().index((5, 2)), 0] = 1
    scores[0][edges().index((5, 4)), 0] = 1  # node 4 has no inputs
    scores[1][edges().index((4, 3)), 0] = 1  # nor has node 3
    architecture = SPACE.discretise(scores)
    assert str(architecture) == (
        "Genotype(normal=[('skip_connect', 2, 0), ('sep_conv_3x3', 2, 0), ('max_pool_3x3', 5, 2)], "
        "normal_concat=[2, 5], reduce=[], reduce_concat=range(2, 3))"
    )
    assert SPACE.parse(str(architecture)) == architecture
    assert not architecture.connected
    assert architecture.skip_ratio == 1 / 3
    assert [array.sum() for array in SPACE.chosen(architecture)] == [3, 0]
    network = SPACE.network(architecture, classes=3, in_channels=1, channels=2, cells=4)
    assert network(torch.randn(2, 1, 8, 8)).shape == (2, 3)
    assert network.cells[0].output_channels == 4  # two nodes of two channels


def test_the_stand_alone_network_computes_plain_sums() -> None:
    assert_network_is_plain(SPACE, SPACE.discretise(sparse_scores(3, share=0.4)))


def test_the_supernet_computes_equation_1_and_its_gradients() -> None:
    torch.manual_seed(1)
    wiring = [(*edge, OPERATIONS[1:]) for edge in edges()]
    plain = PlainDartsSupernet(channels=2, cells=3, classes=5, wirings=(wiring, wiring)).double()
    net = SPACE.supernet(in_channels=3, channels=2, cells=3, classes=5).double()
    net.load_state_dict(dict(zip(net.state_dict(), plain.state_dict().values(), strict=True)))
    images, targets = torch.randn(4, 3, 8, 8).double(), torch.arange(4)
    mixture = [score.double().requires_grad_() for score in sparse_scores(5)]
    found, expected = net.loss(Batch(images, targets), mixture), F.cross_entropy(plain(images, mixture), targets)
    torch.testing.assert_close(found, expected)
    ours = torch.autograd.grad(found, [*mixture, *net.parameters()], materialize_grads=True, allow_unused=True)
    theirs = torch.autograd.grad(expected, [*mixture, *plain.parameters()])
    for kind in range(2):
        theirs[kind].mul_(mixture[kind].detach() != 0)  # an operation that is not run has no gradient
    torch.testing.assert_close(ours, theirs)


def test_samples_are_uniform_where_they_can_be_counted() -> None:
    """With two operations an edge and one node, a cell is one of 15 subsets."""
    generator = np.random.default_rng(0)
    design = complete_cell(1, ("skip_connect", "sep_conv_3x3"))
    counts = Counter(tuple(_sample_cell(design, generator)) for _ in range(3000))
    assert len(counts) == 15
    assert min(counts.values()) > 140  # of 200 expected


def test_neighbours_have_one_operation_more_or_less() -> None:
    architecture = SPACE.discretise(sparse_scores(4))
    neighbours = SPACE.neighbours(architecture)
    assert len(set(neighbours)) == len(neighbours)
    for neighbour in neighbours[::7]:
        changed = sum(
            np.abs(a - b).sum() for a, b in zip(SPACE.chosen(architecture), SPACE.chosen(neighbour), strict=True)
        )
        assert changed == 1
        assert architecture in SPACE.neighbours(neighbour)
    assert SPACE.mutate(architecture, np.random.default_rng(0)) in neighbours


def test_every_operation_everywhere_is_the_largest_cell() -> None:
    full = SPACE.discretise([torch.ones(shape) for shape in SPACE.alpha_shapes()])
    assert full.operations.count("sep_conv_5x5") == 2 * 14
    assert full.skip_ratio == pytest.approx(1 / 7)
    assert len(SPACE.operation_sites(resolution=32)) == len({*SPACE.operation_sites(resolution=32)})
    assert SPACE.cost(full)[0] > SPACE.cost(Genotype.parse("DARTS_V2"))[0]


def test_it_is_no_product_of_choices() -> None:
    with pytest.raises(InputError, match="is no product of independent choices"):
        choices_of(SPACE)


class Images:
    """Random images with random labels."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def next(self) -> Batch:
        return Batch(torch.randn(4, 1, 8, 8, generator=self.generator), torch.arange(4) % 3)


class SoftThresholded(FirstOrder):
    """First order, then the proximal operator of the l1 norm."""

    def move_alpha(self, *terms: Any) -> None:
        super().move_alpha(*terms)
        with torch.no_grad():
            for alpha in self.alphas:
                alpha.copy_(alpha.sign() * (alpha.abs() - 0.02).clamp_min(0))


def start(method: Any) -> Any:
    method.start(
        Task(
            space=SPACE,
            settings=method.Settings(steps=6, alpha_learning_rate=0.01),
            seed=0,
            device=torch.device("cpu"),
            space_settings={"channels": 2, "cells": 3, "nodes": 2},
            classes=3,
            in_channels=1,
            train=Images(1),
            validation=Images(2),
        )
    )
    return method


def test_a_search_with_linear_weights_ends_with_a_sparse_architecture() -> None:
    method = start(compose("soft-thresholded", Parts(Identity, SoftThresholded))())
    torch.testing.assert_close(torch.cat(method.alphas).mean(), torch.tensor(1 / 7), rtol=0.01, atol=0)
    assert len(method.architecture().operations) == 2 * 5 * 7
    while method.progress < 1:
        method.step()
    kept = len(method.architecture().operations)
    assert 0 < kept == sum(int(alpha.count_nonzero()) for alpha in method.alphas) < 2 * 5 * 7


def test_weights_that_are_never_zero_are_refused() -> None:
    with pytest.raises(InputError, match=r"space 'darts-mixed' .*: it keeps .* use a method with linear weights"):
        start(find_method("darts-1").implementation())

"""The HB and AGD spaces against their equations, written down plainly."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from methods import find_method
from methods.discretisation import Argmax
from spaces.choices import choices_of
from spaces.darts.accelerated import AcceleratedSpace
from spaces.darts.architecture import Edge
from spaces.darts.cell import OPERATIONS, edges
from spaces.darts.heavy_ball import HeavyBallRandomStartSpace, HeavyBallSpace
from spaces.darts.operations import operation_module
from spaces.darts.space import DartsSpace
from spaces.errors import InputError
from spaces.latency_table import LatencyTable, OperationTiming, Timing, distinct_operations
from spaces.space import Batch
from tests.unit.plain_darts_network import assert_network_is_plain
from tests.unit.plain_darts_supernet import PlainDartsSupernet

HB, AGD = HeavyBallSpace(), AcceleratedSpace()
NINE = (*OPERATIONS, "negative_identity")  # Table 6
SIZES: dict[str, int] = {"channels": 2, "cells": 3, "classes": 5}
HB_WIRING = [(node, source, NINE) for node in range(2, 6) for source in (node - 1, node - 1, node - 2)]  # Eq. 23
AGD_WIRING = [(node, source, NINE) for node in range(2, 6) for source in range(node)]  # Eq. 28


def networks(space: DartsSpace, wiring: Any) -> tuple[Any, PlainDartsSupernet]:
    """The two networks with the same weights, in double precision."""
    torch.manual_seed(1)
    plain = PlainDartsSupernet(**SIZES, wirings=(wiring, wiring)).double()
    net = space.supernet(in_channels=3, **SIZES).double()
    net.load_state_dict(dict(zip(net.state_dict(), plain.state_dict().values(), strict=True)))
    return net, plain


def random_alphas(space: DartsSpace, seed: int = 3) -> list[Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(shape, generator=generator).double() for shape in space.alpha_shapes()]


def edge_weights(betas: list[Tensor], kind: int) -> Tensor:
    """Eq. 29 for the four nodes, by hand: (14, 1)."""
    found = []
    for node in range(4):
        beta = betas[2 * node + kind].flatten()
        found += [value.exp() / sum(other.exp() for other in beta) for value in beta]
    return torch.stack(found)[:, None]


def plain_mixture(space: DartsSpace, alphas: list[Tensor]) -> list[Tensor]:
    operations = [alpha.exp() / alpha.exp().sum(-1, keepdim=True) for alpha in alphas[:2]]  # Eq. 25
    if space is HB:
        return operations
    return [weights * edge_weights(alphas[2:], kind) for kind, weights in enumerate(operations)]


@pytest.mark.parametrize(("space", "wiring"), [(HB, HB_WIRING), (AGD, AGD_WIRING)], ids=["hb", "agd"])
def test_the_supernet_computes_the_equations_and_their_gradients(space: DartsSpace, wiring: Any) -> None:
    net, plain = networks(space, wiring)
    data = Batch(torch.randn(4, 3, 8, 8).double(), torch.arange(4))
    alphas = [alpha.requires_grad_() for alpha in random_alphas(space)]
    found = net.loss(data, [torch.softmax(alpha, dim=-1) for alpha in alphas])
    expected = F.cross_entropy(plain(data.inputs, plain_mixture(space, alphas)), data.targets)
    torch.testing.assert_close(found, expected)
    torch.testing.assert_close(
        torch.autograd.grad(found, [*alphas, *net.parameters()]),
        torch.autograd.grad(expected, [*alphas, *plain.parameters()]),
    )


def test_sampled_edges_and_operations_run_alone() -> None:
    """One-hot mixtures, as GDAS draws them."""
    net, plain = networks(AGD, AGD_WIRING)
    mixture = [F.one_hot(alpha.argmax(-1), alpha.shape[1]).double() for alpha in random_alphas(AGD)]
    images = torch.randn(4, 3, 8, 8).double()
    per_edge = [torch.cat([weights.flatten() for weights in mixture[2 + kind :: 2]])[:, None] for kind in range(2)]
    expected = plain(images, [mixture[kind] * per_edge[kind] for kind in range(2)])
    torch.testing.assert_close(net(images, mixture), expected)


@torch.no_grad()
def test_hb_initialisation_is_the_heavy_ball_step() -> None:
    """Eq. 26: x_t = F(x_{t-1}) + x_{t-1} - x_{t-2}, F the mixture of all nine operations."""
    _, plain = networks(HB, HB_WIRING)
    alphas = [alpha.double() for alpha in HB.initial_alpha(torch.Generator().manual_seed(0))]
    weights = torch.softmax(alphas[0], dim=-1)
    torch.testing.assert_close(weights[0::3], torch.full((4, 9), 1 / 9).double(), rtol=0.01, atol=0)
    cell: Any = plain.cells[0]
    older, newer = torch.randn(2, 4, 6, 8, 8).double()
    nodes = cell(older, newer, weights).chunk(4, dim=1)
    states = [cell.first(older), cell.second(newer)]
    for node, found in enumerate(nodes):
        expected = cell.edges[3 * node](states[-1], weights[3 * node]) + states[-1] - states[-2]
        torch.testing.assert_close(found, expected, rtol=5e-3, atol=5e-3 * float(expected.abs().max()))
        states.append(found)


def test_alphas_start_as_the_paper_has_them() -> None:
    def start(space: DartsSpace, seed: int) -> list[Tensor]:
        return space.initial_alpha(torch.Generator().manual_seed(seed), nodes=2)

    assert [tuple(alpha.shape) for alpha in start(HB, 0)] == [(6, 9), (6, 9)]
    assert all(float(alpha.abs().max()) < 0.01 for alpha in start(HeavyBallRandomStartSpace(), 0))
    assert not torch.equal(start(HB, 0)[0], start(HB, 1)[0])
    assert [tuple(alpha.shape) for alpha in start(AGD, 0)] == [(5, 9), (5, 9), (1, 2), (1, 2), (1, 3), (1, 3)]
    assert all(int(alpha.count_nonzero()) == 0 for alpha in start(AGD, 0))


def test_hb_keeps_the_strongest_operation_of_each_edge() -> None:
    scores = random_alphas(HB)
    architecture = HB.discretise(scores)
    for score, cell in zip(scores, (architecture.normal, architecture.reduce), strict=True):
        expected = [
            Edge(NINE[max(range(1, 9), key=lambda column: float(score[row, column]))], source, node)
            for row, (node, source, _) in enumerate(HB_WIRING)
        ]
        assert list(cell) == expected
    scores[0][1] = 0
    assert len(HB.discretise(scores).normal) == 11
    start = HB.discretise(HB.initial_alpha(torch.Generator().manual_seed(0)))
    assert [edge.operation for edge in start.normal[1:3]] == ["skip_connect", "negative_identity"]


def test_agd_keeps_the_two_edges_of_the_largest_products() -> None:
    for seed in range(10):
        scores = [torch.softmax(alpha, dim=-1) for alpha in random_alphas(AGD, seed)]
        architecture = AGD.discretise(scores)
        for kind, cell in enumerate((architecture.normal, architecture.reduce)):
            for node in range(2, 6):
                strength = {
                    source: float(scores[2 + 2 * (node - 2) + kind][0, source])
                    * float(scores[kind][edges().index((node, source)), 1:].max())
                    for source in range(node)
                }
                kept = sorted(sorted(strength, key=lambda source: -strength[source])[:2])
                assert [edge.source for edge in cell if edge.target == node] == kept


@pytest.mark.parametrize("space", [HB, AGD], ids=["hb", "agd"])
def test_architectures_round_trip(space: DartsSpace) -> None:
    generator, choices = np.random.default_rng(0), choices_of(space)
    for _ in range(20):
        sampled = space.sample(generator)
        mutated = space.mutate(sampled, generator)
        assert mutated in space.neighbours(sampled)
        assert sampled in space.neighbours(mutated)
        for architecture in (sampled, mutated, choices.architecture(choices.sample(generator))):
            assert space.parse(str(architecture)) == architecture
            chosen = space.chosen(architecture)
            assert tuple(array.shape for array in chosen) == space.alpha_shapes()
            assert space.discretise([torch.tensor(array) for array in chosen]) == architecture
            assert architecture.connected
            assert "none" not in architecture.operations
    assert_network_is_plain(space, space.discretise(random_alphas(space)))


def test_sizes_of_the_spaces() -> None:
    assert np.prod(choices_of(HB).options, dtype=object) == 8**24
    assert np.prod(choices_of(AGD).options, dtype=object) == (1 * 3 * 6 * 10 * 8**8) ** 2
    assert len(HB.neighbours(HB.sample(np.random.default_rng(0)))) == 24 * 7


@pytest.mark.parametrize("space", [HB, AGD], ids=["hb", "agd"])
def test_argmax_with_and_without_the_zero_operation(space: DartsSpace) -> None:
    scores = [torch.softmax(alpha, dim=-1) for alpha in random_alphas(space)]
    kept = [Argmax(Argmax.Settings(allow_none=allowed))(space, scores) for allowed in (True, False)]
    assert kept[0] == kept[1]


def test_what_is_no_hb_cell_is_refused() -> None:
    cell = "('sep_conv_3x3', 2, 0), ('skip_connect', 2, 1)"
    text = "Genotype(normal=[{}], normal_concat=[2], reduce=[], reduce_concat=[2])"
    assert HB.parse(text.format(cell)).skip_ratio == 0.5
    for edge, message in [
        ("('skip_connect', 3, 0)", "space 'hb' has no edge from node 0 to node 3: node 3 takes 1 or 2"),
        ("('noise', 3, 1)", "space 'hb' has no noise from node 1 to node 3 of the normal cell: use none or "),
        ("('skip_connect', 2, 0)", "space 'hb' takes node 0 into node 2 once, not 2 times"),
    ]:
        with pytest.raises(InputError, match=message):
            HB.parse(text.format(f"{cell}, {edge}"))
    with pytest.raises(InputError, match="space 'darts-cnn' has no negative_identity"):
        DartsSpace().parse(text.format("('negative_identity', 2, 0)"))


@pytest.mark.parametrize("stride", [1, 2])
def test_the_negative_identity_is_the_negative_of_the_identity(stride: int) -> None:
    modules = []
    for name in ("skip_connect", "negative_identity"):
        torch.manual_seed(0)
        modules.append(operation_module(name, 4, stride=stride))
    inputs = torch.randn(2, 4, 9, 9)
    torch.testing.assert_close(modules[1](inputs), -modules[0](inputs))


@pytest.mark.parametrize("space", [HB, AGD], ids=["hb", "agd"])
def test_latencies_add_up(space: DartsSpace) -> None:
    """Every operation takes its number of channels as ms."""
    sizes = {"channels": 2, "cells": 3}
    sites = space.operation_sites(resolution=8, **sizes)
    table = LatencyTable(
        space=space.name, device="cpu", batch_size=1, dtype="float32", threads=1, cuda_graph=False, resolution=8,
        network=sizes, torch="", created="", fixed=Timing(median_ms=7, iqr_ms=0, repeats=1),
        operations=tuple(
            OperationTiming(operation=site.operation, channels=site.channels, resolution=site.resolution,
                            stride=site.stride, median_ms=site.channels, iqr_ms=0, repeats=1)
            for site in distinct_operations(sites)
        ),
    )  # fmt: skip
    architecture = space.sample(np.random.default_rng(3))
    a_cell = len(architecture.normal)
    assert table.model(space).predict(space.executed(architecture)) == 7 + a_cell * (2 + 4 + 8)
    assert table.model(space).predict(space.executed(space.without_operations)) == 7


@pytest.mark.parametrize(("name", "space"), [("fair-darts", HB), ("pr-darts", AGD), ("rarts+linear", AGD)])
def test_methods_without_a_softmax_are_refused(name: str, space: DartsSpace) -> None:
    implementation: Any = find_method(name).implementation
    assert implementation.misplaced(space).startswith("its definition has a softmax over every row of alpha")
    assert not implementation.misplaced(HeavyBallRandomStartSpace())


def test_the_two_inputs_of_every_pair_are_drawn_alike() -> None:
    counts = dict.fromkeys(itertools.combinations(range(5), 2), 0)
    generator = np.random.default_rng(0)
    for _ in range(1000):
        counts[tuple(edge.source for edge in AGD.sample(generator).normal if edge.target == 5)] += 1
    assert min(counts.values()) > 60  # of 100 expected

"""The DARTS space: discretisation, sampling, and where its networks run operations."""

from functools import partial

import numpy as np
import pytest
import torch

from spaces.cost import network_cost
from spaces.darts.architecture import Genotype
from spaces.darts.cell import OPERATIONS, edges
from spaces.darts.space import DartsSpace

SPACE = DartsSpace()


def strongest_two(score: np.ndarray) -> set[tuple[str, int, int]]:
    """DARTS' rule, written with a plain ranking of (strength, source) for every node."""
    kept, start = set(), 0
    for target in range(2, 6):
        rows = score[start : start + target]
        ranked = sorted(range(target), key=lambda source: -max(rows[source][1:]))
        for source in ranked[:2]:
            operation = max(range(1, 8), key=lambda o: rows[source][o])
            kept.add((OPERATIONS[operation], source, target))
        start += target
    return kept


@pytest.mark.parametrize("seed", range(5))
def test_discretisation_keeps_the_two_strongest_edges_and_never_none(seed: int) -> None:
    scores = [torch.rand(14, 8, generator=torch.Generator().manual_seed(2 * seed + i)) for i in range(2)]
    scores[0][:, 0] = 2.0  # the zero operation is the strongest everywhere, and still not chosen
    found = SPACE.discretise(scores)
    assert set(found.normal) == strongest_two(scores[0].numpy())
    assert set(found.reduce) == strongest_two(scores[1].numpy())


def test_chosen_is_the_inverse_of_discretise() -> None:
    generator = np.random.default_rng(0)
    for _ in range(20):
        architecture = SPACE.sample(generator)
        assert SPACE.discretise([torch.tensor(array) for array in SPACE.chosen(architecture)]) == architecture


def test_alpha_shapes_follow_the_number_of_nodes() -> None:
    assert SPACE.alpha_shapes() == ((14, 8), (14, 8))
    assert SPACE.alpha_shapes(nodes=2, channels=3) == ((5, 8), (5, 8))
    assert len(edges(7)) == 35


def test_samples_are_spread_over_all_choices() -> None:
    generator = np.random.default_rng(1)
    total = sum(np.stack(SPACE.chosen(SPACE.sample(generator))) for _ in range(3000))
    assert not total[:, :, 0].any()
    probability = np.concatenate([np.full((node, 7), 2 / node / 7) for node in range(2, 6)])
    deviation = (total[:, :, 1:] - 3000 * probability) / np.sqrt(3000 * probability * (1 - probability))
    assert np.abs(deviation).max() < 4.5  # the largest of 196 standard normal deviations


def test_neighbours_differ_in_one_edge() -> None:
    architecture = SPACE.parse("DARTS_V2")
    neighbours = SPACE.neighbours(architecture)
    assert len(set(neighbours)) == len(neighbours) == 2 * (8 * 6 + 2 * (0 + 1 + 2 + 3))
    before = {("n", *edge) for edge in architecture.normal} | {("r", *edge) for edge in architecture.reduce}
    for other in neighbours:
        after = {("n", *edge) for edge in other.normal} | {("r", *edge) for edge in other.reduce}
        assert len(before - after) == len(after - before) == 1
        assert Genotype.parse(str(other)) == other
    assert SPACE.mutate(architecture, np.random.default_rng(0)) in neighbours


@pytest.mark.parametrize("settings", [{"channels": 6, "cells": 5}, {"channels": 4, "cells": 2}])
def test_sites_account_for_every_multiply_add_of_the_network(settings: dict[str, int]) -> None:
    architecture = SPACE.sample(np.random.default_rng(3))
    chosen = SPACE.chosen(architecture)

    def multiply_adds(genotype: Genotype) -> int:
        build = lambda: SPACE.network(genotype, classes=7, in_channels=3, **settings)  # noqa: E731
        return network_cost(build, (3, 16, 16)).multiply_adds

    added = 0
    for site in SPACE.operation_sites(resolution=16, **settings):
        if chosen[site.alpha][site.edge, OPERATIONS.index(site.operation)]:
            shape = (site.channels, site.resolution, site.resolution)
            added += site.count * network_cost(partial(SPACE.operation_module, site), shape).multiply_adds
    assert multiply_adds(SPACE.without_operations) + added == multiply_adds(architecture)


def test_cells_are_drawn_with_their_concatenation() -> None:
    cells = SPACE.cells(SPACE.parse("DARTS_V2"))
    assert list(cells) == ["normal", "reduction"]
    assert ("c_{k-2}", "2", "sep_conv_3x3") in cells["normal"]
    assert [edge.source for edge in cells["normal"] if edge.target == "output"] == ["2", "3", "4", "5"]

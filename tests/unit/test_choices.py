"""Discrete choices: every combination is another architecture, and uniform choices are uniform architectures."""

import itertools
from collections import Counter

import numpy as np
import pytest
from scipy.stats import chisquare

from spaces.choices import choices_of
from spaces.darts.space import DartsSpace
from spaces.topology.architecture import OPERATIONS, SIZE, TopologyArchitecture
from spaces.topology.space import TopologySpace


def test_topology_choices_are_the_operations_of_its_edges() -> None:
    choices = choices_of(TopologySpace())
    picks = list(itertools.product(*(range(options) for options in choices.options)))
    assert len(picks) == SIZE
    for pick in picks[::97]:
        assert choices.architecture(pick) == TopologyArchitecture(tuple(OPERATIONS[option] for option in pick))


def test_darts_choices_count_the_architectures_of_the_paper() -> None:
    # Liu et al. 2019, Section 3.1: prod_k (k + 1) k / 2 * 7^2 for k = 1 .. 4 in one cell, about 10^9.
    cell = int(np.prod([(k + 1) * k // 2 * 7**2 for k in range(1, 5)]))
    assert np.prod(choices_of(DartsSpace()).options, dtype=object) == cell**2


def test_different_darts_choices_make_different_architectures() -> None:
    choices = choices_of(DartsSpace(), nodes=2)
    assert choices.options == (7, 7, 3, 7, 7) * 2
    half = [(*pick, 0, 0, 0, 0, 0) for pick in itertools.product(range(7), range(7), range(3), range(7), range(7))]
    architectures = [choices.architecture(pick) for pick in half[::7]]
    assert len(set(architectures)) == len(architectures)
    assert all("none" not in architecture.operations and architecture.nodes == 2 for architecture in architectures)


@pytest.mark.parametrize("space", [TopologySpace(), DartsSpace()])
def test_samples_are_uniform_over_edges_and_operations(space: TopologySpace | DartsSpace) -> None:
    generator, choices = np.random.default_rng(0), choices_of(space)
    drawn = [np.concatenate(space.chosen(choices.architecture(choices.sample(generator)))) for _ in range(2000)]
    known = [np.concatenate(space.chosen(space.sample(generator))) for _ in range(2000)]
    for own, other in zip(np.sum(drawn, axis=0), np.sum(known, axis=0), strict=True):  # by edge
        used = own + other > 0
        pooled = (own + other)[used] / 2
        assert chisquare(own[used], pooled * own.sum() / pooled.sum()).pvalue > 1e-4
        assert own.sum() == pytest.approx(other.sum(), rel=0.15)


def test_topology_samples_are_uniform_over_architectures() -> None:
    generator, choices = np.random.default_rng(1), choices_of(TopologySpace())
    seen = Counter(choices.architecture(choices.sample(generator)).index // 125 for _ in range(10_000))
    assert chisquare([seen[block] for block in range(125)]).pvalue > 1e-3

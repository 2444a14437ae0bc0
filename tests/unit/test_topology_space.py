"""The topology space as methods see it."""

from collections import Counter

import numpy as np
import pytest
import torch

from spaces.errors import InputError
from spaces.topology.architecture import OPERATIONS
from spaces.topology.space import TopologySpace

SPACE = TopologySpace()
TEXT = "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|avg_pool_3x3~0|nor_conv_1x1~1|nor_conv_3x3~2|"


def differing_edges(one: tuple[str, ...], other: tuple[str, ...]) -> list[int]:
    return [edge for edge, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]


def test_there_are_15625_architectures() -> None:
    assert len({str(architecture) for architecture in SPACE.architectures}) == 15_625


def test_neighbours_are_all_architectures_one_edge_away() -> None:
    centre = SPACE.parse(TEXT)
    expected = {
        architecture
        for architecture in SPACE.architectures
        if len(differing_edges(centre.operations, architecture.operations)) == 1
    }
    neighbours = SPACE.neighbours(centre)
    assert len(neighbours) == len(expected) == 24
    assert set(neighbours) == expected


def test_mutations_change_every_edge_to_every_other_operation_equally_often() -> None:
    centre, generator = SPACE.parse(TEXT), np.random.default_rng(0)
    mutants = Counter(SPACE.mutate(centre, generator) for _ in range(4800))
    assert set(mutants) == set(SPACE.neighbours(centre))
    assert max(abs(count - 200) for count in mutants.values()) < 5 * 14  # standard deviation 13.8


def test_samples_use_every_operation_on_every_edge_equally_often() -> None:
    generator = np.random.default_rng(0)
    samples = [SPACE.sample(generator).operations for _ in range(5000)]
    counts = [Counter(column) for column in zip(*samples, strict=True)]
    assert all(abs(count[operation] - 1000) < 5 * 29 for count in counts for operation in OPERATIONS)  # s.d. 28.3


def test_the_same_seed_samples_the_same_architectures() -> None:
    one, other = np.random.default_rng(7), np.random.default_rng(7)
    assert [SPACE.sample(one) for _ in range(5)] == [SPACE.sample(other) for _ in range(5)]


def test_discretisation_takes_the_highest_score_of_every_edge() -> None:
    scores = torch.zeros(SPACE.alpha_shapes()[0])
    for edge, operation in enumerate(SPACE.parse(TEXT).operations):
        scores[edge, SPACE.operation_names.index(operation)] = 0.1 + edge
    assert str(SPACE.discretise([scores])) == TEXT


def test_an_unknown_operation_is_an_input_error() -> None:
    with pytest.raises(InputError, match="nor_conv_3x3"):
        SPACE.parse(TEXT.replace("nor_conv_3x3~0", "nor_conv_3x4~0"))


def test_networks_take_the_settings_of_the_space() -> None:
    images = torch.randn(2, 1, 8, 8)
    settings = dict.fromkeys(SPACE.network_settings, 2)
    supernet = SPACE.supernet(classes=4, in_channels=1, **settings)
    mixture = torch.full(SPACE.alpha_shapes()[0], 0.2)
    assert supernet(images, [mixture]).shape == (2, 4)
    assert SPACE.network(SPACE.parse(TEXT), classes=4, in_channels=1, **settings)(images).shape == (2, 4)


def test_supernets_start_from_the_same_weights_but_do_not_share_them() -> None:
    one, other = SPACE.supernets(2, classes=4, in_channels=3, channels=2, cells_per_stage=1)
    for mine, its in zip(one.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, its)
        assert mine.data_ptr() != its.data_ptr()

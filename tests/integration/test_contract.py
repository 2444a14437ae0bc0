"""What every method on every space must keep: seeds reproduce, resume equals uninterrupted, costs add up."""

import io
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from methods import Method, Task, find_method, list_methods
from spaces import Batch
from spaces.errors import InputError
from spaces.quadratic import QuadraticSpace
from spaces.registry import find_space
from spaces.topology.architecture import TopologyArchitecture
from spaces.topology.space import TopologySpace
from tests.short_searches import short_settings

# Spaces that share the DARTS space's network and most of its code.
VARIANTS = ("darts-s1", "darts-s2", "darts-s3", "darts-s4", "darts-mixed", "hb", "hb-random-start", "agd")
SMALL = {
    "topology": {"channels": 2, "cells_per_stage": 1},
    **{name: {"channels": 2, "cells": 2, "nodes": 2} for name in ("darts-cnn", *VARIANTS)},
}


class ImageStream:
    """Random images with random labels; the position is the generator's state."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def next(self) -> Any:
        images = torch.randn(4, 1, 8, 8, generator=self.generator)
        return Batch(images, torch.randint(3, (4,), generator=self.generator))

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.generator.set_state(state["generator"])


class CountingObjective:
    """An invented table: error and cost follow from the architecture's operations."""

    def evaluate(self, architecture: TopologyArchitecture) -> tuple[float, float]:
        return 90.0 - 10 * architecture.operations.count("nor_conv_3x3"), 10.0 + architecture.index % 7


def start(name: str, space_name: str, *, seed: int, **wanted: Any) -> Method:
    named = find_method(name)
    space = find_space(space_name)
    method = named.implementation()
    common: dict[str, Any] = {"space": space, "seed": seed, "device": torch.device("cpu"), "space_settings": {}}
    if not named.trains_supernet:
        settings = method.Settings(evaluations=25)
        method.start(Task(settings=settings, objective=CountingObjective(), **common))
    elif isinstance(space, QuadraticSpace):
        train, validation = space.streams()
        method.start(
            Task(
                settings=method.Settings(**short_settings(name, alpha_learning_rate=3e-4)),
                train=train,
                validation=validation,
                **common,
            )
        )
    else:
        method.start(
            Task(
                settings=method.Settings(**short_settings(name, **wanted)),
                train=ImageStream(2 * seed), validation=ImageStream(2 * seed + 1), classes=3, in_channels=1,
                **{**common, "space_settings": SMALL[space_name]},
            )
        )  # fmt: skip
    return method


def run(method: Method) -> tuple[list[dict[str, float]], Any]:
    metrics = []
    while method.progress < 1:
        metrics.append(dict(method.step()))
    return metrics, method.architecture()


def through_disk(state: dict[str, Any]) -> dict[str, Any]:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    buffer.seek(0)
    loaded: dict[str, Any] = torch.load(buffer, weights_only=True)
    return loaded


SUPERNET_METHODS = [method.name for method in list_methods() if method.trains_supernet]
PAIRS = [
    pair
    for pair in [
        *((method.name, "topology") for method in list_methods()),
        *((name, space) for name in SUPERNET_METHODS for space in ("darts-cnn", "quadratic")),
        # With a dense and with a sampled mixture; in the test below, with the other methods.
        *((name, space) for name in ("rarts", "gdas") for space in VARIANTS if space != "darts-mixed"),
    ]
    if not find_method(pair[0]).implementation.misplaced(find_space(pair[1]))
]


@cache
def whole(name: str, space: str) -> tuple[list[dict[str, float]], Any]:
    """An uninterrupted search."""
    return run(start(name, space, seed=5))


@pytest.mark.parametrize(("name", "space"), PAIRS)
class TestEveryMethod:
    def test_same_seed_gives_the_same_search_and_every_step_a_valid_architecture(self, name: str, space: str) -> None:
        method, again = start(name, space, seed=5), []
        while method.progress < 1:
            architecture = method.architecture()
            assert type(architecture).parse(str(architecture)) == architecture
            assert 0 <= architecture.skip_ratio <= 1
            assert 0 <= architecture.zero_ratio <= 1
            again.append(dict(method.step()))
            assert all(np.isfinite(value) for value in again[-1].values())
        assert (again, method.architecture()) == whole(name, space)
        costs_add_up(name, method)

    def test_another_seed_gives_another_search(self, name: str, space: str) -> None:
        if space != "quadratic":
            assert start(name, space, seed=4).step() != whole(name, space)[0][0]

    @pytest.mark.parametrize("killed_after", [0, 1, 7, 11])
    def test_resumed_search_equals_the_uninterrupted_one(self, name: str, space: str, killed_after: int) -> None:
        method = start(name, space, seed=5)
        before = [dict(method.step()) for _ in range(killed_after) if method.progress < 1]
        state = through_disk(method.state_dict())
        resumed = start(name, space, seed=5)
        resumed.load_state_dict(state)
        after, architecture = run(resumed)
        assert (before + after, architecture) == whole(name, space)


def costs_add_up(name: str, method: Any) -> None:
    if find_method(name).trains_supernet:
        assert method.simulated_seconds is None
    else:
        charged = [CountingObjective().evaluate(a)[1] for a, _ in method.history]
        assert method.simulated_seconds == sum(charged)
        assert len(charged) == 25


@pytest.mark.parametrize("space_name", VARIANTS)
@pytest.mark.parametrize("name", SUPERNET_METHODS)
def test_methods_search_the_variants_of_darts_or_say_why_not(name: str, space_name: str) -> None:
    if reason := find_method(name).implementation.misplaced(find_space(space_name)):
        with pytest.raises(InputError, match=f"^space '{space_name}' is none for this method: {reason}$"):
            start(name, space_name, seed=0)
        return
    method: Any = start(name, space_name, seed=0, steps=2)
    metrics, architecture = run(method)
    assert all(np.isfinite(value) for step in metrics for value in step.values())
    assert find_space(space_name).parse(str(architecture)) == architecture


def test_mutation_changes_exactly_one_edge() -> None:
    space, generator = TopologySpace(), np.random.default_rng(0)
    for _ in range(200):
        parent = space.sample(generator)
        child = space.mutate(parent, generator)
        assert sum(p != c for p, c in zip(parent.operations, child.operations, strict=True)) == 1
        assert child in space.neighbours(parent)

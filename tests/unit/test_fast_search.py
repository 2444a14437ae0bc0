"""A search on the fast supernets takes the steps that it takes on the plain ones, and ends with the same cell."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from harness.compilation import compilation_notes
from harness.experiment import RunSpec
from harness.experiment_file import make_experiment
from methods import DifferentiableMethod, Task, find_method, list_methods
from spaces.darts.space import DartsSpace
from spaces.space import Batch, Space
from spaces.topology.space import TopologySpace
from spaces.topology.supernet import MixedCell, executed
from tests.short_searches import short_settings
from tests.unit.plain_spaces import PlainDartsSpace, PlainTopologySpace

SIZES = {"topology": {"channels": 3, "cells_per_stage": 1}, "darts-cnn": {"channels": 2, "cells": 3, "nodes": 2}}
DIFFERENTIABLE = [method.name for method in list_methods() if issubclass(method.implementation, DifferentiableMethod)]


@pytest.fixture(autouse=True)
def _double_precision() -> Any:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


class Images:
    """Random images with random labels."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def next(self) -> Batch:
        images = torch.randn(6, 3, 8, 8, generator=self.generator)
        return Batch(images, torch.randint(4, (6,), generator=self.generator))


def start(name: str, space: Space, **settings: Any) -> Any:
    method: Any = find_method(name).implementation()
    method.start(
        Task(
            space=space,
            settings=method.Settings(**short_settings(name, **{"steps": 8, **settings})),
            seed=0,
            device=torch.device("cpu"),
            space_settings=SIZES[space.name],
            classes=4,
            in_channels=3,
            train=Images(1),
            validation=Images(2),
        )
    )
    return method


def searched(method: Any) -> Any:
    losses = []
    while method.progress < 1:
        losses.append(method.step().get("train_loss", 0.0))  # steps of a discretisation may have none
    return losses, [alpha.detach() for alpha in method.alphas], method.architecture()


@pytest.mark.parametrize("name", DIFFERENTIABLE)
@pytest.mark.parametrize(
    ("fast", "plain"), [(TopologySpace, PlainTopologySpace), (DartsSpace, PlainDartsSpace)], ids=["topology", "darts"]
)
def test_a_short_search_ends_where_it_ends_on_the_plain_network(name: str, fast: Any, plain: Any) -> None:
    if reason := find_method(name).implementation.misplaced(plain()):
        pytest.skip(reason)
    settings = {"stage_skip_dropout": (0.0, 0.0)} if name == "p-darts" else {}  # the plain network has none
    losses, alphas, architecture = searched(start(name, fast(), **settings))
    expected_losses, expected_alphas, expected = searched(start(name, plain(), **settings))
    torch.testing.assert_close(losses, expected_losses, rtol=1e-6, atol=0)
    torch.testing.assert_close(alphas, expected_alphas, rtol=1e-5, atol=1e-7)
    assert architecture == expected


@pytest.mark.parametrize("space", [TopologySpace(), DartsSpace()], ids=["topology", "darts"])
@pytest.mark.parametrize("name", ["rarts", "darts-2"])
def test_checkpointed_cells_change_no_bit(name: str, space: Space) -> None:
    kept, again = start(name, space), start(name, space)
    for network in again.update_rule.networks:
        network.checkpoint_cells = True
    assert_same_bits(searched(kept), searched(again))


@pytest.mark.parametrize("space", [TopologySpace(), DartsSpace()], ids=["topology", "darts"])
@pytest.mark.parametrize("jacobi", [False, True])
def test_networks_side_by_side_change_no_bit(space: Space, jacobi: bool) -> None:
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        beside = start("rarts", space, jacobi=jacobi)
        torch.set_num_threads(1)
        alone = start("rarts", space, jacobi=jacobi)
        assert beside.update_rule.side_by_side.pool is not None
        assert alone.update_rule.side_by_side.pool is None
        assert_same_bits(searched(beside), searched(alone))
    finally:
        torch.set_num_threads(threads)


def assert_same_bits(found: Any, expected: Any) -> None:
    torch.testing.assert_close(found[:2], expected[:2], rtol=0, atol=0)
    assert found[2] == expected[2]


@pytest.mark.parametrize("space", [PlainTopologySpace(), PlainDartsSpace()], ids=["topology", "darts"])
def test_the_exact_second_derivative_is_that_of_the_plain_network(space: Any) -> None:
    fast = start("darts-2", space.__class__.__mro__[1](), second_derivative="exact")
    plain = start("darts-2", space, second_derivative="exact")
    train, validation = Images(3).next(), Images(4).next()
    for method in (fast, plain):
        with torch.no_grad():
            method.alphas[0].add_(torch.randn(method.alphas[0].shape, generator=torch.Generator().manual_seed(5)))
    torch.testing.assert_close(
        fast.update_rule.architecture_gradients(train, validation),
        plain.update_rule.architecture_gradients(train, validation),
        rtol=1e-6,
        atol=1e-9,
    )


def test_a_small_finite_difference_agrees_with_the_exact_second_derivative() -> None:
    """On the topology space with a step so small that no activation changes its sign."""
    train, validation = Images(3).next(), Images(4).next()
    exact = start("darts-2", TopologySpace(), second_derivative="exact")
    difference = start("darts-2", TopologySpace(), difference_scale=1e-7)
    found = exact.update_rule.architecture_gradients(train, validation)
    expected = difference.update_rule.architecture_gradients(train, validation)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-8)


def test_compiling_says_which_methods_run_as_without() -> None:
    compiles, notes = compilation_notes(runs(["darts-1", "gdas", "darts-pt", "rsps"]), "cpu")
    if not compiles:
        pytest.skip("torch.compile needs a C++ compiler here")
    assert [note.split()[1] for note in notes] == ["gdas", "darts-pt", "rsps"]
    assert all(note.endswith("runs other operations in other steps; running without it") for note in notes)


def runs(names: list[str]) -> list[RunSpec]:
    content = {"methods": {name: {} for name in names}, "seeds": [0]}
    return make_experiment(content, source="a test").runs(table="")


@pytest.mark.filterwarnings("ignore")  # torch.compile looks at gradients of tensors that have none
def test_a_compiled_cell_computes_what_it_computes_uncompiled() -> None:
    """One cell of the supernet: a whole supernet takes minutes to compile."""
    if not compilation_notes([], "cpu")[0]:
        pytest.skip("torch.compile needs a C++ compiler here")
    network = TopologySpace().supernet(classes=4, in_channels=3, channels=3, cells_per_stage=1)
    network.compile_cells()
    cell = next(module for module in network.modules() if isinstance(module, MixedCell))
    features = torch.randn(2, 3, 8, 8, requires_grad=True)
    mixture = torch.rand(6, 5, requires_grad=True)
    plan = executed(*network.active([mixture]))
    inputs = [features, mixture, *cell.parameters()]

    def differentiated(run: Callable[..., Tensor]) -> Any:
        output = run(features, [edge.unbind() for edge in mixture.unbind()], plan)
        return output, torch.autograd.grad(output.square().sum(), inputs, allow_unused=True)

    calls = torch._dynamo.utils.counters["stats"]["calls_captured"]
    torch.testing.assert_close(differentiated(cell), differentiated(cell.forward))
    assert torch._dynamo.utils.counters["stats"]["calls_captured"] > calls

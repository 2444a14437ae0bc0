"""SparseNAS' update rules and discretisation: steps against the equations, groups, supports, pruned operations."""

import copy
from typing import Any

import numpy as np
import pytest
import torch

from methods import Task
from methods.first_order import FirstOrder
from methods.hapg import AdamHapg, Hapg
from methods.parts import Parts
from methods.registry import compose
from methods.relaxation import Identity, Softmax
from methods.support import KeepSupport
from spaces.darts.cell import edges
from spaces.darts.mixed_path import MixedPathSpace
from spaces.space import Batch
from spaces.topology.space import TopologySpace
from tests.unit.tiny_supernet import start_tiny

RULES = pytest.mark.parametrize("rule", [Hapg, AdamHapg])


class Images:
    """Random images with random labels."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def next(self) -> Batch:
        return Batch(torch.randn(4, 1, 8, 8, generator=self.generator), torch.arange(4) % 3)

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.generator.set_state(state["generator"])


def make(rule: Any) -> type:
    return compose("sparse", Parts(Identity, rule, discretisation=KeepSupport))


def start(rule: Any, space: Any = None, **settings: Any) -> Any:
    """A search for small cells on random images."""
    method: Any = make(rule)()
    sizes = {"cells": 3, "nodes": 2} if space is None else {"cells_per_stage": 1}
    method.start(
        Task(
            space=space or MixedPathSpace(),
            settings=method.Settings(**{"steps": 8, "alpha_learning_rate": 0.02, **settings}),
            seed=0,
            device=torch.device("cpu"),
            space_settings={"channels": 2, **sizes},
            classes=3,
            in_channels=1,
            train=Images(1),
            validation=Images(2),
        )
    )
    return method


@RULES
def test_steps_are_the_papers_on_second_order_gradients(rule: Any) -> None:
    """On a space without nodes, where every row of alpha (2, 3) is a group."""
    rate, strength, mixing = 0.3, 6.0, 0.4
    settings = {
        "steps": 6, "alpha_learning_rate": rate, "sparsity_strength": strength, "sparsity_mixing": mixing,
        "alpha_beta1": 0.5, "alpha_beta2": 0.9,
    }  # fmt: skip
    method, twin = start_tiny(make(rule), **settings), start_tiny(make(rule), **settings)
    values = method.alphas[0].detach().numpy().copy()
    mean, square, before = np.zeros((2, 3)), np.zeros((2, 3)), values
    for t in range(1, 7):
        train, validation = twin.task.train.next(), twin.task.validation.next()
        _, of_weights = twin.update_rule.weight_gradients(twin.network, train)
        twin.update_rule.set_weight_learning_rate(twin.schedule.weight_learning_rate(t - 1))
        twin.update_rule.move_weights(0, of_weights)
        gradient = twin.update_rule.architecture_gradients(train, validation)[1][0].numpy()
        mean, square = 0.5 * mean + 0.5 * gradient, 0.9 * square + 0.1 * gradient**2
        steps = rate / (np.sqrt(square / (1 - 0.9**t)) + 1e-8) if rule is AdamHapg else np.full((2, 3), rate)
        z = values - steps * (mean / (1 - 0.5**t) if rule is AdamHapg else gradient)
        thresholds = steps * strength * (t - 1) / 6
        shrunk = np.sign(z) * np.maximum(np.abs(z) - mixing * thresholds, 0)
        limits = 3**0.5 * (1 - mixing) * np.median(thresholds, axis=1)
        norms = np.maximum(np.linalg.norm(shrunk, axis=1), 1e-300)
        proximal = np.maximum(1 - limits / norms, 0)[:, None] * shrunk
        values, before = proximal + (t - 2) / (t + 1) * (proximal - before), proximal
        method.step()
        np.testing.assert_allclose(method.alphas[0].detach().numpy(), values, rtol=1e-7, atol=1e-10)
        with torch.no_grad():
            twin.alphas[0].copy_(method.alphas[0])


@RULES
def test_groups_are_what_enters_one_node(rule: Any) -> None:
    method = start(rule)
    for alpha, kept in zip(method.alphas, method.update_rule.alpha_optimiser._groups.values(), strict=True):
        assert kept.sizes.tolist() == [2 * 7, 3 * 7]
        expected = torch.tensor([target - 2 for target, _ in edges(2)])[:, None].expand(alpha.shape)
        assert torch.equal(kept.of, expected)


@pytest.mark.parametrize(("rule", "steps", "strength"), [(Hapg, 12, 2.0), (AdamHapg, 8, 0.5)])
def test_a_search_keeps_what_is_not_pruned(rule: Any, steps: int, strength: float) -> None:
    penalty = {"sparsity_strength": strength, "sparsity_mixing": 0.9}
    method = start(rule, steps=steps, alpha_learning_rate=0.01, **penalty)
    found = []
    while method.progress < 1:
        found.append(method.step()["pruned_ratio"])
    left = [alpha.detach().ne(0) for alpha in method.alphas]
    assert found[0] == 0
    assert found[-1] == pytest.approx(1 - torch.cat(left).double().mean().item())
    assert 0 < found[-1] < 1
    assert method.architecture() == MixedPathSpace().discretise([mask.double() for mask in left])


def test_the_norm_of_groups_prunes_whole_nodes() -> None:
    method = start(Hapg, steps=30, sparsity_mixing=0.0, sparsity_strength=2.0, alpha_learning_rate=0.01)
    while method.progress < 1:
        method.step()
    groups = method.update_rule.alpha_optimiser._groups.values()
    for alpha, kept in zip(method.alphas, groups, strict=True):
        for label in range(len(kept.sizes)):
            of_group = alpha.detach()[kept.of == label]
            assert of_group.eq(0).all() or of_group.ne(0).all()
    assert any(alpha.detach().eq(0).any() for alpha in method.alphas)


@RULES
def test_a_search_goes_on_bit_for_bit(rule: Any) -> None:
    kept, again = start(rule), start(rule)
    for _ in range(4):
        kept.step()
    again.load_state_dict(copy.deepcopy(kept.state_dict()))
    while kept.progress < 1:
        assert kept.step() == again.step()
    for ours, theirs in zip(kept.alphas, again.alphas, strict=True):
        assert torch.equal(ours, theirs)


def test_a_pruned_operation_has_the_gradient_of_its_weight() -> None:
    """Against a central difference, with the weights of the network held."""
    torch.set_default_dtype(torch.float64)
    try:
        method = start(Hapg, TopologySpace())
        batch = Batch(torch.randn(4, 1, 8, 8), torch.arange(4) % 3)
        alpha, rule = method.alphas[0], method.update_rule

        def loss(value: float) -> float:
            with torch.no_grad():
                alpha[0, 3] = value
            return rule.alpha_gradients(method.network, batch)[0].item()

        with torch.no_grad():
            alpha.add_(0.3)
        expected = (loss(1e-6) - loss(-1e-6)) / 2e-6
        loss(0.0)
        found = rule.alpha_gradients(method.network, batch)[1][0][0, 3].item()
        assert found == pytest.approx(expected, rel=1e-5)
        assert abs(found) > 1e-6
    finally:
        torch.set_default_dtype(torch.float32)


def test_where_an_edge_has_one_operation_the_largest_weight_is_kept() -> None:
    scores = torch.zeros(6, 5)
    scores[0] = torch.tensor([9.0, 0.2, 0.1, -0.3, 0.0])
    scores[1] = torch.tensor([9.0, 0.0, 0.0, 0.0, 0.0])
    scores[2, 4] = -1e-9
    found = KeepSupport(KeepSupport.Settings())(TopologySpace(), [scores])
    assert found.operations == ("nor_conv_3x3", "none", "avg_pool_3x3", "none", "none", "none")


def test_weights_of_a_softmax_are_refused() -> None:
    assert "HAPG prunes" in Parts(Softmax, Hapg).misfits()[0]
    assert "can be exactly zero" in Parts(Softmax, FirstOrder, discretisation=KeepSupport).misfits()[0]
    assert not Parts(Identity, AdamHapg, discretisation=KeepSupport).misfits()

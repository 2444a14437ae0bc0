"""What methods do over the course of a search: P-DARTS' stages, DARTS+'s stop, DARTS-PT's decisions, one level."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from methods import Task, find_method
from methods.p_darts import SkipLimit
from spaces import Batch
from spaces.darts.noise import dropout
from spaces.darts.space import DartsSpace
from spaces.errors import InputError
from spaces.topology.space import TopologySpace
from tests.short_searches import short_settings

NETWORKS: dict[str, dict[str, int]] = {
    "darts-cnn": {"channels": 2, "cells": 2, "nodes": 2},
    "topology": {"channels": 2, "cells_per_stage": 1},
}


class Images:
    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def next(self) -> Batch:
        images = torch.randn(4, 1, 8, 8, generator=self.generator)
        return Batch(images, torch.randint(3, (4,), generator=self.generator))


def start(name: str, space: Any, **settings: Any) -> Any:
    method: Any = find_method(name).implementation()
    method.start(
        Task(
            space=space, settings=method.Settings(**short_settings(name, **settings)), seed=0,
            device=torch.device("cpu"), space_settings=NETWORKS[space.name], classes=3, in_channels=1,
            train=Images(0), validation=Images(1),
        )
    )  # fmt: skip
    return method


class TestPDarts:
    def test_stages_have_more_cells_and_fewer_operations(self) -> None:
        method = start("p-darts", DartsSpace(), steps=6, stage_cells=(1, 2, 3), stage_operations=(8, 5, 3),
                       stage_skip_dropout=(0.0, 0.4, 0.7), stage_warmup=0.0, alpha_learning_rate=0.5)  # fmt: skip
        seen = []
        while method.progress < 1:
            left = {int(kept) for score in method.scores() for kept in (score > 0).sum(-1)}
            seen.append((len(method.network.cells), left))
            method.step()
        assert seen == [(1, {8}), (1, {8}), (2, {5}), (2, {5}), (3, {3}), (3, {3})]

    def test_each_stage_keeps_what_alpha_ranked_highest(self) -> None:
        method = start("p-darts", DartsSpace(), steps=4, stage_warmup=0.9)  # alpha never moves
        chosen = torch.stack([torch.randperm(8, generator=torch.Generator().manual_seed(row)) for row in range(5)])
        with torch.no_grad():
            for alpha in method.alphas:
                alpha.copy_(chosen.float())
        method.step()
        method.step()
        for score in method.scores():
            assert torch.equal(score > 0, chosen >= 5)  # three of eight

    def test_learning_rate_and_warmup_begin_anew_in_every_stage(self) -> None:
        schedule = start("p-darts", DartsSpace(), steps=20, stage_cells=(1, 2), stage_warmup=0.4).schedule
        assert [schedule.weight_learning_rate(step) for step in (0, 10)] == [0.025, 0.025]
        assert schedule.weight_learning_rate(5) == pytest.approx(0.0125)  # half of a cosine that ends at zero
        assert [step for step in range(20) if schedule.alpha_moves(step)] == [*range(4, 10), *range(14, 20)]

    def test_dropout_of_skips_falls_in_every_stage(self) -> None:
        method = start("p-darts", DartsSpace(), steps=8, stage_skip_dropout=(0.2, 0.6))
        shares = []
        while method.progress < 1:
            method.step()
            shares.append(method.network.skip_dropout)
        expected = [0.2 * np.exp(-5 * k / 4) for k in range(4)] + [0.6 * np.exp(-5 * k / 4) for k in range(4)]
        # After the last step of the first stage, the second stage's network is there, its dropout not yet set.
        assert [*shares[:3], *shares[4:]] == pytest.approx([*expected[:3], *expected[4:]])

    def test_dropout_keeps_the_mean_and_depends_on_its_key_alone(self) -> None:
        ones = torch.ones(50, 8, 10, 10)
        dropped = dropout(ones, 0.3, (1, 2, 3))
        assert sorted(dropped.unique().tolist()) == pytest.approx([0.0, 1 / 0.7])
        assert float(dropped.eq(0).float().mean()) == pytest.approx(0.3, abs=5 * (0.21 / 40_000) ** 0.5)
        assert torch.equal(dropped, dropout(ones, 0.3, (1, 2, 3)))
        assert not torch.equal(dropped, dropout(ones, 0.3, (1, 2, 4)))

    def test_skips_beyond_the_limit_give_way_weakest_first(self) -> None:
        scores = torch.full((6, 5), 0.1)
        scores[:, 1] = torch.tensor([0.9, 0.5, 0.8, 0.6, 0.7, 0.4])  # skips everywhere, by strength
        scores[:, 3] = 0.2
        found = SkipLimit(SkipLimit.Settings(most_skips=2))(TopologySpace(), [scores])
        skip, convolution = "skip_connect", "nor_conv_3x3"
        assert found.operations == (skip, convolution, skip, convolution, convolution, convolution)

    def test_a_value_is_missing_for_a_stage(self) -> None:
        with pytest.raises(ValueError, match="a value for every stage"):
            find_method("p-darts").implementation.Settings(stage_cells=(5, 11))

    def test_topology_is_refused(self) -> None:
        with pytest.raises(InputError, match="its supernet has no number of cells to grow"):
            start("p-darts", TopologySpace())


class TestDartsPlus:
    def test_stops_at_the_first_question_after_two_skips(self) -> None:
        method = start("darts-plus", TopologySpace(), steps=30, epoch_steps=5, warmup_steps=0, alpha_learning_rate=1e-6)
        for _ in range(12):
            method.step()
        assert method.progress == 12 / 30
        with torch.no_grad():
            method.alphas[0][[0, 3], 1] = 5.0
        while method.progress < 1:
            method.step()
        assert method.steps_done == 15
        assert method.architecture().operations.count("skip_connect") >= 2

    def test_stops_when_the_ranking_has_stood_still(self) -> None:
        method = start("darts-plus", TopologySpace(), steps=90, epoch_steps=2, warmup_steps=0, stopping="ranking",
                       stable_epochs=3, alpha_learning_rate=1e-9)  # fmt: skip
        while method.progress < 1:
            method.step()
        assert method.steps_done == 2 * (1 + 3)  # one question to know the ranking, three that find it again


class TestDartsPt:
    def test_every_edge_keeps_what_costs_most_to_remove(self) -> None:
        """The first decision, computed here from the supernet's errors without each operation."""
        method = start("darts-pt", TopologySpace(), steps=2, tuning_steps=0, perturbation_batches=2)
        method.step()
        method.step()
        (scores,) = method.scores()
        batches = [method.task.validation.next() for _ in range(2)]
        errors = np.zeros((6, 5))
        for edge in range(6):
            for operation in range(5):
                mixture = scores.clone()
                mixture[edge, operation] = 0
                wrong = sum(int(method.network.errors(batch, [mixture])) for batch in batches)
                errors[edge, operation] = 100 * wrong / 8
        method.task.validation.next = iter(batches).__next__
        metrics = method.step()
        edge = int(metrics["decided_edge"])
        (allowed,) = method.relaxation.allowed
        assert allowed.sum(1).tolist() == [1 if row == edge else 5 for row in range(6)]
        assert int(allowed[edge].float().argmax()) == int(errors[edge].argmax())
        assert metrics["one_shot_error_without"] == errors[edge].max()

    def test_all_edges_are_decided_once_and_weights_alone_are_tuned_between(self) -> None:
        method = start("darts-pt", DartsSpace(), steps=2, tuning_steps=2, perturbation_batches=1)
        decided = []
        before: list[Tensor] = []
        while method.progress < 1:
            metrics = method.step()
            if method.steps_done == 2:
                before = [alpha.detach().clone() for alpha in method.alphas]
            decided += [metrics["decided_edge"]] if "decided_edge" in metrics else []
        assert sorted(decided) == list(range(10))  # two cells of five edges
        assert method.steps_done == 2 + 10 * 3 + 1
        assert all(torch.equal(old, new.detach()) for old, new in zip(before, method.alphas, strict=True))
        names = method.task.space.operation_names
        for mask, chosen in zip(
            method.relaxation.allowed, method.task.space.chosen(method.architecture()), strict=True
        ):
            assert mask.sum(1).eq(1).all()
            assert not mask[:, names.index("none")].any()
            assert ((chosen > 0) <= mask.numpy()).all()


def test_one_level_moves_weights_and_alpha_along_the_mean_of_both_halves() -> None:
    method = start("one-level", TopologySpace(), momentum=0.0, nesterov=False, weight_decay=0.0, gradient_clip=1e9,
                   alpha_optimiser="sgd", alpha_weight_decay=0.0, warmup_steps=0)  # fmt: skip
    batches = [Images(0).next(), Images(1).next()]
    weights = list(method.network.parameters())
    loss = sum(method.network.loss(batch, [torch.softmax(method.alphas[0], -1)]) for batch in batches) / 2
    expected = torch.autograd.grad(loss, [*weights, method.alphas[0]])
    before = [value.detach().clone() for value in (*weights, method.alphas[0])]
    method.step()
    rates = [0.025] * len(weights) + [0.05]
    for old, new, gradient, rate in zip(before, [*weights, method.alphas[0]], expected, rates, strict=True):
        torch.testing.assert_close(new.detach(), old - rate * gradient, rtol=1e-4, atol=1e-6)


def test_linear_weights_start_with_equal_shares() -> None:
    method = start("sparsenas", TopologySpace())
    alpha = method.alphas[0].detach()
    torch.testing.assert_close(alpha.mean(-1), torch.full((6,), 0.2))
    assert (alpha - 0.2).abs().max() < 0.01

"""REINFORCE, TPE and local search against closed forms, Optuna itself and a landscape whose optima are known."""

import itertools
from typing import Any

import numpy as np
import optuna
import pytest
import torch

from methods import Task
from methods.local_search import LocalSearch
from methods.reinforce import Reinforce
from methods.sample_based import SampleBasedMethod
from methods.tpe import Tpe
from spaces.topology.architecture import OPERATIONS, TopologyArchitecture
from spaces.topology.space import TopologySpace


class Landscape:
    """An invented objective: 10 simulated seconds an evaluation."""

    def __init__(self, values: dict[str, float]) -> None:
        self.values = values
        self.asked: list[TopologyArchitecture] = []

    def evaluate(self, architecture: TopologyArchitecture) -> tuple[float, float]:
        self.asked.append(architecture)
        return 50.0 + sum(self.values[name] for name in architecture.operations), 10.0


SEPARABLE = {"none": 5.0, "skip_connect": 2.0, "nor_conv_1x1": -1.0, "nor_conv_3x3": -3.0, "avg_pool_3x3": 1.0}


class TwoOptima:
    """The share of 3x3 convolutions decides, but all poolings are a local optimum of their own."""

    def evaluate(self, architecture: TopologyArchitecture) -> tuple[float, float]:
        convolutions = architecture.operations.count("nor_conv_3x3")
        poolings = architecture.operations.count("avg_pool_3x3")
        return min(60.0 - 9 * convolutions, 40.0 - 3 * poolings), 10.0


def start(implementation: type[SampleBasedMethod], objective: Any, *, seed: int = 0, **settings: Any) -> Any:
    method = implementation()
    chosen = implementation.Settings(**{"time_budget": None, "evaluations": 100, **settings})
    method.start(
        Task(
            space=TopologySpace(), settings=chosen, seed=seed, device=torch.device("cpu"), space_settings={},
            objective=objective,
        )
    )  # fmt: skip
    return method


def run(method: Any) -> Any:
    while method.progress < 1:
        method.step()
    return method


class TestReinforce:
    def test_gradient_is_that_of_the_log_softmax_times_the_advantage(self) -> None:
        method = start(Reinforce, Landscape(SEPARABLE))
        picks = [0, 3, 1, 4, 2, 3]
        method.policy_loss(picks, advantage=2.5).backward()
        for logits, pick in zip(method.theta, picks, strict=True):
            expected = 2.5 * (torch.softmax(logits.detach(), 0) - torch.eye(5)[pick])
            torch.testing.assert_close(logits.grad, expected)

    def test_expected_gradient_is_the_gradient_of_the_expected_reward(self) -> None:
        method = start(Reinforce, Landscape(SEPARABLE))
        method.theta = [torch.randn(options, dtype=torch.float64).requires_grad_() for options in (2, 3, 2)]
        rewards = torch.randn(2, 3, 2, dtype=torch.float64)
        first, second, third = (logits.softmax(0) for logits in method.theta)
        expected = torch.autograd.grad(torch.einsum("i,j,k,ijk->", first, second, third, rewards), method.theta)
        loss = sum(
            (first[i] * second[j] * third[k]).detach()
            * method.policy_loss([i, j, k], advantage=rewards[i, j, k].item() - 7.0)
            for i, j, k in itertools.product(range(2), range(3), range(2))
        )
        found = torch.autograd.grad(loss, method.theta)
        for own, other in zip(found, expected, strict=True):
            torch.testing.assert_close(own, -other)

    def test_policy_is_sampled_as_its_probabilities_say(self) -> None:
        method = start(Reinforce, Landscape(SEPARABLE))
        method.theta = [torch.tensor([0.0, 1.0, -1.0, 0.5, 2.0]).requires_grad_() for _ in range(6)]
        generator, draws = np.random.default_rng(0), []
        for _ in range(3000):
            method.propose(generator)
            draws.append(method.picks)
        found = np.stack([(np.array(draws) == option).mean(0) for option in range(5)])
        expected = torch.softmax(method.theta[0].detach(), 0).numpy()[:, None]
        assert np.abs(found - expected).max() < 5 * np.sqrt(0.25 / 3000)

    def test_baseline_is_the_bias_corrected_moving_average(self) -> None:
        method = run(start(Reinforce, Landscape(SEPARABLE), evaluations=7))
        rewards = 100 - np.array([error for _, error in method.history])
        weights = 0.9 ** np.arange(len(rewards))[::-1]
        assert method.average / method.weight == pytest.approx(np.average(rewards, weights=weights))

    def test_policy_learns_the_better_operations(self) -> None:
        method = run(start(Reinforce, Landscape(SEPARABLE), evaluations=600))
        best = OPERATIONS.index("nor_conv_3x3")
        assert sum(int(logits.argmax()) == best for logits in method.theta) >= 4
        errors = np.array([error for _, error in method.history])
        assert errors[-100:].mean() < errors[:100].mean() - 5


class TestTpe:
    def test_suggestions_are_optunas_own(self) -> None:
        method = run(start(Tpe, Landscape(SEPARABLE), seed=3, evaluations=40))
        generator = np.random.default_rng(3)
        study = optuna.create_study(direction="minimize")
        landscape = Landscape(SEPARABLE)
        for architecture, error in method.history:
            study.sampler = optuna.samplers.TPESampler(seed=int(generator.integers(2**32)))
            trial = study.ask()
            operations = [OPERATIONS[trial.suggest_categorical(f"choice_{edge:03d}", range(5))] for edge in range(6)]
            assert TopologyArchitecture(tuple(operations)) == architecture
            assert landscape.evaluate(architecture)[0] == error
            study.tell(trial, error)

    def test_does_better_than_its_own_startup_samples(self) -> None:
        errors = np.array([error for _, error in run(start(Tpe, Landscape(SEPARABLE), evaluations=80)).history])
        assert errors[40:].mean() < errors[:10].mean() - 5


class TestLocalSearch:
    @pytest.mark.parametrize("move_to", ["best", "first"])
    def test_ends_in_the_optimum_of_a_landscape_with_one(self, move_to: str) -> None:
        for seed in range(5):
            method = run(start(LocalSearch, Landscape(SEPARABLE), seed=seed, evaluations=150, move_to=move_to))
            assert method.architecture() == TopologyArchitecture(("nor_conv_3x3",) * 6)

    @pytest.mark.parametrize("move_to", ["best", "first"])
    def test_stops_at_local_optima_and_starts_again(self, move_to: str) -> None:
        left = []

        class Watched(LocalSearch):
            def _restart(self) -> None:
                left.append(self.centre)
                super()._restart()

        run(start(Watched, TwoOptima(), evaluations=1000, move_to=move_to))
        error = {centre: TwoOptima().evaluate(centre)[0] for centre in left}
        for centre in left:
            assert all(TwoOptima().evaluate(near)[0] >= error[centre] for near in TopologySpace().neighbours(centre))
        assert len(left) >= 2
        assert min(error.values()) == 6.0

    def test_moves_to_the_best_of_all_neighbours(self) -> None:
        landscape = Landscape(SEPARABLE)
        method = start(LocalSearch, landscape, evaluations=25)
        method.step()
        centre = method.centre
        while method.progress < 1:
            assert method.centre == centre
            method.step()
        neighbours = TopologySpace().neighbours(centre)
        assert set(landscape.asked) == {centre, *neighbours}
        assert method.centre == min(neighbours, key=lambda near: Landscape(SEPARABLE).evaluate(near)[0])

    def test_pays_for_no_neighbour_twice(self) -> None:
        landscape = Landscape(SEPARABLE)
        method = start(LocalSearch, landscape, evaluations=120)
        while method.progress < 1:
            searching = method.centre is not None
            method.step()
            assert not searching or landscape.asked[-1] not in landscape.asked[:-1]

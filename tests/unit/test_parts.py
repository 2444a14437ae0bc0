"""The formula that makes each part itself, against closed forms, enumeration, scipy or finite differences."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from methods import Task, find_method
from methods.beta_darts import BetaDecay
from methods.drnas import Dirichlet, DirichletAnchor
from methods.fair_darts import Sigmoid, Threshold, ZeroOne
from methods.pr_darts import GroupSparsity, HardConcrete, PathDepth
from methods.proxylessnas import TwoPath
from methods.relaxation import GumbelSoftmax
from methods.smooth_darts import SmoothedSoftmax
from spaces.darts.space import DartsSpace
from spaces.topology.space import TopologySpace
from tests.unit.one_shot_searches import start

DRAWS = 40_000
ROW = torch.tensor([0.4, -1.0, 1.5, 0.0, -0.3], dtype=torch.float64)


def make(part: Any, **settings: Any) -> Any:
    return part(part.Settings(**settings), torch.Generator().manual_seed(0))


def penalty(part: Any, space: Any, **settings: Any) -> Any:
    task = Task(space=space, settings=None, seed=0, device=torch.device("cpu"), space_settings={})
    return part(part.Settings(**settings), task)


def within_noise(samples: Tensor, expected: Tensor) -> None:
    """Means of independent samples, five standard errors wide, and five samples for what never happened."""
    error = samples.std(0) / len(samples) ** 0.5
    assert ((samples.mean(0) - expected).abs() <= 5 * error + 5 / len(samples)).all()


class TestHardConcrete:
    @pytest.mark.parametrize("temperature", [10.0, 1.0, 0.1])
    def test_activation_probability_is_how_often_gates_are_not_zero(self, temperature: float) -> None:
        """PR-DARTS, Theorem 3."""
        gates = make(HardConcrete, temperature_start=temperature, temperature_end=temperature, sampled_operations=0)
        sample = gates.mixture(ROW.expand(DRAWS, 5))
        within_noise((sample != 0).double(), gates.preference(ROW))
        within_noise((sample == 1).double(), torch.sigmoid(ROW - temperature * math.log(11)))  # the mirror image

    def test_distribution_is_that_of_the_paper(self) -> None:
        """P(g <= x) = sigmoid(tau logit((x - a) / (b - a)) - alpha) for 0 < x < 1."""
        gates = make(HardConcrete, temperature_start=2.0, temperature_end=2.0, sampled_operations=0)
        sample = gates.mixture(ROW[:1].expand(DRAWS, 1))
        for x in (0.1, 0.5, 0.9):
            expected = torch.sigmoid(2.0 * torch.logit(torch.tensor((x + 0.1) / 1.2, dtype=torch.float64)) - ROW[0])
            within_noise((sample[:, 0] <= x).double(), expected)

    def test_two_operations_of_every_edge_take_part(self) -> None:
        gates = make(HardConcrete, temperature_start=10.0, temperature_end=10.0)
        sample = gates.mixture((ROW + 50).expand(DRAWS, 5))
        assert set((sample != 0).sum(1).tolist()) == {2}
        within_noise((sample != 0).double(), torch.full((5,), 0.4, dtype=torch.float64))


class TestTwoPath:
    def test_weight_steps_run_one_path_drawn_by_its_probability(self) -> None:
        sampler = make(TwoPath)
        (sample,) = sampler([ROW.expand(DRAWS, 5)], for_alpha=False)
        assert set(sample.unique().tolist()) == {0.0, 1.0}
        within_noise(sample, torch.softmax(ROW, 0))

    def test_alpha_steps_run_two_paths_of_which_one_counts(self) -> None:
        sampler = make(TwoPath)
        (sample,) = sampler([ROW.expand(DRAWS, 5)])
        assert set((sample != 0).sum(1).tolist()) == {2}
        assert torch.equal(sample.sum(1), torch.ones(DRAWS, dtype=torch.float64))

    def test_expected_gradient_is_that_over_all_pairs(self) -> None:
        """E[dL/da] for L = <v, gates>: enumerate the ordered pairs drawn without replacement."""
        values = torch.tensor([1.0, -2.0, 0.5, 3.0, -1.0], dtype=torch.float64)
        p = torch.softmax(ROW, 0)
        expected = torch.zeros(5, dtype=torch.float64)
        for i in range(5):
            for j in range(5):
                if i == j:
                    continue
                probability = p[i] * p[j] / (1 - p[i])
                pair = torch.tensor([i, j])
                q = torch.softmax(ROW[pair], 0)
                expected[pair] += probability * q * (values[pair] - (q * values[pair]).sum())
        alpha = ROW.expand(DRAWS, 5).clone().requires_grad_()
        (sample,) = make(TwoPath)([alpha])
        (found,) = torch.autograd.grad((sample * values).sum(), alpha)
        within_noise(found, expected)

    @pytest.mark.parametrize("optimiser", ["adam", "sgd"])
    def test_operations_that_were_not_sampled_keep_their_probabilities(self, optimiser: str) -> None:
        """ProxylessNAS, Section 3.2.1: of the two sampled paths one is enhanced and the other one attenuated."""
        method = start("proxylessnas", alpha_optimiser=optimiser, alpha_learning_rate=0.3)
        for _ in range(4):
            before = [torch.softmax(alpha.detach(), -1) for alpha in method.alphas]
            method.step()
            for alpha, was in zip(method.alphas, before, strict=True):
                change = torch.softmax(alpha.detach(), -1) - was
                moved = (change.abs() > 1e-6).sum(-1).tolist()
                assert 2 in moved
                assert set(moved) <= {0, 2}  # an edge into a node that is cut off has no gradient
                torch.testing.assert_close(change.sum(-1), torch.zeros(len(change)), atol=1e-6, rtol=0)


class TestDirichlet:
    def test_mean_and_variance_are_the_distributions(self) -> None:
        sampler = make(Dirichlet)
        sample = sampler.mixture(ROW.expand(DRAWS, 5))
        concentration = np.where(ROW > 0, ROW + 1, np.exp(ROW.numpy()))
        reference = stats.dirichlet(concentration)
        within_noise(sample, torch.from_numpy(reference.mean()))
        np.testing.assert_allclose(sample.var(0), reference.var(), rtol=0.05)
        torch.testing.assert_close(sampler.preference(ROW), torch.from_numpy(reference.mean()))

    def test_same_generator_gives_the_same_sample_and_leaves_the_global_one_alone(self) -> None:
        torch.manual_seed(5)
        expected = torch.rand(3)
        torch.manual_seed(5)
        first = make(Dirichlet).mixture(ROW.expand(2, 5))
        assert torch.equal(torch.rand(3), expected)
        assert torch.equal(first, make(Dirichlet).mixture(ROW.expand(2, 5)))

    def test_gradient_is_that_of_the_mean(self) -> None:
        weights = torch.tensor([1.0, 2.0, -1.0, 0.0, 4.0], dtype=torch.float64)
        alpha = ROW.expand(DRAWS, 5).clone().requires_grad_()
        sampler = make(Dirichlet)
        (found,) = torch.autograd.grad((sampler.mixture(alpha) * weights).sum(), alpha)
        one = ROW.clone().requires_grad_()
        (expected,) = torch.autograd.grad((sampler.preference(one) * weights).sum(), one)
        within_noise(found, expected)

    def test_anchor_is_the_divergence_from_the_uniform_dirichlet(self) -> None:
        """KL(Dir(c) || Dir(1)) = -h(Dir(c)) - ln B(1) = -h(Dir(c)) - ln (n - 1)! with the sign of the logarithm."""
        concentration = np.where(ROW > 0, ROW + 1, np.exp(ROW.numpy()))
        expected = -stats.dirichlet(concentration).entropy() - math.log(math.factorial(4))
        alpha = ROW.expand(3, 5)
        found = penalty(DirichletAnchor, TopologySpace(), dirichlet_anchor=0.5)([alpha], [])
        assert float(found) == pytest.approx(0.5 * 3 * expected)


class TestSmoothedSoftmax:
    def test_only_weight_steps_are_perturbed_and_within_epsilon(self) -> None:
        relaxation = make(SmoothedSoftmax, epsilon_start=0.0, epsilon_end=0.2)
        relaxation.progress = 0.5
        exact = torch.softmax(ROW, 0)
        (of_alpha,) = relaxation([ROW.expand(DRAWS, 5)])
        torch.testing.assert_close(of_alpha, exact.expand(DRAWS, 5))
        (of_weights,) = relaxation([ROW.expand(DRAWS, 5)], for_alpha=False)
        moved = of_weights - exact
        inside = exact > 0.1
        assert moved.abs().max() <= 0.1
        assert stats.kstest(moved[:, inside][:, 0].numpy(), stats.uniform(-0.1, 0.2).cdf).pvalue > 1e-3
        assert of_weights.min() == 0


class TestGumbelSoftmax:
    def test_coldest_samples_are_the_categorical_distribution(self) -> None:
        sampler = make(GumbelSoftmax, temperature_start=1e-4, temperature_end=1e-4)
        within_noise(sampler.mixture(ROW.expand(DRAWS, 5)), torch.softmax(ROW, 0))


class TestRegularisers:
    def test_zero_one_loss(self) -> None:
        """FairDARTS, Eq. 7: lowest where every sigmoid is zero or one, zero where all are one half."""
        loss = penalty(ZeroOne, TopologySpace(), zero_one=10.0)
        alphas = [torch.zeros(2, 3, dtype=torch.float64)]
        assert float(loss(alphas, [torch.sigmoid(alphas[0])])) == 0
        extreme = torch.tensor([[0.0, 1.0, 1.0], [1.0, 0.0, 0.0]])
        assert float(loss(alphas, [extreme])) == pytest.approx(-2.5)
        p = torch.rand(2, 3)
        assert float(loss(alphas, [p])) == pytest.approx(-10 * sum((x - 0.5) ** 2 for x in p.flatten().tolist()) / 6)

    def test_path_depth_is_the_product_along_the_chain(self) -> None:
        """PR-DARTS, Eq. 8 on the topology cell: 0 -> 1 -> 2 -> 3 by convolutions."""
        p = torch.rand(6, 5, dtype=torch.float64)
        expected = -0.005 * math.prod(float(p[row, 2] + p[row, 3]) for row in (0, 2, 5))
        assert float(penalty(PathDepth, TopologySpace())([p], [p])) == pytest.approx(expected)

    def test_path_depth_starts_at_the_previous_cells_output(self) -> None:
        """PR-DARTS, Section 5: in DARTS' cells the chain is 1 -> 2 -> 3 -> 4 -> 5; one product a cell."""
        p = [torch.rand(14, 8, dtype=torch.float64) for _ in range(2)]
        rows = {2: 1, 3: 4, 4: 8, 5: 13}  # (target, its row of the edge from the node before)
        expected = -0.01 * sum(math.prod(float(cell[row, 4:].sum()) for row in rows.values()) for cell in p)
        assert float(penalty(PathDepth, DartsSpace(), path_depth=0.01)(p, p)) == pytest.approx(expected)

    def test_group_sparsity(self) -> None:
        p = torch.rand(6, 5, dtype=torch.float64)
        found = penalty(GroupSparsity, TopologySpace(), skip_sparsity=2.0, other_sparsity=3.0)([p], [p])
        others = p[:, [0, 2, 3, 4]]
        assert float(found) == pytest.approx(float(2 * p[:, 1].mean() + 3 * others.sum() / (6 * 4)))

    def test_beta_decay_rises_from_zero(self) -> None:
        loss = penalty(BetaDecay, TopologySpace(), beta_decay=50.0)
        alpha = ROW.expand(6, 5)
        assert float(loss([alpha], [])) == 0
        loss.progress = 0.5
        assert float(loss([alpha], [])) == pytest.approx(25 * math.log(sum(map(math.exp, ROW.tolist()))))


class TestThreshold:
    def test_keeps_what_is_above_and_at_most_two_edges_a_node(self) -> None:
        scores = [torch.full((14, 8), 0.3) for _ in range(2)]
        for row, operation, value in [
            (0, 4, 0.9),
            (1, 3, 0.86),
            (2, 5, 0.99),
            (9, 0, 0.99),
            (10, 6, 0.95),
            (11, 4, 0.9),
            (13, 7, 0.91),
        ]:
            scores[0][row, operation] = value
        scores[1][5, 2] = 0.4
        found = make_discretisation(Threshold)(DartsSpace(), scores)
        normal = [
            ("sep_conv_3x3", 0, 2),
            ("skip_connect", 1, 2),
            ("sep_conv_5x5", 0, 3),
            ("dil_conv_3x3", 1, 5),
            ("dil_conv_5x5", 4, 5),
        ]
        assert sorted(map(tuple, found.normal)) == sorted(normal)
        assert list(map(tuple, found.reduce)) == [("avg_pool_3x3", 0, 4)]

    def test_topology_edges_below_it_get_no_operation(self) -> None:
        scores = torch.full((6, 5), 0.5)
        scores[2, 3] = 0.9
        found = make_discretisation(Threshold)(TopologySpace(), [scores])
        assert found.operations == ("none", "none", "nor_conv_3x3", "none", "none", "none")


def make_discretisation(part: Any, **settings: Any) -> Any:
    return part(part.Settings(**settings))


@pytest.mark.parametrize("part", [Sigmoid, HardConcrete])
def test_gates_do_not_compete(part: Any) -> None:
    """Raising one alpha lowers no other operation's preference."""
    settings = find_method("pr-darts").implementation.Settings()
    relaxation = part(settings, torch.Generator())
    jacobian = torch.autograd.functional.jacobian(relaxation.preference, ROW)
    assert torch.equal(jacobian, torch.diag(torch.diagonal(jacobian)))
    assert (torch.diagonal(jacobian) > 0).all()

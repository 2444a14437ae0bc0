"""Proximal operators and HAPG against numerical minimisers, closed forms, scikit-learn and plain loops."""

import copy
from typing import Any

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from sklearn.linear_model import Lasso
from torch import Tensor

from methods.proximal import AdamHapg, Groups, Hapg, group_soft_threshold, soft_threshold, sparse_group_prox

LABELS = torch.tensor([[7, 7, 3], [3, 7, 5]])
GROUPS = [np.array(flat) for flat in ([0, 1, 4], [2, 3], [5])]  # the same as places in the flattened tensor


def draw(seed: int, shape: tuple[int, ...] = (2, 3)) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def omega(values: np.ndarray, *, strength: float, mixing: float) -> float:
    of_groups = sum(np.sqrt(len(group)) * np.linalg.norm(values[group]) for group in GROUPS)
    return strength * (mixing * np.abs(values).sum() + (1 - mixing) * of_groups)


def plain_prox(values: np.ndarray, steps: np.ndarray, *, strength: float, mixing: float) -> np.ndarray:
    """Equations 9 and 10, element by element and group by group."""
    shrunk = np.array(
        [np.sign(z) * max(abs(z) - s * strength * mixing, 0.0) for z, s in zip(values, steps, strict=True)]
    )
    result = np.zeros_like(shrunk)
    for group in GROUPS:
        norm = np.linalg.norm(shrunk[group])
        if norm > 0:
            limit = np.sqrt(len(group)) * np.median(steps[group]) * strength * (1 - mixing)
            result[group] = max(1 - limit / norm, 0.0) * shrunk[group]
    return result


@pytest.mark.parametrize("mixing", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_prox_minimises_distance_plus_penalty(seed: int, mixing: float) -> None:
    start, strength, step = draw(seed), 0.8, 0.5
    found = sparse_group_prox(start, Groups(LABELS), step=step, strength=strength, mixing=mixing).flatten().numpy()
    target = start.flatten().numpy()

    def objective(values: np.ndarray) -> float:
        distance = 0.5 * ((values - target) ** 2).sum()
        return float(distance + step * omega(values, strength=strength, mixing=mixing))

    exact = {"xatol": 1e-10, "fatol": 1e-14, "maxiter": 20_000, "maxfev": 40_000, "adaptive": True}
    numerical = min(
        (minimize(objective, begin, method="Nelder-Mead", options=exact) for begin in (target, found + 0.1)),
        key=lambda result: result.fun,
    )
    assert objective(found) <= numerical.fun + 1e-12
    np.testing.assert_allclose(found, numerical.x, atol=2e-3)


def test_thresholds_prune_exactly() -> None:
    values = torch.tensor([[3.0, -0.1, 0.2], [0.1, -4.0, 0.0]])
    assert soft_threshold(values, 0.5).tolist() == [[2.5, 0, 0], [0, -3.5, 0]]
    pruned = group_soft_threshold(values, Groups(LABELS), 0.5)
    assert pruned[LABELS != 7].eq(0).all()  # both small groups, and the one that was zero before
    torch.testing.assert_close(pruned[0, 0], torch.tensor(3.0 * (1 - 3**0.5 * 0.5 / 25.01**0.5)))
    assert torch.equal(group_soft_threshold(values, Groups(LABELS), 0.0), values)


def test_groups_know_their_norms_and_medians() -> None:
    values = draw(4)
    groups, flat = Groups(LABELS), values.flatten().numpy()
    for found, expected in (
        (groups.norms(values), [np.linalg.norm(flat[g]) for g in GROUPS]),
        (groups.medians(values), [np.median(flat[g]) for g in GROUPS]),
    ):
        ordered = [expected[1], expected[2], expected[0]]  # labels 3, 5, 7
        np.testing.assert_allclose(found.numpy(), ordered)


def quadratic_gradient(values: np.ndarray, matrix: np.ndarray, target: np.ndarray) -> np.ndarray:
    return matrix.T @ (matrix @ values - target)


@pytest.mark.parametrize(("adaptive", "period"), [(False, 1), (True, 1), (False, 4)])
def test_steps_are_equations_6_to_10(adaptive: bool, period: int) -> None:
    matrix, target = draw(1, (8, 6)).numpy(), draw(2, (8,)).numpy()
    rate, strength, mixing = 0.05, 4.0, 0.4
    parameter = draw(3).requires_grad_()
    kind: Any = AdamHapg if adaptive else Hapg
    optimiser = kind([parameter], rate, groups=[LABELS], strength=strength, mixing=mixing, period=period)
    values = parameter.detach().flatten().numpy().copy()
    velocity, mean, square, before = np.zeros(6), np.zeros(6), np.zeros(6), 0.0
    pruned = 0
    for t in range(1, 40):
        gradient = quadratic_gradient(values, matrix, target)
        parameter.grad = torch.from_numpy(gradient).reshape(2, 3)
        optimiser.step()
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        steps = rate / (np.sqrt(square / (1 - 0.999**t)) + 1e-8) if adaptive else np.full(6, rate)
        z = values - steps * (mean / (1 - 0.9**t) if adaptive else gradient)
        proximal = plain_prox(z, steps, strength=strength, mixing=mixing)
        counted = -(-t // period)
        momentum = (counted - 2) / (counted + 1)
        velocity = proximal - values + before * velocity
        values, before = proximal + momentum * velocity, momentum
        np.testing.assert_allclose(parameter.detach().flatten().numpy(), values, rtol=1e-9, atol=1e-12)
        pruned += int(parameter.detach().eq(0).sum())
    assert pruned > 0


def test_hapg_ends_at_the_lasso_of_scikit_learn() -> None:
    matrix, target = draw(5, (20, 6)).numpy(), draw(6, (20,)).numpy()
    expected = Lasso(alpha=0.15, fit_intercept=False, tol=1e-12).fit(matrix, target).coef_
    parameter = torch.zeros(6, dtype=torch.float64, requires_grad=True)
    optimiser = Hapg([parameter], 0.3, groups=[torch.zeros(6)], strength=0.15, mixing=1.0)
    for _ in range(3000):
        parameter.grad = torch.from_numpy(quadratic_gradient(parameter.detach().numpy(), matrix, target) / 20)
        optimiser.step()
    np.testing.assert_allclose(parameter.detach().numpy(), expected, atol=1e-9)
    assert set(np.flatnonzero(expected == 0)) == set(np.flatnonzero(parameter.detach().numpy() == 0)) != set()


def test_without_penalty_and_momentum_a_step_is_adams() -> None:
    """At t = 2, where u_t = 0, from a point that the first step did not move."""
    ours, theirs = draw(7).requires_grad_(), draw(7).requires_grad_()
    pair = AdamHapg([ours], 0.1, groups=[LABELS]), torch.optim.Adam([theirs], lr=0.1)
    for gradient in (torch.zeros_like(ours), draw(8)):
        for parameter, optimiser in zip((ours, theirs), pair, strict=True):
            parameter.grad = gradient.clone()
            optimiser.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [Hapg, AdamHapg])
def test_a_saved_optimiser_goes_on_bit_for_bit(kind: Any) -> None:
    def make(values: Tensor) -> tuple[Tensor, Any]:
        parameter = values.detach().clone().requires_grad_()
        return parameter, kind([parameter], 0.05, groups=[LABELS], strength=0.1)

    def walk(parameter: Tensor, optimiser: Any, seeds: range) -> None:
        for seed in seeds:
            parameter.grad = draw(seed) + parameter.detach()
            optimiser.step()

    kept, optimiser = make(draw(9))
    walk(kept, optimiser, range(5))
    again, resumed = make(kept)
    resumed.load_state_dict(copy.deepcopy(optimiser.state_dict()))
    walk(kept, optimiser, range(5, 10))
    walk(again, resumed, range(5, 10))
    assert torch.equal(kept, again)


def test_labels_of_another_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(2, 3\).*\(6,\)"):
        Hapg([draw(0).requires_grad_()], 0.1, groups=[LABELS.flatten()])

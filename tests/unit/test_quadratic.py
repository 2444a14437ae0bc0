"""The solvable model: the methods' real update code against the equilibria that the RARTS paper derives."""

import pytest
import torch

from methods import Task, find_method
from spaces.quadratic import QuadraticSpace

PLAIN = {
    "momentum": 0.0,
    "weight_decay": 0.0,
    "gradient_clip": 1e9,
    "alpha_optimiser": "sgd",
    "alpha_learning_rate": 0.01,
    "alpha_weight_decay": 0.0,
    "weight_learning_rate": 0.01,
    "weight_learning_rate_end": 0.01,
}


def start(name, **settings):
    method = find_method(name).implementation
    from methods import compose
    from methods.relaxation import Identity

    parts = method.parts
    linear = compose(name, type(parts)(Identity, parts.update_rule))()
    space = QuadraticSpace()
    train, validation = space.streams()
    linear.start(
        Task(
            space=space,
            settings=linear.Settings(**{**PLAIN, **settings}),
            seed=0,
            device=torch.device("cpu"),
            space_settings={},
            train=train,
            validation=validation,
        )
    )
    return linear


def run(name, **settings):
    method = start(name, **settings)
    while method.progress < 1:
        method.step()
    return method.alphas[0].item(), [network.weight.item() for network in method.update_rule.networks]


@pytest.mark.parametrize("lam,beta", [(15.0, 15.0), (10.0, 10.0)])
def test_rarts_ends_at_the_papers_equilibrium(lam, beta):
    alpha, (w, y) = run("rarts", steps=5000, **{"lambda": lam, "beta": beta})
    scale = 4 * beta * lam - beta - 2 * lam
    assert alpha == pytest.approx(4 * beta * lam / scale, abs=1e-6)
    assert w == pytest.approx((4 * beta * lam - 2 * beta) / scale, abs=1e-6)
    assert y == pytest.approx((4 * beta * lam - 2 * beta - 4 * lam) / scale, abs=1e-6)


def test_rarts_at_fifteen_ends_at_the_published_point():
    alpha, (w, y) = run("rarts", steps=5000, **{"lambda": 15, "beta": 15})
    assert (alpha, w, y) == pytest.approx((1.0526316, 1.0175439, 0.9473684), abs=1e-6)


@pytest.mark.parametrize("name", ["darts-1", "milenas"])
def test_first_order_and_mixed_level_end_at_the_spurious_point(name):
    alpha, (w,) = run(name, steps=5000)
    assert (alpha, w) == pytest.approx((2.0, 2.0), abs=1e-6)


def test_second_order_ends_at_the_bilevel_optimum():
    # w' = w - xi (2w - 2a): the stationary point of both updates solves w = a and a + 2 xi a = 2 - 2 xi (a - 2) ... = 2
    alpha, (w,) = run("darts-2", steps=20_000)
    xi = 0.01
    # grad_a L_v(w') = w' - 2 + a * d w'/d a with w' = w = a: a - 2 + 2 xi a = 0
    assert (alpha, w) == pytest.approx((2 / (1 + 2 * xi), 2 / (1 + 2 * xi)), abs=1e-5)


def test_lagrangian_never_rises():
    lam = beta = 15.0
    method = start("rarts", steps=3000, **{"lambda": lam, "beta": beta})

    def lagrangian():
        a = method.alphas[0].item()
        w, y = (network.weight.item() for network in method.update_rule.networks)
        return a * y - 2 * a + 1 + lam * (w - a) ** 2 + beta / 2 * (y - w) ** 2

    values = [lagrangian()]
    while method.progress < 1:
        method.step()
        values.append(lagrangian())
    rises = [after - before for before, after in zip(values, values[1:], strict=False)]
    assert max(rises) <= 1e-12
    assert values[-1] < values[0] - 1

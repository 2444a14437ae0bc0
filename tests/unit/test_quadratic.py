"""The solvable model: the methods' real update code against the equilibria that the RARTS paper derives."""

import itertools

import pytest

from harness.quadratic import LEARNING_RATE, point, solvable, trajectory


@pytest.mark.parametrize(("weight", "beta"), [(15.0, 15.0), (10.0, 10.0)])
def test_rarts_ends_at_the_equilibrium_of_equations_13_to_15(weight: float, beta: float) -> None:
    end = trajectory("rarts", label="", steps=4000, **{"lambda": weight, "beta": beta}).points[-1]
    product = 4 * beta * weight
    expected = (product, product - 2 * beta, product - 2 * beta - 4 * weight)
    assert end == pytest.approx([value / (product - beta - 2 * weight) for value in expected], abs=1e-6)


def test_rarts_at_fifteen_ends_at_the_published_point() -> None:
    end = trajectory("rarts", label="", steps=4000, **{"lambda": 15, "beta": 15}).points[-1]
    assert end == pytest.approx((1.0526316, 1.0175439, 0.9473684), abs=1e-6)


@pytest.mark.parametrize("name", ["darts-1", "milenas"])
def test_first_order_and_mixed_level_end_at_the_spurious_point(name: str) -> None:
    assert trajectory(name, label="", steps=4000).points[-1] == pytest.approx((2.0, 2.0), abs=1e-6)


def test_second_order_with_a_small_step_ends_near_the_spurious_point() -> None:
    # Where w = a, w' = w and d w'/d a = 2 xi, so alpha rests where w' - 2 + a * 2 xi = 0.
    expected = 2 / (1 + 2 * LEARNING_RATE)
    assert trajectory("darts-2", label="", steps=4000).points[-1] == pytest.approx((expected, expected), abs=1e-6)


def test_lagrangian_never_rises() -> None:
    weight = beta = 15.0
    method = solvable("rarts", steps=2000, **{"lambda": weight, "beta": beta})

    def lagrangian() -> float:
        a, w, y = point(method)
        return a * y - 2 * a + 1 + weight * (w - a) ** 2 + beta / 2 * (y - w) ** 2

    values = [lagrangian()]
    while method.progress < 1:
        method.step()
        values.append(lagrangian())
    assert max(after - before for before, after in itertools.pairwise(values)) <= 1e-12
    assert values[-1] < values[0] - 1

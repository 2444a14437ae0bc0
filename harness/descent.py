"""When Theorem 1 of the RARTS paper applies: step sizes small enough for the Lagrangian to descend.

The theorem asks for (proof, after Eq. 12; L_1, L_2, L_3: Lipschitz constants of the gradients of L_v, L_t and of the
latency penalty, L_4 = max(L_1, L_2))

    eta_y < c_1 = 1 / (L_1 + beta + (1 + lambda) L_4)
    eta_w < c_2 = 1 / (L_2 + beta + (1 + lambda) L_4)
    eta_a < c_3 = 1 / (L_1 + L_2 + L_3 + (1 + lambda) L_4)

Every term is positive, so that c_1 and c_2 lie below 1 / beta whatever the Lipschitz constants are, and the theorem
never applies unless beta * eta_w < 1 and beta * eta_y < 1. That much is asked of a network, whose constants nobody
knows. (The descent lemma gives lambda L_2 where the proof has L_2, and (1 + lambda) L_4 in the bound for alpha where it
has half of that. The factor 2 that the proof gives away covers both in c_1 and c_2; in c_3 it does for small lambda
only, so that the smaller of c_3 and the corrected 2 / (L_1 + lambda L_2 + L_3 + 2 (1 + lambda) L_4) is taken.)

The constants of the quadratic model (Section III-D) are known: the Hessian of L_v = a y - 2 a + 1 has the eigenvalues
-1 and 1, that of L_t = (w - a)^2 has 0 and 4. There the Lagrangian is bounded below and coercive for lambda > 1/2 and
beta > 3/2 (page of Eq. 13). The theorem speaks of plain gradient descent: momentum is none of its business, and
nothing is asked of alpha's step where Adam makes it.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple


class Lipschitz(NamedTuple):
    """Lipschitz constants of gradients in (weights, alpha)."""

    validation: float  # L_1
    train: float  # L_2
    latency: float = 0.0  # L_3


LIPSCHITZ = {"quadratic": Lipschitz(validation=1.0, train=4.0)}


def descent_margins(space: str, settings: Mapping[str, Any]) -> dict[str, float]:
    """By how much a run's complete settings violate each condition of Theorem 1; negative where it is met (0 is not).

    Empty for methods without lambda and beta, which the theorem says nothing of.
    """
    if not {"lambda", "beta"} <= settings.keys():
        return {}
    weight, beta = settings["lambda"], settings["beta"]
    step = max(settings["weight_learning_rate"], settings["weight_learning_rate_end"])
    margins = {"beta * weight_learning_rate < 1": beta * step - 1}
    if (known := LIPSCHITZ.get(space)) is not None:
        bound_y, bound_w, bound_alpha = step_bounds(known, weight=weight, beta=beta)
        margins |= {
            "lambda > 1/2": 0.5 - weight,
            "beta > 3/2": 1.5 - beta,
            "weight_learning_rate < c_1": step - bound_y,
            "weight_learning_rate < c_2": step - bound_w,
        }
        if settings["alpha_optimiser"] == "sgd":
            margins["alpha_learning_rate < c_3"] = settings["alpha_learning_rate"] - bound_alpha
    return margins


def step_bounds(constants: Lipschitz, *, weight: float, beta: float) -> tuple[float, float, float]:
    """(c_1, c_2, c_3) for lambda = `weight`, c_3 as corrected above."""
    validation, train, latency = constants
    both = (1 + weight) * max(validation, train)
    printed = 1 / (validation + train + latency + both)
    corrected = 2 / (validation + weight * train + latency + 2 * both)
    return 1 / (validation + beta + both), 1 / (train + beta + both), min(printed, corrected)


__all__ = ["LIPSCHITZ", "Lipschitz", "descent_margins", "step_bounds"]

"""The solvable model of the RARTS paper (Section III-D), searched by the methods' real update code."""

from dataclasses import dataclass
from typing import Any

import torch

from methods import DifferentiableMethod, Parts, Task, compose, find_method
from methods.relaxation import Identity
from spaces.errors import InputError
from spaces.quadratic import QuadraticSpace

LEARNING_RATE = 0.01  # RARTS, Section III-D
START = (2.0, -2.0, 0.0)  # (alpha, w, y): RARTS, Section III-D and Fig. 1

PLAIN_GRADIENT_DESCENT = {
    "momentum": 0.0,
    "weight_decay": 0.0,
    "gradient_clip": 1e12,
    "alpha_optimiser": "sgd",
    "alpha_learning_rate": LEARNING_RATE,
    "alpha_weight_decay": 0.0,
    "weight_learning_rate": LEARNING_RATE,
    "weight_learning_rate_end": LEARNING_RATE,
}


@dataclass(frozen=True)
class Trajectory:
    """The points of one search: (alpha, w), or (alpha, w, y) for RARTS."""

    label: str
    points: list[tuple[float, ...]]


def solvable(name: str, *, start: tuple[float, float, float] = START, **settings: Any) -> DifferentiableMethod:
    """The named method, started on the model: alpha multiplies directly and all optimisers are plain descent."""
    implementation = find_method(name).implementation
    if not issubclass(implementation, DifferentiableMethod):
        raise InputError(f"{name} has no gradients: choose rarts, darts-1, darts-2 or milenas")
    method = compose(name, Parts(Identity, implementation.parts.update_rule))()
    space = QuadraticSpace(start=start)
    train, validation = space.streams()
    method.start(
        Task(
            space=space,
            settings=method.Settings(**{**PLAIN_GRADIENT_DESCENT, **settings}),
            seed=0,
            device=torch.device("cpu"),
            space_settings={},
            train=train,
            validation=validation,
        )
    )
    return method


def point(method: DifferentiableMethod) -> tuple[float, ...]:
    """(alpha, w) or (alpha, w, y) now."""
    weights = [parameter.item() for network in method.update_rule.networks for parameter in network.parameters()]
    return (method.alphas[0].item(), *weights)


def trajectory(
    name: str, *, label: str, steps: int, start: tuple[float, float, float] = START, **settings: Any
) -> Trajectory:
    """Run the method for `steps` steps."""
    method = solvable(name, start=start, steps=steps, **settings)
    points = [point(method)]
    while method.progress < 1:
        method.step()
        points.append(point(method))
    return Trajectory(label, points)


def figure_1(*, steps: int) -> list[tuple[str, list[Trajectory]]]:
    """The three panels of Fig. 1: RARTS over lambda, beta and y_0, each beside first-order DARTS."""
    baseline = trajectory("darts-1", label="DARTS-1", steps=steps)

    def rarts(label: str, *, weight: float, beta: float, primary: float) -> Trajectory:
        start = (START[0], START[1], primary)
        return trajectory("rarts", label=label, steps=steps, start=start, **{"lambda": weight, "beta": beta})

    # The paper prints which parameters are fixed in each panel, not the values that vary: these are ours.
    return [
        (
            "beta = 10, y0 = 0",
            [baseline, *(rarts(f"lambda = {v}", weight=v, beta=10, primary=0) for v in (5, 10, 15))],
        ),
        (
            "lambda = 10, y0 = 0",
            [baseline, *(rarts(f"beta = {v}", weight=10, beta=v, primary=0) for v in (5, 10, 15))],
        ),
        (
            "lambda = beta = 10",
            [baseline, *(rarts(f"y0 = {v}", weight=10, beta=10, primary=v) for v in (-2, 0, 2))],
        ),
    ]

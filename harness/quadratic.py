"""The solvable model of the RARTS paper (Section III-D), searched by the methods' real update code."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field

from harness.experiment_file import read_yaml
from methods import DifferentiableMethod, Parts, Task, compose, find_method
from methods.relaxation import Identity
from reports.claims import ClaimVerdict
from reports.reproduction import Figure, ReproductionReport
from reports.statistics import summarise
from spaces.errors import InputError
from spaces.quadratic import QuadraticSpace

LEARNING_RATE = 0.01  # RARTS, Section III-D
ROUNDING = 5e-4  # the paper prints its limits with three decimals
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


class Curve(BaseModel):
    """One search on the model, as the preset of Fig. 1 describes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str = "rarts"
    lambda_: float | None = Field(None, alias="lambda")
    beta: float | None = None
    y0: float = START[2]

    @property
    def label(self) -> str:
        """The method, or for RARTS its settings."""
        if self.method != "rarts":
            return self.method
        return f"lambda = {self.lambda_:g}, beta = {self.beta:g}" + (f", y0 = {self.y0:g}" if self.y0 else "")

    def search(self, steps: int) -> Trajectory:
        """Run it."""
        chosen = {"lambda": self.lambda_, "beta": self.beta}
        settings = {name: value for name, value in chosen.items() if value is not None}
        return trajectory(self.method, label=self.label, steps=steps, start=(*START[:2], self.y0), **settings)


class Panel(BaseModel):
    """A panel of Fig. 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    curves: tuple[Curve, ...]


class Limit(BaseModel):
    """Where the paper says that a search ends: (alpha, w), or (alpha, w, y)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    says: str
    curve: Curve
    ends_at: tuple[float, ...]


class Figure1(BaseModel):
    """The preset of Fig. 1."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    steps: int = Field(ge=1)
    panels: tuple[Panel, ...]
    claims: tuple[Limit, ...]


def load_figure_1() -> Figure1:
    """The preset that the harness comes with."""
    return Figure1(**read_yaml(Path(__file__).parent / "presets" / "rarts-figure-1.yaml"))


def reproduce_figure_1(figure: Figure1, *, command: str) -> ReproductionReport:
    """Run what the paper makes claims of; the searches are deterministic, so one run each tells."""
    figures, verdicts = [], []
    for claim in figure.claims:
        end = claim.curve.search(figure.steps).points[-1]
        for name, published, ours in zip(("alpha", "w", "y"), claim.ends_at, end, strict=False):
            label = claim.curve.label
            figures.append(Figure(label, f"limit of {name}", "one", published, None, summarise([ours]), label))
        holds = all(abs(ours - theirs) < ROUNDING for theirs, ours in zip(claim.ends_at, end, strict=False))
        shown = f"after {figure.steps} steps at ({', '.join(f'{value:.7f}' for value in end)})"
        verdicts.append((claim.says, ClaimVerdict("holds" if holds else "does not hold", shown)))
    return ReproductionReport("rarts, Figure 1 and Section III-D", tuple(figures), tuple(verdicts), (), command)

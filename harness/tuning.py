"""What a tuning study is: an experiment, ranges of some of its settings, objectives, and how Optuna searches them.

The study lives in the database of the runs, where optuna-dashboard finds it, and every trial is an ordinary run (one a
seed). Test data is no objective.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)

from harness.experiment import Experiment, RunSpec
from harness.sensitivity import check_single, parse_factor
from spaces.errors import InputError, unknown

OBJECTIVES = ("validation-error", "latency", "skip-ratio")
DEFAULT_SPACE = {"lambda": "log:0.01:100", "beta": "log:0.001:10", "gamma": "log:1e-4:1e-1"}
SAMPLERS: dict[str, Any] = {
    "tpe": optuna.samplers.TPESampler,
    "random": optuna.samplers.RandomSampler,
    "nsgaii": optuna.samplers.NSGAIISampler,
    "gp": optuna.samplers.GPSampler,
}
PRUNERS: dict[str, Any] = {
    "none": optuna.pruners.NopPruner,
    "median": optuna.pruners.MedianPruner,
    "hyperband": optuna.pruners.HyperbandPruner,
    "successive-halving": optuna.pruners.SuccessiveHalvingPruner,
}


@dataclass(frozen=True)
class Plan:
    """Everything that decides what a study's trials are; a study of the same name with another plan is refused."""

    study: str
    experiment: Experiment  # one method, one data set; each seed is a run of every trial
    search_space: dict[str, str]  # setting -> Optuna's JSON of its distribution
    objectives: tuple[str, ...]  # all minimised
    sampler: str
    pruner: str
    seed: int
    table: str = ""  # label of the table
    latency: str = ""  # label of the latencies

    @property
    def method(self) -> str:
        """The method that is tuned."""
        return next(iter(self.experiment.methods))

    @property
    def dataset(self) -> str:
        """What is searched on."""
        return self.experiment.datasets[0]

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """The search space as Optuna takes it."""
        return {name: optuna.distributions.json_to_distribution(text) for name, text in self.search_space.items()}

    def specs(self, params: dict[str, Any]) -> list[RunSpec]:
        """The runs of a trial, one a seed."""
        return self.experiment.with_settings(params).runs(table=self.table, latency=self.latency)

    def identity(self) -> dict[str, Any]:
        """The plan as JSON types; the experiment's name decides nothing."""
        return {
            "experiment": self.experiment.model_dump(mode="json", exclude={"name", "factors"}),
            "search space": self.search_space,
            "objectives": list(self.objectives),
            "sampler": self.sampler,
            "pruner": self.pruner,
            "seed": self.seed,
            "table": self.table,
            "latency": self.latency,
        }


def make_plan(
    study: str,
    experiment: Experiment,
    *,
    ranges: Sequence[str],
    objectives: Sequence[str],
    sampler: str | None,
    pruner: str | None,
    seed: int,
    table: str,
    latency: str,
) -> Plan:
    """Validate a plan and fill in its defaults; raises InputError."""
    if not re.fullmatch(r"[\w.-]+", study):
        raise InputError(f"'{study}' is no name of a study: use letters, digits, dots, dashes and underscores")
    check_single(experiment, "a tuning study")
    chosen = tuple(dict.fromkeys(objectives)) or OBJECTIVES[:1]
    for objective in chosen:
        if objective not in OBJECTIVES:
            raise unknown("objective", objective, OBJECTIVES)
    single = chosen == OBJECTIVES[:1]
    sampler = sampler or ("tpe" if len(chosen) == 1 else "nsgaii")
    pruner = pruner or ("median" if single else "none")
    if sampler not in SAMPLERS:
        raise unknown("sampler", sampler, SAMPLERS)
    if pruner not in PRUNERS:
        raise unknown("pruner", pruner, PRUNERS)
    if pruner != "none" and not single:
        raise InputError(
            f"pruner {pruner} judges the validation error during a search, and the objective here is "
            f"{' and '.join(chosen)}: use --pruner none, or --objective validation-error alone"
        )
    if (latency == "") and "latency" in chosen:
        raise InputError(f"space '{experiment.space}' has no latencies here: choose another objective")
    plan = Plan(
        study=study,
        experiment=experiment,
        search_space=_search_space(experiment, ranges, latency=latency),
        objectives=chosen,
        sampler=sampler,
        pruner=pruner,
        seed=seed,
        table=table,
        latency=latency,
    )
    for end in ("low", "high"):
        plan.specs({name: getattr(d, end, _first(d)) for name, d in plan.distributions.items()})
    return plan


def parse_range(text: str) -> tuple[str, BaseDistribution]:
    """A setting and its distribution: `beta=log:0.001:10`, `beta=0:10`, `steps=int:100:300` or `batch_size=16,32`."""
    name, _, form = text.partition("=")
    kind, _, ends = form.partition(":")
    try:
        if name and kind == "log":
            low, high = map(float, ends.split(":"))
            return name, FloatDistribution(low, high, log=True)
        if name and kind == "int":
            first, last = map(int, ends.split(":"))
            return name, IntDistribution(first, last)
        if name and ends:
            return name, FloatDistribution(float(kind), float(ends))
        if name and form:
            return name, CategoricalDistribution(parse_factor(text)[1])
    except ValueError as error:
        raise InputError(f"'{text}' is no range ({error}): write it like beta=log:0.001:10") from None
    raise InputError(f"'{text}' is no range: write it like beta=log:0.001:10, beta=0:10 or batch_size=16,32")


def _search_space(experiment: Experiment, ranges: Sequence[str], *, latency: str) -> dict[str, str]:
    method = next(iter(experiment.methods))
    known = experiment.settings_of(method)
    if not ranges:
        usable = {name: text for name, text in DEFAULT_SPACE.items() if name in known and (name != "gamma" or latency)}
        ranges = [f"{name}={text}" for name, text in usable.items()]
    if not ranges:
        raise InputError(f"{method} has neither lambda nor beta nor gamma: give --search-space NAME=log:LOW:HIGH")
    space = dict(map(parse_range, ranges))
    for name in space:
        if name not in known:
            raise unknown(f"setting of {method}", name, known)
    return {name: distribution_to_json(distribution) for name, distribution in space.items()}


def _first(distribution: BaseDistribution) -> Any:
    return distribution.choices[0] if isinstance(distribution, CategoricalDistribution) else None


__all__ = ["OBJECTIVES", "PRUNERS", "SAMPLERS", "Plan", "make_plan", "parse_range"]

"""One factor at a time around a baseline experiment (RARTS, Table 2): which runs make which row.

Every run is an ordinary one, so that the baseline's runs serve every factor, and whatever the store holds is not run
again.
"""

from collections.abc import Callable
from typing import Any

import yaml

from harness.experiment import Experiment, RunSpec
from reports.sensitivity import Point
from spaces.errors import InputError


def study_points(experiment: Experiment, *, specs_of: Callable[[Experiment], list[RunSpec]]) -> list[Point]:
    """The baseline, then every other value, factor by factor.

    `specs_of` names the runs of an experiment. Raises InputError for an experiment of several methods or data sets, and
    for one without factors.
    """
    check_single(experiment, "a sensitivity study")
    if not experiment.factors:
        raise InputError("nothing varies: give --factor NAME=VALUE,VALUE, e.g. --factor gamma=0.0002,0.02")
    points: dict[tuple[str, ...], Point] = {}
    base = specs_of(experiment.model_copy(update={"factors": {}}))
    for factor, value, variation in experiment.variations():
        for specs, baseline in ((base, True), (specs_of(variation), False)):
            chosen = specs[0].all_settings.get(factor, value)
            point = Point(factor, chosen, {spec.search_seed: spec.id for spec in specs}, baseline=baseline)
            points.setdefault((factor, *point.run_ids), point)  # the baseline's own value is no second row
    return list(points.values())


def check_single(experiment: Experiment, noun: str) -> None:
    """Raise InputError for an experiment of several methods or data sets."""
    if len(experiment.methods) != 1 or len(experiment.datasets) != 1:
        raise InputError(f"{noun} has one method and one data set: choose one with --method and one with --dataset")


def parse_factor(text: str, *, noun: str = "factor") -> tuple[str, list[Any]]:
    """The factor and values of `gamma=0.0002,0.02`; raises InputError for text of another form."""
    name, _, values = text.partition("=")
    if not name or not values:
        raise InputError(f"'{text}' is no {noun}: write NAME=VALUE,VALUE, e.g. gamma=0.0002,0.002,0.02")
    return name, [_value(value) for value in values.split(",")]


def _value(text: str) -> Any:
    """A number, truth value or text; `2e-3` too is a number, which it is not in YAML."""
    value = yaml.safe_load(text)
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


__all__ = ["check_single", "parse_factor", "study_points"]

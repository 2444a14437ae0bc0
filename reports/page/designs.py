"""Crossed designs that the records hold: all combinations of some choices, however it came that they were run."""

import itertools
import json
import math
from collections.abc import Collection, Mapping
from typing import Any

import pandas as pd

from methods import DifferentiableMethod, find_method
from methods.composition import part_names
from methods.named_parts import KINDS
from reports.ablation import Combination
from reports.effects import Choices
from reports.leaderboard import comparable_texts
from spaces.errors import InputError

Design = tuple[Choices, list[Combination]]
MOST_COMBINATIONS = 64  # more were tuned


def crossed_settings(runs: pd.DataFrame) -> Design | None:
    """The choices of one method's runs and all combinations of their levels; None where some were not run.

    A choice is a setting that all of the runs have, with different values; settings that come with a level of another
    choice alone are no choices. There are at least two choices.
    """
    finished = runs[runs["status"] == "finished"]
    variants = {text: json.loads(text) for text in sorted(set(comparable_texts(finished["settings"])))}
    if not 3 < len(variants) <= MOST_COMBINATIONS:
        return None
    shared = set.intersection(*(set(settings) for settings in variants.values()))
    levels = {name: {_level(settings[name]): settings[name] for settings in variants.values()} for name in shared}
    choices = {name: _in_order(found) for name, found in sorted(levels.items()) if len(found) > 1}
    if len(choices) < 2 or math.prod(map(len, choices.values())) != len(variants):
        return None
    combinations: dict[tuple[str, ...], dict[int, str]] = {}
    for run in finished.to_dict(orient="records"):
        key = tuple(_level(run["settings"][name]) for name in choices)
        combinations.setdefault(key, {})[int(run["search_seed"])] = run["id"]
    if len(combinations) != len(variants):
        return None
    return choices, [Combination(dict(zip(choices, key, strict=True)), of) for key, of in combinations.items()]


def crossed_parts(runs: pd.DataFrame) -> list[Design]:
    """For every two kinds of parts the most combinations of an experiment's methods that differ in nothing else."""
    finished = runs[runs["status"] == "finished"]
    found = []
    parts = {method: made for method in sorted(finished["method"].unique()) if (made := _parts(method))}
    for pair in itertools.combinations(KINDS, 2):
        alike: dict[str, dict[tuple[str, str], str]] = {}
        for method, made in parts.items():
            others = {kind: names for kind, names in made.items() if kind not in pair}
            alike.setdefault(json.dumps(others), {})[made[pair[0]], made[pair[1]]] = method
        grids = [grid for methods in alike.values() if (grid := _largest_grid(methods))]
        for grid in sorted(grids, key=len)[-1:]:
            chosen = finished[finished["method"].isin(grid.values())]
            if _same_settings(chosen["settings"]):
                found.append(_design(pair, grid, chosen))
    return found


def _parts(method: str) -> dict[str, str] | None:
    """Kind -> names of the method's parts; None where it has none, or is not known here."""
    try:
        implementation = find_method(method).implementation
    except InputError:
        return None
    if not issubclass(implementation, DifferentiableMethod):
        return None
    return {kind: "+".join(names) for kind, names in part_names(implementation.parts).items()}


def _largest_grid(methods: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """The most cells that are all combinations of two or more levels of both; empty where there are none."""
    firsts_of: dict[str, frozenset[str]] = {}
    for first, second in sorted(methods):
        firsts_of[second] = firsts_of.get(second, frozenset()) | {first}
    shared: set[frozenset[str]] = set()  # what some of the seconds have in common: the largest grid has such rows
    for firsts in firsts_of.values():
        shared |= {firsts, *(firsts & other for other in shared)}
    best: dict[tuple[str, str], str] = {}
    for rows in sorted(map(sorted, shared), key=lambda rows: (len(rows), rows)):
        columns = [second for second, firsts in firsts_of.items() if firsts.issuperset(rows)]
        if min(len(rows), len(columns)) > 1 and len(rows) * len(columns) > len(best):
            best = {(first, second): methods[first, second] for first in rows for second in columns}
    return best


def _same_settings(settings: "pd.Series[Any]") -> bool:
    """Whether no setting has two values."""
    values: dict[str, set[str]] = {}
    for one in settings:
        for name, value in one.items():
            values.setdefault(name, set()).add(_level(value))
    return all(len(found) == 1 for found in values.values())


def _design(pair: tuple[str, str], grid: Mapping[tuple[str, str], str], runs: pd.DataFrame) -> Design:
    choices = {kind: _listed(kind, {key[place] for key in grid}) for place, kind in enumerate(pair)}
    combinations = []
    for key, method in grid.items():
        of_method = runs[runs["method"] == method]
        seeds = dict(zip(of_method["search_seed"].astype(int), of_method["id"], strict=True))
        combinations.append(Combination(dict(zip(pair, key, strict=True)), seeds))
    return choices, combinations


def _listed(kind: str, names: Collection[str]) -> tuple[str, ...]:
    """Parts in the order in which they are listed, then what has no name there."""
    return (*(name for name in KINDS[kind] if name in names), *sorted(set(names) - set(KINDS[kind])))


def _in_order(found: dict[str, Any]) -> tuple[str, ...]:
    """The levels as texts, numbers by size."""
    values = list(found.values())
    if all(isinstance(value, int | float) for value in values):
        return tuple(map(_level, sorted(values)))
    return tuple(sorted(map(_level, values)))


def _level(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


__all__ = ["Design", "crossed_parts", "crossed_settings"]

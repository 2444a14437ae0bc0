"""Random search at the same budget: what a board says when it is missing."""

import json
from collections.abc import Iterable
from typing import Any

import pandas as pd

BUDGET_SETTINGS = ("evaluations", "time_budget")  # what limits a search that asks a table
_REWARD_SETTINGS = ("reward_epochs", "reward_seed")  # what it asks the table for


def random_search_notes(
    finished: pd.DataFrame,
    evaluations: pd.DataFrame,
    *,
    reference: pd.DataFrame,
    space: str,
    dataset: str,
    baseline: str,
) -> list[str]:
    """A line, with the command that adds it, for each budget at which the board lacks the baseline.

    `reference` are runs of the baseline on other data sets, which the board shows because it never searched this one.
    """
    if finished.empty:
        return []
    ours = finished[finished["method"] == baseline]
    budgets = set(map(_budget_text, ours["settings"]))
    notes = []
    if len(reference):
        searched = ", ".join(sorted(reference["dataset"].unique()))
        notes.append(f"{baseline} did not search {dataset}; its runs on {searched} are shown for reference, unranked")
    elif not budgets:
        tabular = evaluations[evaluations["source"] == "tabular"]
        searchable, settings = _searchable(tabular, dataset), _rewards(tabular)
        command = _command(space, searchable, finished["search_seed"], settings, baseline)
        notes.append(f"{baseline} on {dataset} is missing; add it with: {command}")
    others = finished[(finished["method"] != baseline) & finished["simulated_seconds"].notna()]
    for method, group in others.groupby("method", sort=True):
        wanted = {_budget_text(settings): settings for settings in group["settings"]}
        for text in sorted(wanted.keys() - budgets - {""}):
            same = _some(wanted[text], *BUDGET_SETTINGS, *_REWARD_SETTINGS)
            command = _command(space, dataset, group["search_seed"], same, baseline)
            notes.append(f"{baseline} at the budget of {method} ({text}) is missing; add it with: {command}")
    return notes


def _budget_text(settings: dict[str, Any]) -> str:
    return ", ".join(f"{name}={json.dumps(value)}" for name, value in _some(settings, *BUDGET_SETTINGS).items())


def _some(settings: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: settings[name] for name in names if name in settings}


def _searchable(tabular: pd.DataFrame, dataset: str) -> str:
    """The data set that a table can answer for: the search's own, or else one that found cells were looked up on."""
    known = set(tabular["dataset"])
    return dataset if not known or dataset in known else min(known)


def _rewards(tabular: pd.DataFrame) -> dict[str, Any]:
    """The embedded table has no networks trained for the 12 epochs that searches ask for otherwise."""
    embedded = tabular["provenance"].astype(str).str.startswith("embedded").any()
    return {"reward_epochs": 200} if embedded else {}


def _command(space: str, dataset: str, seeds: Iterable[int], settings: dict[str, Any], baseline: str) -> str:
    numbers = ",".join(str(seed) for seed in sorted({int(seed) for seed in seeds}))
    given = "".join(f" --set {name}={json.dumps(value)}" for name, value in settings.items())
    return f"nas-harness run --method {baseline} --space {space} --dataset {dataset} --seeds {numbers}{given}"

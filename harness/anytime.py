"""Anytime traces of stored runs, from what their histories hold.

Sample-based searches record the validation error of their best architecture and the simulated seconds of training
after every evaluation. Differentiable searches record alpha at their validations: the architecture that it stands for
then is looked up in the space's table. Where no table knows the data set, their trace is the one-shot error of the
supernet. Their cost is the search's time for steps and data, spread evenly over the steps.
"""

from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from harness.objective import TABLE_NAMES, TabularObjective
from methods import find_method
from methods.differentiable import DifferentiableMethod
from reports.anytime import Trace
from reports.leaderboard import labelled_groups
from results.errors import StoreError
from results.history import read_history
from results.store import Store
from spaces.benchmark import TabularBenchmark
from spaces.registry import find_space

_EPOCHS = (12, 200)  # of the errors that are looked up: what sample-based searches look at, or else the final ones
RUN_COLUMNS = (
    "id", "experiment", "method", "space", "dataset", "search_seed", "settings", "status", "architecture", "steps",
    "search_seconds_step", "search_seconds_data", "device", "threads",
)  # fmt: skip
"""The columns of the runs that traces are made of."""


def read_traces(store: Store, runs: pd.DataFrame, *, table: Path | None) -> tuple[list[Trace], list[str]]:
    """The traces of the finished runs, and notes on runs without one; raises StoreError where there are none at all."""
    finished = runs[runs["status"] == "finished"]
    traces, missing = [], 0
    for (space, dataset), of_search in finished.groupby(["space", "dataset"], sort=True):
        known = find_space(str(space)).table(table)
        objective, quantity = _objective(known, str(dataset))
        for label, group in labelled_groups(of_search, dataset=str(dataset)):
            for run in group.sort_values("search_seed").to_dict(orient="records"):
                path = store.run_folder(run["id"]) / "history.parquet"
                history = read_history(path) if path.exists() else pd.DataFrame()
                if history.columns.intersection(["best_validation_error", "one_shot_error"]).empty:
                    missing += 1
                    continue
                named = {"space": str(space), "dataset": str(dataset), "method": label, "run_id": run["id"]}
                traces.append(Trace(**named, **_trace(history, run, objective, quantity)))
    if not traces:
        raise StoreError(
            f"no finished run in {store.location} has a history of errors: "
            f"search there with `nas-harness run --method rarts --store {store.location}`"
        )
    return traces, [f"finished runs without a history of errors, which are not shown: {missing}"] if missing else []


def _objective(table: TabularBenchmark | None, dataset: str) -> tuple[TabularObjective | None, str]:
    """What looks errors up, and what they are."""
    if table is None or TABLE_NAMES.get(dataset, dataset) not in table.datasets:
        return None, ""
    name = TABLE_NAMES.get(dataset, dataset)
    epochs = next((n for n in _EPOCHS if table.knows(dataset=name, split="validation", epochs=n)), None)
    if epochs is None:
        return None, ""
    return TabularObjective(table, dataset=dataset, epochs=epochs, seed="mean"), _tabular(epochs, "mean", table.label)


def _tabular(epochs: int, seed: int | str, table: str) -> str:
    return f"validation error after {epochs} epochs, seed {seed}, {table}"


def _trace(
    history: pd.DataFrame, run: Mapping[Hashable, Any], objective: TabularObjective | None, quantity: str
) -> dict[str, Any]:
    if "best_validation_error" in history:
        settings = run["settings"]
        return {
            "quantity": _tabular(settings["reward_epochs"], settings["reward_seed"], settings["table"]),
            "cost": "simulated training, s",
            "costs": history["simulated_seconds"].to_numpy(),
            "errors": history["best_validation_error"].to_numpy(),
        }
    validated = history[history["one_shot_error"].notna()]
    seconds = (run["search_seconds_step"] + run["search_seconds_data"]) / run["steps"]
    found = {
        "cost": f"search on {run['device']} (CPU threads: {run['threads']}), s",
        "costs": seconds * validated["step"].to_numpy(),
    }
    architectures = _architectures(validated, run) if objective else []
    if objective is None or str(architectures[-1]) != run["architecture"]:  # a method with a rule of its own
        one_shot = "validation error of the supernet with all operations mixed (one-shot)"
        return {"quantity": one_shot, "errors": validated["one_shot_error"].to_numpy(), **found}
    errors = np.array([objective.evaluate(architecture)[0] for architecture in architectures])
    return {"quantity": quantity, "errors": errors, **found}


def _architectures(validated: pd.DataFrame, run: Mapping[Hashable, Any]) -> list[Any]:
    """What alpha stood for at every validation, by the method's own relaxation and discretisation."""
    method, space = find_method(run["method"]).implementation, find_space(run["space"])
    assert issubclass(method, DifferentiableMethod)
    parts = method.parts
    fields = parts.discretisation.Settings.model_fields
    chosen = {name: run["settings"][name] for name in fields if name in run["settings"]}
    discretisation = parts.discretisation(parts.discretisation.Settings(**chosen))
    relaxation = parts.relaxation(None, torch.Generator())  # noiseless scores depend on no setting
    return [discretisation(space, relaxation.scores(alphas)) for alphas in _alphas(validated)]


def _alphas(validated: pd.DataFrame) -> Iterator[list[Tensor]]:
    """The alphas, each (edges, operations), of every validation, from columns `alpha/<index>/<edge>/<operation>`."""
    names = [name for name in validated.columns if name.startswith("alpha/")]
    places = [tuple(map(int, name.split("/")[1:])) for name in names]
    shapes = {index: (max(p[1] for p in places if p[0] == index) + 1, max(p[2] for p in places if p[0] == index) + 1)
              for index, _, _ in places}  # fmt: skip
    for row in validated[names].to_numpy():
        alphas = {index: torch.zeros(shape) for index, shape in sorted(shapes.items())}
        for (index, edge, operation), value in zip(places, row, strict=True):
            alphas[index][edge, operation] = value
        yield list(alphas.values())


__all__ = ["RUN_COLUMNS", "read_traces"]

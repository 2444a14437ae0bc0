"""Anytime traces of stored runs, from what their histories hold.

A history has the architecture that the search would return, wherever it changed; its error is looked up in the space's
table. Where no table knows the data set, a trace is what the search saw itself: the reward of its best architecture,
or the one-shot error of its supernet. The cost of searches that ask a table is simulated training; that of searches
that train is the time for steps and data, spread evenly over the steps.
"""

from collections.abc import Callable, Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from harness.objective import TABLE_NAMES
from reports.anytime import Trace
from reports.leaderboard import labelled_groups
from results.errors import StoreError
from results.history import read_history
from results.store import Store
from spaces.registry import find_space
from spaces.space import Space

# Validation errors are those that sample-based searches look at, or else the final ones.
_EPOCHS: dict[str, tuple[int, ...]] = {"validation": (12, 200), "test": (200,)}
SPLITS = tuple(_EPOCHS)
RUN_COLUMNS = (
    "id", "experiment", "method", "space", "dataset", "search_seed", "settings", "status", "steps",
    "search_seconds_step", "search_seconds_data", "simulated_seconds", "device", "threads",
)  # fmt: skip
"""The columns of the runs that traces are made of."""

Lookup = Callable[[Sequence[str]], np.ndarray]  # texts of architectures -> errors in %


def read_traces(store: Store, runs: pd.DataFrame, *, table: Path | None, split: str) -> tuple[list[Trace], list[str]]:
    """The traces of the finished runs, and notes on runs without one; raises StoreError where there are none at all."""
    finished = runs[runs["status"] == "finished"]
    traces, missing = [], 0
    for (space, dataset), of_search in finished.groupby(["space", "dataset"], sort=True):
        quantity, lookup = _lookup(find_space(str(space)), str(dataset), table=table, split=split)
        for label, group in labelled_groups(of_search, dataset=str(dataset)):
            for run in group.sort_values("search_seed").to_dict(orient="records"):
                path = store.run_folder(run["id"]) / "history.parquet"
                found = _trace(read_history(path), run, quantity, lookup) if path.exists() else None
                if found is None:
                    missing += 1
                else:
                    traces.append(Trace(str(space), str(dataset), label, run["id"], **found))
    if not traces:
        raise StoreError(
            f"no finished run in {store.location} has a history of {split} errors: "
            f"search there with `nas-harness run --method random-search --dataset cifar10 --store {store.location}`"
        )
    return traces, [f"finished runs without a history of such errors, not shown: {missing}"] if missing else []


def _lookup(space: Space, dataset: str, *, table: Path | None, split: str) -> tuple[str, Lookup | None]:
    """What the space's table says of architectures searched on the data set, and how; None where it says nothing."""
    known, name = space.table(table), TABLE_NAMES.get(dataset, dataset)
    if known is None:
        return f"{split} error", None
    epochs = next((n for n in _EPOCHS[split] if known.knows(dataset=name, split=split, epochs=n)), None)
    if epochs is None:
        return f"{split} error", None

    def errors(texts: Sequence[str]) -> np.ndarray:
        found = {text: space.parse(text) for text in dict.fromkeys(texts)}
        values = known.error(list(found.values()), dataset=name, split=split, epochs=epochs, seed="mean")
        return pd.Series(values, index=list(found))[list(texts)].to_numpy()

    return f"{split} error after {epochs} epochs, mean over training seeds, {known.label}", errors


def _trace(
    history: pd.DataFrame, run: Mapping[Hashable, Any], quantity: str, lookup: Lookup | None
) -> dict[str, Any] | None:
    """Quantity, cost, costs and errors; None where the history has no such errors."""
    if "simulated_seconds" in history:
        cost, costs = "simulated training, s", history["simulated_seconds"]
    else:
        seconds = (run["search_seconds_step"] + run["search_seconds_data"]) / run["steps"]
        cost = f"search on {run['device']} (CPU threads: {run['threads']}), s"
        costs = seconds * history["step"]
    if lookup is not None and "architecture" in history:
        changed = history["architecture"].notna()
        errors = pd.Series(lookup(history.loc[changed, "architecture"].tolist()), index=history.index[changed])
        last = history.index[[-1]]  # a curve reaches the end of its search
        errors = errors.reindex(errors.index.union(last)).ffill()
    elif quantity.startswith("validation") and "best_validation_error" in history:
        errors = history["best_validation_error"]
        quantity = "validation error that the search was rewarded with"
    elif quantity.startswith("validation") and "one_shot_error" in history:
        errors = history["one_shot_error"].dropna()
        quantity = "validation error of the supernet with all operations mixed (one-shot)"
    else:
        return None
    found = {"costs": costs[errors.index].to_numpy(), "errors": errors.to_numpy()}
    return {"quantity": quantity, "cost": cost, **found}


__all__ = ["RUN_COLUMNS", "SPLITS", "read_traces"]

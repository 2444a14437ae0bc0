"""Many repeats of the sample-based baselines under the benchmark's time budget (NATS-Bench, Section 5.2)."""

from dataclasses import dataclass

import numpy as np
import torch

from harness.objective import TABLE_NAMES, TabularObjective
from methods import Task, find_method
from spaces.errors import InputError
from spaces.topology.space import TopologySpace
from spaces.topology.table import Table

BUDGETS = {"cifar10": 20_000.0, "cifar100": 40_000.0, "imagenet16-120": 120_000.0}  # seconds: NATS-Bench, Section 5


@dataclass(frozen=True)
class Repeats:
    """Final accuracies in % of the architectures that the repeats chose, (repeats,), as means over training seeds."""

    method: str
    dataset: str
    budget: float  # simulated seconds
    validation: np.ndarray
    test: np.ndarray
    evaluations: np.ndarray  # architectures evaluated within the budget


def repeat_baseline(name: str, table: Table, *, dataset: str, repeats: int, budget: float | None = None) -> Repeats:
    """Run the method with seeds 0 .. repeats - 1; rewards are validation errors after 12 epochs."""
    named = find_method(name)
    if named.trains_supernet:
        raise InputError(f"{name} trains a supernet: choose random-search or regularised-evolution")
    budget = BUDGETS[dataset] if budget is None else budget
    objective = TabularObjective(table, dataset=dataset, epochs=12, seed="mean")
    settings = named.implementation.Settings.model_validate({"time_budget": budget})
    space, device = TopologySpace(), torch.device("cpu")
    chosen, evaluations = [], []
    for seed in range(repeats):
        method = named.implementation()
        method.start(
            Task(space=space, settings=settings, seed=seed, device=device, space_settings={}, objective=objective)
        )
        steps = 0
        while method.progress < 1:
            method.step()
            steps += 1
        chosen.append(method.architecture().index)
        evaluations.append(steps)
    indices, table_name = np.array(chosen), TABLE_NAMES.get(dataset, dataset)

    def final(split: str) -> np.ndarray:
        return table.accuracy(indices, dataset=table_name, split=split, epochs=200, seed="mean")

    return Repeats(name, dataset, budget, final("validation"), final("test"), np.array(evaluations))

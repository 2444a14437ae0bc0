"""Anytime curves: the error of what a search would return if it were stopped, against what it has cost until then.

A trace is one run; a panel holds the curves whose errors and costs have the same meaning, and a curve is the mean
over the search seeds of a method with its 95 % interval. A search that is over keeps its error: curves of different
budgets can be compared at any cost.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from reports.statistics import Summary, summarise

_MOST_POINTS = 200  # of a curve


@dataclass(frozen=True)
class Trace:
    """One run: after each cost, in increasing order, the error of what it would return."""

    space: str
    dataset: str  # that was searched
    method: str  # as the leaderboard calls it
    run_id: str
    quantity: str  # what the errors, in %, are of
    cost: str  # what the costs are, with their unit
    costs: np.ndarray  # (P,)
    errors: np.ndarray  # (P,)

    def at(self, costs: np.ndarray) -> np.ndarray:
        """The errors once the costs were spent; each at least the first cost of the trace."""
        return self.errors[np.searchsorted(self.costs, costs, side="right") - 1]


@dataclass(frozen=True)
class Curve:
    """A method: from the first cost at which all of its runs have an error."""

    method: str
    run_ids: tuple[str, ...]
    costs: np.ndarray  # (K,)
    errors: np.ndarray  # (R, K), a row a run
    summaries: tuple[Summary, ...]  # of each cost

    def at(self, cost: float) -> Summary | None:
        """The summary once the cost was spent; None where not all runs had an error by then."""
        index = int(np.searchsorted(self.costs, cost, side="right")) - 1
        return self.summaries[index] if index >= 0 else None


@dataclass(frozen=True)
class Panel:
    """Curves that can be compared."""

    space: str
    dataset: str
    quantity: str
    cost: str
    curves: tuple[Curve, ...]

    @property
    def title(self) -> str:
        """What was searched."""
        return f"Space {self.space}, searched on {self.dataset}"

    @property
    def end(self) -> float:
        """The largest cost of any run."""
        return max(float(curve.costs[-1]) for curve in self.curves)


def panels(traces: Sequence[Trace]) -> list[Panel]:
    """The traces by what they mean, in the order in which they are given."""
    found: dict[tuple[str, str, str, str], dict[str, list[Trace]]] = {}
    for trace in traces:
        kind = (trace.space, trace.dataset, trace.quantity, trace.cost)
        found.setdefault(kind, {}).setdefault(trace.method, []).append(trace)
    return [Panel(*kind, tuple(map(_curve, methods.values()))) for kind, methods in found.items()]


def _curve(traces: Sequence[Trace]) -> Curve:
    costs = _costs(traces)
    errors = np.array([trace.at(costs) for trace in traces])
    ids = tuple(trace.run_id for trace in traces)
    return Curve(
        traces[0].method, ids, costs, errors, tuple(summarise(values.tolist(), within=(0, 100)) for values in errors.T)
    )


def _costs(traces: Sequence[Trace]) -> np.ndarray:
    """Every cost at which a run's error may change; of too many, some that are even on a logarithmic scale."""
    first = max(trace.costs[0] for trace in traces)
    costs = np.unique(np.concatenate([trace.costs for trace in traces]))
    costs = costs[costs >= first]
    if len(costs) <= _MOST_POINTS:
        return costs
    chosen = np.searchsorted(costs, np.geomspace(first, costs[-1], _MOST_POINTS), side="right") - 1
    return costs[np.unique([0, *chosen, len(costs) - 1])]


def points(panel: Panel) -> Iterator[tuple[Curve, float, Summary]]:
    """Every point of every curve of the panel."""
    for curve in panel.curves:
        for cost, summary in zip(curve.costs.tolist(), curve.summaries, strict=True):
            yield curve, cost, summary


__all__ = ["Curve", "Panel", "Trace", "panels", "points"]

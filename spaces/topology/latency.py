"""The latency of each candidate operation, read off the latencies of whole architectures in a table."""

from functools import lru_cache

import numpy as np

from spaces.latency import LatencyModel, fit_latency
from spaces.topology.architecture import OPERATIONS, SIZE, TopologyArchitecture
from spaces.topology.network import executed_edges
from spaces.topology.table import Table


def chosen(architecture: TopologyArchitecture) -> np.ndarray:
    """1 where the cell has the operation on the edge, (6, 5)."""
    return np.array([[operation == name for name in OPERATIONS] for operation in architecture.operations], dtype=float)


def executed(architecture: TopologyArchitecture) -> np.ndarray:
    """`chosen` without the edges that lead nowhere, which the network does not run."""
    runs = np.zeros((len(architecture.operations), 1))
    runs[executed_edges(architecture)] = 1
    return chosen(architecture) * runs


def fit_column(measured_ms: np.ndarray, *, label: str) -> LatencyModel:
    """The latency model of a column of all 15,625 architectures' latencies in ms, in the order of their index."""
    everything = [TopologyArchitecture.from_index(index) for index in range(SIZE)]
    known = {str(a): float(ms) for a, ms in zip(everything, measured_ms, strict=True) if np.isfinite(ms)}
    return fit_latency([(executed(a),) for a in everything], measured_ms, label=label, known_ms=known)


@lru_cache(maxsize=1)
def tabulated_latency(table: Table) -> LatencyModel:
    """The latencies of the benchmark's network for CIFAR-10, measured on the benchmark's GPU."""
    return fit_column(1e3 * table.latency_seconds(np.arange(SIZE), dataset="cifar10"), label=f"{table.label}, cifar10")


__all__ = ["chosen", "executed", "fit_column", "tabulated_latency"]

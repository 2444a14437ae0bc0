"""The latency of each candidate operation, read off the latencies of whole architectures in a table."""

import numpy as np

from spaces.topology.architecture import OPERATIONS, TopologyArchitecture
from spaces.topology.table import Table


def operation_latency(table: Table) -> np.ndarray:
    """Milliseconds that one operation of each kind adds to the benchmark's network when it replaces `none`, (O,).

    Least squares of the table's measured latencies on the operation counts of all architectures; the sum over the
    six edges then approximates the latency of the network, as RARTS' Eq. 5 assumes.
    """
    measured = 1e3 * table.latency_seconds(np.arange(len(table)), dataset="cifar10")
    cells = [TopologyArchitecture.from_index(index).operations for index in range(len(table))]
    counts = np.array([[cell.count(name) for name in OPERATIONS[1:]] for cell in cells])
    known = np.isfinite(measured)
    design = np.column_stack([np.ones(known.sum()), counts[known]])
    coefficients = np.linalg.lstsq(design, measured[known], rcond=None)[0]
    return np.concatenate([[0.0], coefficients[1:]])

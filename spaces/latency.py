"""Lat of RARTS' Eq. 5: what every candidate operation adds to the latency of the stand-alone network."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class LatencyModel:
    """A network's latency as a constant plus one term for each chosen operation, in milliseconds."""

    label: str  # where the figures come from: device or column, and version
    fixed_ms: float  # the network without any operation: stem, preprocessing, classifier
    operations_ms: tuple[np.ndarray, ...]  # one (edges, operations) array an architecture parameter
    known_ms: Mapping[str, float] = field(default_factory=dict)  # architecture -> measured latency, where it is known

    def predict(self, executed: Sequence[np.ndarray]) -> float:
        """The latency of the network that runs the operations where `executed` is 1 (shapes of `operations_ms`), ms."""
        terms = (float((ones * added).sum()) for ones, added in zip(executed, self.operations_ms, strict=True))
        return self.fixed_ms + sum(terms)


def fit_latency(
    executed: Sequence[Sequence[np.ndarray]], measured_ms: np.ndarray, *, label: str, known_ms: Mapping[str, float]
) -> LatencyModel:
    """The model that fits measured latencies of whole networks best, by least squares; NaN means not measured.

    `executed` has the arrays of one architecture after the other, (A,) times (edges, operations) an architecture
    parameter; the first operation of every edge, `none`, is taken to cost nothing. An operation that no measured
    architecture has costs nothing either.
    """
    measured = np.isfinite(measured_ms)
    flat = np.array([np.concatenate([ones[:, 1:].ravel() for ones in arrays]) for arrays in executed])
    design = np.column_stack([np.ones(len(flat)), flat])[measured]
    coefficients = np.linalg.lstsq(design, measured_ms[measured], rcond=None)[0]
    operations, start = [], 1
    for ones in executed[0]:
        edges, choices = ones.shape
        added = coefficients[start : start + edges * (choices - 1)].reshape(edges, choices - 1)
        operations.append(np.column_stack([np.zeros(edges), added]))
        start += added.size
    return LatencyModel(label, float(coefficients[0]), tuple(operations), known_ms)


__all__ = ["LatencyModel", "fit_latency"]

"""Seconds and peak memory of a step of every update rule beside one of first-order DARTS, same run, CPU, one thread."""

from typing import Any

import pytest

from spaces.darts.space import DartsSpace
from spaces.space import Space
from spaces.topology.space import TopologySpace
from tests.benchmarks.steps import Step, compare

RULES: dict[str, tuple[str, dict[str, Any]]] = {
    "rarts": ("rarts", {}),
    "rarts, jacobi": ("rarts", {"jacobi": True}),
    "milenas": ("milenas", {}),
    "darts-2": ("darts-2", {}),
    "darts-2, exact": ("darts-2", {"second_derivative": "exact"}),
    "darts-1": ("darts-1", {}),
}


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("space", "rounds"), [(TopologySpace, 5), (DartsSpace, 3)], ids=["topology", "darts"])
def test_rules_beside_first_order_darts(benchmark: Any, space: type[Space], rounds: int) -> None:
    steps = {name: Step(method, space, settings) for name, (method, settings) in RULES.items()}
    if space is DartsSpace:
        del steps["darts-2, exact"]  # keeps every intermediate result of the plain form twice: more than 16 GiB
    compare(benchmark, steps, rounds=rounds)

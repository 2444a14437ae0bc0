"""Seconds and peak memory of one search step on the DARTS space beside the plain form of the supernet, same run.

The sizes of Liu et al. 2019: 8 cells, 16 channels, batches of 64 images of 32 x 32 pixels; CPU. Both networks are
trained by the same method, so the plain form, too, computes only the gradients that a step uses; it skips operations of
weight zero, too.
"""

from typing import Any

import pytest

from spaces.darts.space import DartsSpace
from tests.benchmarks.steps import Step, compare
from tests.unit.plain_spaces import PlainDartsSpace


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("name", "rounds"), [("darts-1", 3), ("darts-2", 2), ("gdas", 10)])
def test_step_beside_the_plain_form(benchmark: Any, name: str, rounds: int) -> None:
    compare(benchmark, {"ours": Step(name, DartsSpace), "plain form": Step(name, PlainDartsSpace)}, rounds=rounds)

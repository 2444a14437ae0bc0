"""The share of a search step that drawing, augmenting and normalising its two batches takes; goal: below 3 %."""

import statistics
import time
from typing import Any

import pytest
import torch

from harness.data.augmentation import Augmentation
from harness.data.streams import BatchStream
from spaces.darts.space import DartsSpace
from spaces.space import Space
from spaces.topology.space import TopologySpace
from tests.benchmarks.steps import BATCH, Step, start


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("space", [TopologySpace, DartsSpace], ids=["topology", "darts"])
@pytest.mark.parametrize("name", ["darts-1", "gdas"])
def test_batches_beside_a_step(benchmark: Any, name: str, space: type[Space]) -> None:
    """CIFAR-10's sizes: 50,000 images of 32 x 32 pixels, padded by 4, cropped, flipped."""
    method = start(Step(name, space), tiny=benchmark.disabled)
    stream = BatchStream(
        torch.randint(256, (500 if benchmark.disabled else 50_000, 3, 32, 32), dtype=torch.uint8),
        torch.randint(10, (500 if benchmark.disabled else 50_000,)),
        batch_size=BATCH,
        generator=torch.Generator().manual_seed(0),
        mean=(0.5, 0.5, 0.5),
        std=(0.25, 0.25, 0.25),
        augment=Augmentation(pad=4, flip=True),
    )
    steps = []

    def time_a_step() -> None:
        begin = time.perf_counter()
        method.step()
        steps.append(time.perf_counter() - begin)

    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        benchmark.pedantic(
            lambda: (stream.next(), stream.next()), setup=time_a_step, rounds=1 if benchmark.disabled else 5
        )
    finally:
        torch.set_num_threads(threads)
    if not benchmark.disabled:
        batches, step = benchmark.stats.stats.median, statistics.median(steps)
        benchmark.extra_info.update(
            milliseconds=round(1000 * batches, 2), share_of_the_step_percent=round(100 * batches / (step + batches), 2)
        )
        print(f"\n{benchmark.name}: {benchmark.extra_info}")

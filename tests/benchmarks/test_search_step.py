"""Seconds of one search step (one update of the weights, one of alpha) beside xautodl's networks in the same run.

NAS-Bench-201's search network, C = 16, N = 5, batches of 64 images of 32 x 32 pixels, CPU.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.space import Batch
from spaces.topology.architecture import OPERATIONS
from spaces.topology.space import TopologySpace
from tests.benchmarks.steps import Step, start

CHANNELS, CELLS, CLASSES, BATCH = 16, 5, 10, 64


def _batch() -> Batch:
    return Batch(torch.randn(BATCH, 3, 32, 32), torch.randint(CLASSES, (BATCH,)))


def _optimisers(weights: list[nn.Parameter], alpha: Tensor) -> tuple[torch.optim.Optimizer, torch.optim.Optimizer]:
    momentum = torch.optim.SGD(weights, 0.025, momentum=0.9, weight_decay=5e-4, nesterov=True)
    return momentum, torch.optim.Adam([alpha], 3e-4, betas=(0.5, 0.999), weight_decay=1e-3)


class _HardSamples:
    """One-hot samples with GDAS's gradient; both networks are given the same sequence of samples."""

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(0)

    def __call__(self, alpha: Tensor) -> Tensor:
        noise = -torch.empty(alpha.shape).exponential_(generator=self.generator).log()
        soft = ((alpha.log_softmax(-1) + noise) / 10).softmax(-1)
        hard = F.one_hot(soft.detach().argmax(-1), len(OPERATIONS))
        return hard * (1 + soft - soft.detach())


def _our_step(name: str, *, tiny: bool) -> Callable[[], object]:
    """The method's own step, as a search runs it."""
    step: Callable[[], object] = start(Step(name, TopologySpace), tiny=tiny).step
    return step


def _xautodl_step(theirs: Any, logits: Callable[[Tensor], Tensor]) -> Callable[[], None]:
    """Its search scripts' step: both losses are differentiated in everything."""
    train, validation, weights = _batch(), _batch(), theirs.get_weights()
    weight_optimiser, alpha_optimiser = _optimisers(weights, theirs.arch_parameters)

    def step() -> None:
        weight_optimiser.zero_grad()
        F.cross_entropy(logits(train.inputs), train.targets).backward()
        nn.utils.clip_grad_norm_(weights, 5)
        weight_optimiser.step()
        alpha_optimiser.zero_grad()
        F.cross_entropy(logits(validation.inputs), validation.targets).backward()
        alpha_optimiser.step()

    return step


def _xautodl_darts(cells: int) -> Callable[[], None]:
    search = pytest.importorskip("xautodl.models.cell_searchs.search_model_darts")
    torch.manual_seed(0)
    theirs = search.TinyNetworkDarts(CHANNELS, cells, 4, CLASSES, list(OPERATIONS), False, False)
    return _xautodl_step(theirs, lambda images: theirs(images)[1])


def _xautodl_gdas(cells: int) -> Callable[[], None]:
    search = pytest.importorskip("xautodl.models.cell_searchs.search_model_gdas")
    torch.manual_seed(0)
    theirs = search.TinyNetworkGDAS(CHANNELS, cells, 4, CLASSES, list(OPERATIONS), False, False)
    samples = _HardSamples()

    def logits(images: Tensor) -> Tensor:
        mixture = samples(theirs.arch_parameters)
        features = theirs.stem(images)
        for cell in theirs.cells:
            gated = hasattr(cell, "edges")
            features = cell.forward_gdas(features, mixture, mixture.argmax(-1)) if gated else cell(features)
        out: Tensor = theirs.classifier(theirs.lastact(features).mean((2, 3)))
        return out

    return _xautodl_step(theirs, logits)


def _compare(benchmark: Any, name: str, theirs: Callable[[int], Callable[[], None]], rounds: int) -> None:
    cells = 1 if benchmark.disabled else CELLS  # when benchmarking is switched off, both steps have merely to run
    our_step, their_step, reference = _our_step(name, tiny=benchmark.disabled), theirs(cells), []

    def time_theirs() -> None:  # in turn with ours, so that whatever else the machine does slows both
        start = time.perf_counter()
        their_step()
        reference.append(time.perf_counter() - start)

    their_step()
    our_step()
    benchmark.pedantic(our_step, setup=time_theirs, rounds=1 if benchmark.disabled else rounds)
    if not benchmark.disabled:
        seconds = benchmark.stats.stats.median
        benchmark.extra_info.update(
            threads=torch.get_num_threads(),
            median_seconds=round(seconds, 4),
            xautodl_median_seconds=round(statistics.median(reference), 4),
            times_as_fast_as_xautodl=round(statistics.median(reference) / seconds, 2),
        )
        print(f"\n{name}: {benchmark.extra_info}")


def test_darts_step_beside_xautodl(benchmark: Any) -> None:
    _compare(benchmark, "darts-1", _xautodl_darts, rounds=5)


def test_gdas_step_beside_xautodl(benchmark: Any) -> None:
    # The same samples in both, and many: how long a step takes depends on the operations drawn.
    _compare(benchmark, "gdas", _xautodl_gdas, rounds=20)

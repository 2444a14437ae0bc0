"""What the ways to compute a step cost and save beside the default one, same run, CPU."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor

from spaces.darts.space import DartsSpace
from spaces.space import Batch, Space
from spaces.topology.space import TopologySpace
from tests.benchmarks.steps import BATCH, Step, compare, compare_functions, start

SPACES = pytest.mark.parametrize(("space", "rounds"), [(TopologySpace, 5), (DartsSpace, 3)], ids=["topology", "darts"])


@pytest.mark.timeout(3600)
@SPACES
def test_networks_side_by_side(benchmark: Any, space: type[Space], rounds: int) -> None:
    """RARTS on two threads: one for each network, or both for each kernel."""
    beside = Step("rarts", space, threads=2)
    after = Step("rarts", space, threads=2, side_by_side=False)
    compare(benchmark, {"side by side": beside, "one after the other": after}, rounds=rounds)


def test_two_networks_as_one_grouped_convolution(benchmark: Any) -> None:
    """The other way to batch two networks: the kernels that most of the topology supernet's time goes to."""
    size = 2 if benchmark.disabled else 64
    images = [_channels_last(size, 16) for _ in range(2)]
    weights = [torch.randn(16, 16, 3, 3, requires_grad=True) for _ in range(2)]
    both, grouped = _channels_last(size, 32), torch.randn(32, 16, 3, 3, requires_grad=True)

    def separate() -> None:
        for inputs, weight in zip(images, weights, strict=True):
            torch.autograd.grad(F.conv2d(inputs, weight, padding=1).sum(), [inputs, weight])

    def stacked() -> None:
        torch.autograd.grad(F.conv2d(both, grouped, padding=1, groups=2).sum(), [both, grouped])

    compare_functions(benchmark, {"grouped": stacked, "separate": separate})


@pytest.mark.timeout(3600)
@SPACES
@pytest.mark.parametrize("name", ["darts-1", "rarts"])
def test_checkpointed_cells(benchmark: Any, name: str, space: type[Space], rounds: int) -> None:
    again = Step(name, space, options={"checkpoint_cells": True})
    compare(benchmark, {"checkpointed": again, "kept": Step(name, space)}, rounds=rounds)


@pytest.mark.timeout(3600)
@SPACES
def test_bfloat16(benchmark: Any, space: type[Space], rounds: int) -> None:
    """The seconds, and how far the gradient in alpha, and alpha after some steps, are from single precision's."""
    reduced = Step("darts-1", space, {"precision": "bfloat16"})
    single = Step("darts-1", space)
    compare(benchmark, {"bfloat16": reduced, "float32": single}, rounds=rounds)
    effect = effect_on_alpha(reduced, single, steps=1 if benchmark.disabled else 20)
    benchmark.extra_info.update(effect)
    print(f"  {effect}")


def effect_on_alpha(changed: Step, reference: Step, *, steps: int) -> dict[str, float]:
    """Cosine and relative error of alpha's gradient at the start; the mixture's largest change after some steps.

    On scikit-learn's digits: on random images alpha's gradient is little more than what rounding makes of it.
    """
    methods = [start(step, tiny=steps == 1) for step in (changed, reference)]
    for method in methods:
        method.task.train.batch, method.task.validation.batch = digits(0), digits(BATCH)
    found, expected = (_alpha_gradient(method) for method in methods)
    for _ in range(steps):
        for method in methods:
            method.step()
    mixtures = [torch.cat([score.flatten() for score in method.scores()]) for method in methods]
    return {
        "cosine_of_alpha_gradients": round(float(F.cosine_similarity(found, expected, dim=0)), 5),
        "relative_error_of_alpha_gradient": round(float((found - expected).norm() / expected.norm()), 4),
        "steps": steps,
        "largest_change_of_a_mixture_weight": round(float((mixtures[0] - mixtures[1]).abs().max()), 6),
        "same_architecture": float(methods[0].architecture() == methods[1].architecture()),
    }


@pytest.mark.timeout(3600)
def test_compiled_cells(benchmark: Any) -> None:
    """torch.compile takes more than a minute before the first step."""
    if benchmark.disabled:
        pytest.skip("compiling takes a minute: only when benchmarking")
    compiled = Step("darts-1", TopologySpace, options={"compile_cells": True})
    compare(benchmark, {"compiled": compiled, "eager": Step("darts-1", TopologySpace)}, rounds=5)


def digits(start: int) -> Batch:
    """Real images (N, 3, 32, 32) with their labels."""
    images, labels = load_digits(return_X_y=True)
    chosen = torch.from_numpy(images[start : start + BATCH]).float().view(-1, 1, 8, 8) / 8 - 1
    return Batch(
        F.interpolate(chosen, scale_factor=4).expand(-1, 3, -1, -1), torch.from_numpy(labels[start : start + BATCH])
    )


def _alpha_gradient(method: Any) -> Tensor:
    _, parts = method.update_rule.alpha_gradients(method.network, method.task.train.batch)
    return torch.cat([part.flatten() for part in parts])


def _channels_last(size: int, channels: int) -> Tensor:
    images = torch.randn(size, channels, 32, 32).contiguous(memory_format=torch.channels_last)
    return images.requires_grad_()

"""Counted FLOPs, bytes and passes of search steps against closed forms, and the floor that they imply."""

import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
import torch.nn.functional as F
import typer
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode
from typer.testing import CliRunner, Result

from harness.commands.cost import cost
from harness.experiment import RunSpec
from harness.experiment_file import make_experiment
from harness.kernel_counts import Kernel, count_kernels
from harness.kernel_times import KINDS, OUTSIDE, profile_kernels
from harness.roofline import Machine, measure_machine
from harness.step_cost import Measurement, Passes, measure_step, profile_step, start_search
from spaces.errors import InputError

CPU = torch.device("cpu")
MACHINE = Machine(flops=1e11, bandwidths={10**6: 3e10, 10**8: 4e10, 10**9: 2e10, 10**10: 1e10})
TINY = {
    "topology": {"channels": 4, "cells_per_stage": 1, "batch_size": 4, "resolution": 8},
    "darts-cnn": {"channels": 2, "cells": 2, "batch_size": 2, "resolution": 8},
}


def run_of(method: str, space: str, **settings: Any) -> RunSpec:
    content = {"space": space, "methods": {method: {}}, "seeds": (0,), "settings": TINY[space] | settings}
    (run,) = make_experiment(content, source="a test").runs(table="")
    return run


def flops(function: Callable[[], object]) -> float:
    return sum(kernel.flops for kernel in count_kernels(function))


def step_flops(method: str, space: str, **settings: Any) -> float:
    search = start_search(run_of(method, space, **settings), CPU)
    return flops(search.step)


@pytest.mark.parametrize(("groups", "size", "stride"), [(1, 3, 1), (1, 1, 1), (4, 3, 1), (8, 5, 2)])
def test_flops_of_a_convolution_and_of_each_of_its_gradients(groups: int, size: int, stride: int) -> None:
    inputs = torch.randn(2, 8, 12, 12, requires_grad=True)
    weight = torch.randn(16, 8 // groups, size, size, requires_grad=True)
    out: list[Tensor] = []
    side = 12 // stride
    expected = 2 * 2 * side * side * 8 * 16 * size * size / groups

    forward = flops(lambda: out.append(F.conv2d(inputs, weight, stride=stride, padding=size // 2, groups=groups).sum()))
    assert forward == expected
    for variables, passes in ((inputs, 1), (weight, 1), ((inputs, weight), 2)):
        backward = flops(partial(torch.autograd.grad, out[0], variables, retain_graph=True))
        assert backward == passes * expected


def test_flops_of_matrix_products() -> None:
    left, right = torch.randn(3, 4, 5), torch.randn(3, 5, 6)
    assert flops(lambda: left[0] @ right[0]) == 2 * 4 * 5 * 6
    assert flops(lambda: left @ right) == 3 * 2 * 4 * 5 * 6


@pytest.mark.parametrize(
    ("function", "numbers"),
    [
        (lambda x, y: x + y, 3 * 100),
        (lambda x, y: x * x, 2 * 100),
        (lambda x, y: x.add_(y), 3 * 100),  # reads both, writes one of them
        (lambda x, y: torch.add(x, y, out=torch.empty_like(x)), 3 * 100),
        (lambda x, y: x.copy_(y), 2 * 100),
        (lambda x, y: x.zero_(), 100),
        (lambda x, y: torch.zeros_like(x), 100),
        (lambda x, y: x + torch.empty(1, 10).expand(10, 10), 2 * 100 + 10),
        (lambda x, y: torch.cat([x, y]), 4 * 100),
        (lambda x, y: torch._foreach_mul_([x, y], 2.0), 4 * 100),
        (lambda x, y: x.view(4, 25).T[0].unsqueeze(0).detach(), 0),
        (lambda x, y: x.T.reshape(100), 2 * 100),  # a copy
    ],
)
def test_bytes_of_each_input_once_and_each_output_once(
    function: Callable[[Tensor, Tensor], object], numbers: int
) -> None:
    first, second = torch.randn(10, 10), torch.randn(10, 10)
    kernels = count_kernels(lambda: function(first, second))
    assert sum(kernel.bytes for kernel in kernels) == 4 * numbers
    assert all(kernel.flops == 0 for kernel in kernels)


def test_a_gradient_in_the_weight_alone_does_not_read_the_weight() -> None:
    inputs, weight = torch.randn(2, 3, 4, 4), torch.randn(5, 3, 1, 1, requires_grad=True)
    out = F.conv2d(inputs, weight)
    gradient = torch.randn_like(out)
    kernels = count_kernels(lambda: torch.autograd.grad(out, weight, gradient))
    (convolution,) = (kernel for kernel in kernels if kernel.name == "convolution_backward")
    assert convolution.bytes == 4 * (gradient.numel() + inputs.numel() + weight.numel())


@pytest.mark.parametrize("space", TINY)
def test_a_step_of_rarts_is_twice_one_of_first_order_darts(space: str) -> None:
    assert step_flops("rarts", space) == 2 * step_flops("darts-1", space)


@pytest.mark.parametrize(
    ("method", "settings", "passes"),
    [
        ("darts-1", {}, 2),
        ("milenas", {}, 3),
        ("rarts", {}, 4),
        ("rarts", {"jacobi": True}, 2),
        ("darts-2", {}, 5),
        ("darts-1", {"warmup_steps": 9}, 1),
        ("rsps", {}, 1),
        ("enas", {}, 1),
        ("setn", {}, 2),
    ],
)
def test_passes_of_a_step(method: str, settings: dict[str, Any], passes: int) -> None:
    search = start_search(run_of(method, "topology", **settings), CPU)
    counted = Passes(search)
    search.step()
    assert (counted.forward, counted.backward) == (passes, passes)


def test_convolutions_within_custom_gradients_are_counted() -> None:
    search: Any = start_search(run_of("darts-1", "darts-cnn"), CPU)
    network, batch = search.network, search.task.train.next()
    mixture = [torch.full_like(alpha, 1 / 8).requires_grad_() for alpha in search.alphas]
    losses: list[Tensor] = []
    forward = flops(lambda: losses.append(network.loss(batch, mixture)))
    with FlopCounterMode(display=False) as reference:
        network.loss(batch, mixture)
    assert forward == reference.get_total_flops() > 0

    weights = {name: weight for name, weight in network.named_parameters() if weight.ndim == 4}
    gradients: list[Tensor | None] = []
    backward = flops(
        lambda: gradients.extend(torch.autograd.grad(losses[0], [*weights.values(), *mixture], allow_unused=True))
    )
    used = [weight for weight, found in zip(weights.values(), gradients, strict=False) if found is not None]
    # Two gradients of each convolution, which is run on 2 x 2 pixels or more.
    assert backward > 2 * sum(2 * weight.numel() * len(batch.inputs) * 2 * 2 for weight in used) > 0


def test_floor_of_kernels() -> None:
    kernels = [Kernel("convolution", 3e11, 1e9), Kernel("add", 0, 5e9), Kernel("mm", 1e11, 4e10)]
    assert MACHINE.memory_floor(kernels) == pytest.approx(3 + 0.5 + 4)
    assert MACHINE.floor(kernels) == pytest.approx(3 + 0.25 + 4)
    assert MACHINE.arithmetic(kernels) == pytest.approx(4)


@pytest.mark.parametrize(("moved", "rate"), [(1, 4e10), (10**7, 4e10), (10**8, 4e10), (5e9, 2e10), (1e12, 1e10)])
def test_bandwidth_falls_with_what_is_moved(moved: float, rate: float) -> None:
    assert MACHINE.bandwidth(moved) == rate


def test_measured_cost_of_a_step() -> None:
    run = run_of("darts-1", "topology")
    cost = measure_step(run, Measurement(MACHINE, steps=2))
    assert (cost.forward_passes, cost.backward_passes) == (2, 2)
    assert cost.flops == step_flops("darts-1", "topology")
    assert 0 < cost.arithmetic <= cost.floor <= cost.memory_floor
    assert cost.memory_floor <= cost.arithmetic + cost.bytes / MACHINE.memory_bandwidth
    assert cost.peak_memory_mib > 0
    assert cost.times_the_floor == cost.seconds / cost.floor


def test_profiled_step_adds_up() -> None:
    start = time.perf_counter()
    spent = profile_step(run_of("darts-1", "topology"), Measurement(MACHINE, steps=1))
    assert tuple(spent) == KINDS
    assert min(spent.values()) >= 0
    assert 0 < sum(spent.values()) < time.perf_counter() - start


def test_kernels_are_sorted_by_kind() -> None:
    features = torch.randn(16, 16, 32, 32)
    dense, depthwise = torch.randn(16, 16, 3, 3), torch.randn(16, 1, 3, 3)
    weight = torch.nn.Parameter(torch.randn(2**18))
    weight.grad = torch.ones_like(weight)
    optimiser = torch.optim.SGD([weight], momentum=0.9)
    functions: dict[str, Callable[[], object]] = {
        "dense and 1x1 convolutions": lambda: F.conv2d(features, dense, padding=1),
        "depthwise convolutions": lambda: F.conv2d(features, depthwise, padding=1, groups=16),
        "batch norm": lambda: F.batch_norm(features, None, None, training=True),
        "pooling": lambda: F.max_pool2d(features, 3, stride=1, padding=1),
        "element-wise": lambda: features * features,
        "copies and layout": lambda: torch.stack([features, features]),
        "optimiser": optimiser.step,
        "everything else": lambda: features.sum(),
    }
    for kind, function in functions.items():
        function()
        spent = profile_kernels(function, CPU).kernel_times(count_kernels(function))
        assert max(spent.keys() - {OUTSIDE}, key=spent.__getitem__) == kind
        assert sum(spent.values()) > 0


def test_measured_peaks_are_positive() -> None:
    before = torch.get_num_threads()
    machine = measure_machine(CPU, threads=1)
    torch.set_num_threads(before)
    assert machine.flops > machine.memory_bandwidth > 0  # more than one operation for each byte: true of any processor


def cost_command(*arguments: str) -> Result:
    app = typer.Typer()
    app.command()(cost)
    return CliRunner().invoke(app, arguments)


def test_command_prints_what_was_counted() -> None:
    tiny = [f"{name}={TINY['topology'][name]}" for name in ("channels", "cells_per_stage")]
    settings = [part for setting in tiny for part in ("--set", setting)]
    sizes = ("--batch-size", "4", "--resolution", "8", "--steps", "1")
    result = cost_command("--method", "darts-1", *settings, *sizes, "--json")
    assert result.exit_code == 0
    printed = json.loads(result.stdout)
    assert printed["network"] == {"channels": 4, "cells_per_stage": 1}
    assert printed["machine"]["flops"] > 0
    assert min(printed["machine"]["bandwidths"].values()) > 0
    assert printed["methods"]["darts-1"]["flops"] == step_flops("darts-1", "topology")
    assert printed["methods"]["darts-1"]["kernel_seconds"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--method", "rartz"), "unknown method 'rartz': did you mean rarts"),
        (("--method", "random-search"), "random-search trains no supernet"),
        (("--space", "quadratic"), "space 'quadratic' has no supernet of images"),
        (("--set", "chanels=4"), "unknown setting 'chanels': did you mean channels"),
        (("--set", "channels=0"), "channels=0 is refused"),
        (("--set", "precision=float8"), "precision='float8' is refused"),
        (("--set", "gamma=1"), "gamma=1.0 is refused"),
        (("--resolution", "30"), "--resolution 30 is refused"),
        (("--set", "resolution=big"), "resolution='big' is refused"),
        (("--device", "tpu9"), "'tpu9' is no device"),
    ],
)
def test_wrong_input_is_refused_in_one_sentence(arguments: tuple[str, ...], message: str) -> None:
    result = cost_command(*arguments)
    assert isinstance(result.exception, InputError)
    assert message in str(result.exception)

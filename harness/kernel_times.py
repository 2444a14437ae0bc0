"""Where the time of a function goes: the profiler's kernel times by kind of operation."""

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from harness.roofline import wait

DENSE, DEPTHWISE = "dense and 1x1 convolutions", "depthwise convolutions"
BATCH_NORM, POOLING, ELEMENT_WISE = "batch norm", "pooling", "element-wise"
COPIES, OPTIMISER, REST, OUTSIDE = "copies and layout", "optimiser", "everything else", "outside kernels"
KINDS = (DENSE, DEPTHWISE, BATCH_NORM, POOLING, ELEMENT_WISE, COPIES, OPTIMISER, REST, OUTSIDE)

_COPIES = {
    "copy_", "clone", "_to_copy", "cat", "stack", "pad", "constant_pad_nd", "flip", "repeat", "select_backward",
    "slice_backward", "fill_", "zero_", "zeros", "zeros_like", "ones", "ones_like", "full", "new_zeros", "new_ones",
}  # fmt: skip
_BOOKKEEPING = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "promote_types"}


def kernel_times(function: Callable[[], object], *, repeats: int, device: torch.device) -> dict[str, float]:
    """Mean seconds of one call by kind, under the profiler; they add up to the wall-clock time of the call.

    What is outside kernels is Python, autograd, views, the launching of kernels and the profiler itself. Averages that
    are computed as depthwise convolutions count as such. The function must not run kernels side by side.
    """
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (device.type == "cuda")
    total = dict.fromkeys(KINDS, 0.0)
    for _ in range(repeats):
        with profile(activities=activities, record_shapes=True, acc_events=True) as profiler:
            wait(device)
            start = time.perf_counter()
            function()
            wait(device)
            total[OUTSIDE] += time.perf_counter() - start
        for event in profiler.events() or ():
            if event.device_type != DeviceType.CPU or not event.name.startswith("aten::"):
                continue
            microseconds = event.self_device_time_total if device.type == "cuda" else event.self_cpu_time_total
            total[_kind(event)] += microseconds / 1e6
            total[OUTSIDE] -= microseconds / 1e6
    return {kind: spent / repeats for kind, spent in total.items()}


def _kind(event: Any) -> str:
    """That of the outermost operation that is more than a view; copies within another operation are copies."""
    chain = [event]
    while chain[-1].cpu_parent is not None:
        chain.append(chain[-1].cpu_parent)
    if any(one.name.startswith("Optimizer.step") for one in chain):
        return OPTIMISER
    if _kind_of_name(event.name) == COPIES:
        return COPIES
    outermost = next((one for one in reversed(chain) if _kind_of_name(one.name) != OUTSIDE), event)
    kind = _kind_of_name(outermost.name)
    return _kind_of_convolution(outermost) if kind == DENSE else kind


def _kind_of_convolution(event: Any) -> str:
    backward = "backward" in event.name
    inputs, weight = event.input_shapes[1:3] if backward else event.input_shapes[:2]
    return DEPTHWISE if weight[1] == 1 and inputs[1] > 1 else DENSE


@cache
def _kind_of_name(name: str) -> str:
    """DENSE for every convolution; OUTSIDE for what executes no kernel."""
    room, _, operation = name.partition("::")
    packet = getattr(torch.ops.aten, operation, None) if room == "aten" else None
    overloads = [getattr(packet, overload) for overload in packet.overloads()] if packet else []
    if operation in _COPIES:
        return COPIES
    if room != "aten" or operation in _BOOKKEEPING or any(overload.is_view for overload in overloads):
        return OUTSIDE
    for part, kind in (("conv", DENSE), ("batch_norm", BATCH_NORM), ("pool", POOLING)):
        if part in operation:
            return kind
    return ELEMENT_WISE if any(torch.Tag.pointwise in overload.tags for overload in overloads) else REST


__all__ = ["KINDS", "OUTSIDE", "kernel_times"]

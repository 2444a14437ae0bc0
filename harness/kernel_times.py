"""Where the time of a function goes: the profiler's kernel times by kind of operation."""

import gc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
from torch.autograd import DeviceType
from torch.profiler import ProfilerActivity, profile

from harness.kernel_counts import Kernel
from harness.roofline import seconds

DENSE, DEPTHWISE = "dense and 1x1 convolutions", "depthwise convolutions"
BATCH_NORM, POOLING, ELEMENT_WISE = "batch norm", "pooling", "element-wise"
COPIES, OPTIMISER, REST, OUTSIDE = "copies and layout", "optimiser", "everything else", "outside kernels"
KINDS = (DENSE, DEPTHWISE, BATCH_NORM, POOLING, ELEMENT_WISE, COPIES, OPTIMISER, REST, OUTSIDE)

_COPIES = {
    "copy_", "clone", "_to_copy", "cat", "stack", "pad", "constant_pad_nd", "flip", "repeat", "select_backward",
    "slice_backward", "fill_", "zero_", "zeros", "zeros_like", "ones", "ones_like", "full", "new_zeros", "new_ones",
}  # fmt: skip
_CONVOLUTIONS = ("convolution", "convolution_backward")
_BOOKKEEPING = {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "promote_types"}


@dataclass(frozen=True)
class Profile:
    """What torch's profiler saw of a function."""

    seconds: float  # by the wall clock
    events: Sequence[Any]
    device: torch.device

    def kernel_times(self, kernels: Sequence[Kernel]) -> dict[str, float]:
        """Seconds by kind; they add up to those of the wall clock. `kernels` are those that the function executes.

        What is outside kernels is Python, autograd, views, the launching of kernels and the profiler itself. Averages
        that are computed as depthwise convolutions count as such.
        """
        depthwise = _depthwise_events(self.events, kernels)
        spent = dict.fromkeys(KINDS, 0.0) | {OUTSIDE: self.seconds}
        for event in self.events:
            microseconds = event.self_device_time_total if self.device.type == "cuda" else event.self_cpu_time_total
            kind = _kind(event, depthwise)
            if kind != OUTSIDE:
                spent[kind] += microseconds / 1e6
                spent[OUTSIDE] -= microseconds / 1e6
        return spent


def profile_kernels(function: Callable[[], object], device: torch.device) -> Profile:
    """The function under the profiler; it must not run kernels side by side."""
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (device.type == "cuda")
    # Shapes are not recorded: that keeps every tensor alive, and kernels on fresh memory take twice as long.
    with profile(activities=activities) as profiler:
        elapsed = seconds(function, device)
    gc.disable()  # hundreds of thousands of events, none of them garbage
    try:
        events = [event for event in profiler.events() or () if event.device_type == DeviceType.CPU]
    finally:
        gc.enable()
    return Profile(elapsed, events, device)


def _depthwise_events(events: Sequence[Any], kernels: Sequence[Kernel]) -> set[int]:
    """The ids of the events that are depthwise convolutions: events come in the order of the kernels."""
    found: set[int] = set()
    for name in _CONVOLUTIONS:
        outermost = [e for e in events if e.name == f"aten::{name}" and not _within_convolution(e)]
        outermost.sort(key=lambda event: event.time_range.start)
        executed = [kernel for kernel in kernels if kernel.name == name]
        found |= {id(e) for e, kernel in zip(outermost, executed, strict=True) if kernel.depthwise}
    return found


def _within_convolution(event: Any) -> bool:
    return any(one.name.removeprefix("aten::") in _CONVOLUTIONS for one in _chain(event)[1:])


def _chain(event: Any) -> list[Any]:
    """The event and those that it is part of, the outermost last."""
    chain = [event]
    while chain[-1].cpu_parent is not None:
        chain.append(chain[-1].cpu_parent)
    return chain


def _kind(event: Any, depthwise: set[int]) -> str:
    """That of the outermost operation that is more than a view; copies within another operation are copies."""
    chain = _chain(event)
    if not event.name.startswith("aten::"):
        return OUTSIDE
    if any(one.name.startswith("Optimizer.step") for one in chain):
        return OPTIMISER
    if _kind_of_name(event.name) == COPIES:
        return COPIES
    kind = next((_kind_of_name(one.name) for one in reversed(chain) if _kind_of_name(one.name) != OUTSIDE), OUTSIDE)
    return DEPTHWISE if kind == DENSE and any(id(one) in depthwise for one in chain) else kind


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


__all__ = ["KINDS", "OUTSIDE", "Profile", "profile_kernels"]

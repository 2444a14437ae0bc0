"""What one step of a search on a supernet costs: passes, arithmetic, memory traffic, seconds and where they go."""

import statistics
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor

from harness.experiment import RunSpec
from harness.kernel_counts import count_kernels
from harness.kernel_times import profile_kernels
from harness.machine import peak_memory_mib, reset_peak_memory
from harness.roofline import Machine, seconds
from methods import DifferentiableMethod, Method, Task, find_method
from spaces.registry import find_space
from spaces.space import Batch

CLASSES = 10


@dataclass(frozen=True)
class StepCost:
    """One step on average, and the median of its seconds."""

    forward_passes: float  # through a supernet
    backward_passes: float
    flops: float
    bytes: float
    arithmetic: float  # seconds, see `Machine.arithmetic`
    floor: float  # seconds, see `Machine.floor`
    memory_floor: float  # seconds, see `Machine.memory_floor`
    seconds: float
    peak_memory_mib: float  # of the process that does nothing else, or of the GPU

    @property
    def times_the_floor(self) -> float:
        """The measured seconds / the floor."""
        return self.seconds / self.floor


@dataclass(frozen=True)
class Measurement:
    """How to measure: on which device, over how many steps."""

    machine: Machine
    device: str = "cpu"
    threads: int = 1  # on a CPU
    steps: int = 5


class RepeatedBatch:
    """A stream that costs nothing: always the same random images (N, 3, resolution, resolution)."""

    def __init__(self, size: int, *, resolution: int, device: torch.device) -> None:
        generator = torch.Generator().manual_seed(0)
        images = torch.randn(size, 3, resolution, resolution, generator=generator)
        targets = torch.randint(CLASSES, (size,), generator=generator)
        self.batch = Batch(images.to(device), targets.to(device))

    def next(self) -> Batch:
        """The batch."""
        return self.batch

    def state_dict(self) -> dict[str, Any]:
        """Nothing to remember."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to restore."""


def start_search(spec: RunSpec, device: torch.device) -> Method:
    """The run's method, which trains a supernet, ready to step on random images."""
    method = find_method(spec.method).implementation()
    settings: Any = method.Settings(**spec.settings)
    batches = RepeatedBatch(settings.batch_size, resolution=spec.data["resolution"], device=device)
    method.start(
        Task(
            space=find_space(spec.space),
            settings=settings,
            seed=spec.search_seed,
            device=device,
            space_settings=spec.network,
            classes=CLASSES,
            in_channels=3,
            train=batches,
            validation=batches,
        )
    )
    return method


def measure_step(spec: RunSpec, measurement: Measurement) -> StepCost:
    """The cost of a step; torch's number of threads changes."""
    device, steps, machine = torch.device(measurement.device), measurement.steps, measurement.machine
    torch.set_num_threads(measurement.threads)
    method = start_search(spec, device)
    reset_peak_memory(measurement.device)
    method.step()  # the first one allocates the optimisers' state
    elapsed = statistics.median(seconds(method.step, device) for _ in range(steps))
    memory = peak_memory_mib(measurement.device)

    method = _one_after_the_other(start_search(spec, device))
    passes = Passes(method)
    method.step()
    passes.forward = passes.backward = 0
    kernels = count_kernels(lambda: [method.step() for _ in range(steps)])
    return StepCost(
        forward_passes=passes.forward / steps,
        backward_passes=passes.backward / steps,
        flops=sum(kernel.flops for kernel in kernels) / steps,
        bytes=sum(kernel.bytes for kernel in kernels) / steps,
        arithmetic=machine.arithmetic(kernels) / steps,
        floor=machine.floor(kernels) / steps,
        memory_floor=machine.memory_floor(kernels) / steps,
        seconds=elapsed,
        peak_memory_mib=memory,
    )


def profile_step(spec: RunSpec, measurement: Measurement) -> dict[str, float]:
    """Seconds of one step by kind, see `Profile`; torch's number of threads changes."""
    device = torch.device(measurement.device)
    torch.set_num_threads(measurement.threads)
    profiled, counted = (_one_after_the_other(start_search(spec, device)) for _ in range(2))
    for method in (profiled, counted):  # they take the very same steps
        method.step()
    profile = profile_kernels(profiled.step, device)
    return profile.kernel_times(count_kernels(counted.step))


class Passes:
    """Counts the passes through a method's supernets; a backward pass that is differentiated counts once."""

    def __init__(self, method: Method) -> None:
        self.forward = self.backward = 0
        for network in method.networks:
            network.loss = partial(self._loss, network.loss)  # type: ignore[method-assign]

    def _loss(self, loss: Any, *arguments: Any) -> Tensor:
        self.forward += 1
        found: Tensor = loss(*arguments)
        if found.requires_grad:
            found.register_hook(self._on_backward)
        return found

    def _on_backward(self, _: Tensor) -> None:
        self.backward += 1


def _one_after_the_other(method: Method) -> Method:
    """The method without passes side by side: neither counting nor profiling looks into other threads."""
    if isinstance(method, DifferentiableMethod):
        side_by_side = method.update_rule.side_by_side
        side_by_side.pool, side_by_side.streams = None, []
    return method


__all__ = [
    "Measurement",
    "Passes",
    "RepeatedBatch",
    "StepCost",
    "measure_step",
    "profile_step",
    "start_search",
]

"""The least time that kernels take on a machine of measured peaks (the roofline of Williams et al., CACM 2009).

A kernel whose tensors are still in a cache is faster than the memory. The floor takes every kernel for such a one: its
bandwidth is that of a copy or sum of as many bytes, repeated. The floor of the memory takes no kernel for one.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import torch

from harness.kernel_counts import Kernel

TRIES = 5
MOVED_BYTES = tuple(2**power for power in range(18, 30))  # the last is beyond all caches


@dataclass(frozen=True)
class Machine:
    """What a device reaches with a number of threads."""

    flops: float  # FLOP/s of the faster of a large matrix product and a large convolution
    bandwidths: dict[int, float]  # bytes/s of kernels that move so many bytes; reading and writing counted

    @property
    def memory_bandwidth(self) -> float:
        """Bytes/s beyond all caches."""
        return self.bandwidths[max(self.bandwidths)]

    def bandwidth(self, moved: float) -> float:
        """Bytes/s that a kernel which moves so many bytes can reach: no less than one that moves more."""
        start = max((size for size in self.bandwidths if size <= moved), default=0)
        return max(rate for size, rate in self.bandwidths.items() if size >= start)

    def floor(self, kernels: Iterable[Kernel]) -> float:
        """Seconds: sum over kernels of max(FLOPs / peak, bytes / bandwidth(bytes))."""
        return sum(max(kernel.flops / self.flops, kernel.bytes / self.bandwidth(kernel.bytes)) for kernel in kernels)

    def memory_floor(self, kernels: Iterable[Kernel]) -> float:
        """Seconds: the same with the bandwidth of the memory throughout."""
        bandwidth = self.memory_bandwidth
        return sum(max(kernel.flops / self.flops, kernel.bytes / bandwidth) for kernel in kernels)

    def arithmetic(self, kernels: Iterable[Kernel]) -> float:
        """Seconds of the FLOPs alone, as if moving bytes took no time."""
        return sum(kernel.flops for kernel in kernels) / self.flops


def measure_machine(device: torch.device, dtype: torch.dtype = torch.float32, *, threads: int = 1) -> Machine:
    """The best of several tries; on a CPU with so many threads, which torch keeps.

    Both kinds of arithmetic are tried: on some CPUs convolutions reach twice the rate of the BLAS's matrix products.
    """
    torch.set_num_threads(threads)
    side, images, channels = (8192, 512, 256) if device.type == "cuda" else (2048, 64, 128)
    matrix = torch.randn(side, side, dtype=dtype, device=device)
    features = torch.randn(images, channels, 32, 32, dtype=dtype, device=device).to(memory_format=torch.channels_last)
    weight = torch.randn(channels, channels, 3, 3, dtype=dtype, device=device)
    product = 2 * side**3 / _best(lambda: matrix @ matrix, device)
    multiply_adds = features.numel() * weight[0].numel()
    convolution = 2 * multiply_adds / _best(lambda: torch.conv2d(features, weight, padding=1), device)
    bandwidths = {moved: _bandwidth(moved, device) for moved in MOVED_BYTES}
    return Machine(max(product, convolution), bandwidths)


def seconds(function: Callable[[], object], device: torch.device) -> float:
    """How long the function takes, until the device is done."""
    _wait(device)
    start = time.perf_counter()
    function()
    _wait(device)
    return time.perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _bandwidth(moved: int, device: torch.device) -> float:
    """Bytes/s of the faster of a copy and a sum in place."""
    repeats = max(1, 2**26 // moved)
    rates = []
    for tensors, name in ((2, "copy_"), (3, "add_")):
        source = torch.ones(moved // tensors // 4, device=device)
        function = partial(getattr(torch.zeros_like(source), name), source)
        elapsed = _best(partial(_repeat, function, repeats), device)
        rates.append(tensors * 4 * source.numel() * repeats / elapsed)
    return max(rates)


def _repeat(function: Callable[[], object], times: int) -> None:
    for _ in range(times):
        function()


def _best(function: Callable[[], object], device: torch.device) -> float:
    function()
    return min(seconds(function, device) for _ in range(TRIES))


__all__ = ["Machine", "measure_machine", "seconds"]

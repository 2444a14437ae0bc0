"""The least time that kernels take on a machine of measured peaks (the roofline of Williams et al., CACM 2009).

The bandwidth is that of tensors too large for the caches: a kernel whose tensors are still in a cache can beat it.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch

from harness.kernel_counts import Kernel

TRIES = 5
COPIED_BYTES = 2**28  # beyond all caches


@dataclass(frozen=True)
class Machine:
    """What a device reaches with a number of threads."""

    flops: float  # FLOP/s of the faster of a large matrix product and a large convolution
    bandwidth: float  # bytes/s of a large copy, reading and writing counted

    def floor(self, kernels: Iterable[Kernel]) -> float:
        """Seconds: sum over kernels of max(FLOPs / peak, bytes / bandwidth)."""
        return sum(max(kernel.flops / self.flops, kernel.bytes / self.bandwidth) for kernel in kernels)

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
    source = torch.ones(COPIED_BYTES, dtype=torch.uint8, device=device)
    target = torch.zeros_like(source)
    product = 2 * side**3 / _best(lambda: matrix @ matrix, device)
    multiply_adds = features.numel() * weight[0].numel()
    convolution = 2 * multiply_adds / _best(lambda: torch.conv2d(features, weight, padding=1), device)
    return Machine(max(product, convolution), 2 * COPIED_BYTES / _best(lambda: target.copy_(source), device))


def seconds(function: Callable[[], object], device: torch.device) -> float:
    """How long the function takes, until the device is done."""
    wait(device)
    start = time.perf_counter()
    function()
    wait(device)
    return time.perf_counter() - start


def wait(device: torch.device) -> None:
    """Until the device has nothing to do."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _best(function: Callable[[], object], device: torch.device) -> float:
    function()
    return min(seconds(function, device) for _ in range(TRIES))


__all__ = ["Machine", "measure_machine", "seconds", "wait"]

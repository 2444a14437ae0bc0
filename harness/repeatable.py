"""What makes a training repeat bit for bit: generators of its own, seeded anew, and kernels that do not race."""

from contextlib import AbstractContextManager, nullcontext

import numpy as np
import torch


def own_generators(device: torch.device) -> AbstractContextManager[None]:
    """Within it, seeding and drawing leave no trace in torch's global generators outside."""
    if device.type == "cpu":
        return torch.random.fork_rng(devices=[])
    return torch.random.fork_rng(devices=[device], device_type=device.type)


def deterministic_kernels() -> AbstractContextManager[None]:
    """Within it, convolutions on a GPU choose algorithms that repeat bit for bit."""
    if not torch.backends.cudnn.is_available():
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)


def seed_generators(*numbers: int) -> None:
    """Seed torch's global generators with a mixture of the numbers, each at least 0."""
    torch.manual_seed(int(np.random.SeedSequence(numbers).generate_state(1)[0]))


__all__ = ["deterministic_kernels", "own_generators", "seed_generators"]

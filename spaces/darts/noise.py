"""What a search network draws: the same draws again in a resumed search and in a cell computed twice."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn


class NoiseCounter(nn.Module):
    """Numbers the passes of a network, for what they draw; part of the network's state."""

    def __init__(self) -> None:
        super().__init__()
        self.seed = int(torch.randint(2**62, ()))
        self.passes = 0

    def next(self) -> tuple[int, int]:
        """(seed, number) of a new pass; passes that only look, without gradients, leave the count as it is."""
        key = self.seed, self.passes
        self.passes += int(torch.is_grad_enabled())
        return key

    def get_extra_state(self) -> Tensor:
        """Seed and passes so far."""
        return torch.tensor([self.seed, self.passes])

    def set_extra_state(self, state: Tensor) -> None:
        """Go on from there."""
        self.seed, self.passes = state.tolist()


def normal_noise(key: tuple[int, ...], shape: Sequence[int], like: Tensor) -> Tensor:
    """N(0, 1) of shape (N, C, H, W), channels last, a function of the key, on the device and of the type of `like`."""
    n, c, h, w = shape
    drawn = torch.randn(n, h, w, c, generator=_generator(key, like), device=like.device, dtype=torch.float32)
    return drawn.permute(0, 3, 1, 2).to(like.dtype)


def dropout(features: Tensor, probability: float, key: tuple[int, ...]) -> Tensor:
    """Features (N, C, H, W), each zero with this probability, a function of the key, else divided by the rest of it."""
    n, c, h, w = features.shape
    kept = torch.rand(n, h, w, c, generator=_generator(key, features), device=features.device) >= probability
    return features * (kept.permute(0, 3, 1, 2).to(features.dtype) / (1 - probability))


def _generator(key: tuple[int, ...], like: Tensor) -> torch.Generator:
    seed = int(np.random.SeedSequence(key).generate_state(1, np.uint64)[0]) >> 1
    return torch.Generator(like.device).manual_seed(seed)


__all__ = ["NoiseCounter", "dropout", "normal_noise"]

"""What the operations of a DARTS cell share: all that depends on the node they start from, not on their weights."""

from functools import cached_property
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from spaces.darts.depthwise import split_parities
from spaces.pooling import average_pool


class Source:
    """A complete node of a cell, and what the operations on it share: each computed once, when first needed.

    `fused` allows forms that have no second derivatives.
    """

    def __init__(self, node: Tensor, stride: int = 1, *, fused: bool = True) -> None:
        self.node = node
        self.stride = stride
        self.fused = fused
        sides = node.shape[2:]
        self.split = fused and stride == 1 and not any(side % 2 for side in sides)
        self.dilation = 1 if self.split or stride == 2 else 2
        self.output_shape = (*node.shape[:2], *(-(-side // stride) for side in sides))

    @cached_property
    def rectified(self) -> Tensor:
        """The activated features."""
        return F.relu(self.node)

    @cached_property
    def arranged(self) -> Tensor:
        """The activated features as the dilated convolutions take them.

        With dilation and stride 2 they only see every other pixel, where they have dilation and stride 1.
        """
        if self.split:
            return split_parities(self.rectified)
        return self.even if self.stride == 2 else self.rectified

    @cached_property
    def even(self) -> Tensor:
        """Every other pixel of the activated features."""
        return self._every_other(self.rectified, 0)

    @cached_property
    def odd(self) -> Tensor:
        """Every other pixel of the activated features, starting one further both ways: as many as in `even`."""
        height, width = self.rectified.shape[2:]
        # Where a side is odd, a row or column of zeros is added.
        padded = F.pad(self.rectified, (0, width % 2, 0, height % 2)) if height % 2 or width % 2 else self.rectified
        return self._every_other(padded, 1)

    @cached_property
    def maximum(self) -> Tensor:
        """Max-pooled and normalised."""
        return F.batch_norm(F.max_pool2d(self.node, 3, self.stride, padding=1), None, None, training=True)

    @cached_property
    def average(self) -> Tensor:
        """Average-pooled and normalised."""
        return F.batch_norm(average_pool(self.node, self.stride), None, None, training=True)

    def _every_other(self, features: Tensor, start: int) -> Tensor:
        return _EveryOther.apply(features, start) if self.fused else features[:, :, start::2, start::2]


class _EveryOther(torch.autograd.Function):
    """Rows and columns start, start + 2, ...; unlike slicing's, its gradient has the channels last, too."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, start: int) -> Tensor:
        """(N, C, H, W) -> (N, C, H / 2, W / 2)."""
        ctx.shape, ctx.start = features.shape, start
        return features[:, :, start::2, start::2].contiguous(memory_format=torch.channels_last)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        """The gradient, zero at the other pixels."""
        (gradient,) = gradients
        n, c, h, w = ctx.shape
        spread = gradient.new_zeros(n, h, w, c).permute(0, 3, 1, 2)
        spread[:, :, ctx.start :: 2, ctx.start :: 2] = gradient
        return spread, None


__all__ = ["Source"]

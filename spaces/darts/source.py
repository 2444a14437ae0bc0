"""What the operations of a DARTS cell share: all that depends on the node they start from, not on their weights."""

from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.darts.depthwise import split_parities
from spaces.darts.pooling import average_pool, maximum_pool


class Source:
    """A complete node of a cell, and what the operations on it share: each computed once, when first needed."""

    def __init__(self, node: Tensor, stride: int = 1) -> None:
        self.node = node
        self.stride = stride
        sides = node.shape[2:]
        self.split = stride == 1 and not any(side % 2 for side in sides)
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
        if self.stride == 2:
            return self.rectified[:, :, ::2, ::2].contiguous(memory_format=torch.channels_last)
        return self.rectified

    @cached_property
    def maximum(self) -> Tensor:
        """Max-pooled and normalised."""
        return F.batch_norm(maximum_pool(self.node, self.stride), None, None, training=True)

    @cached_property
    def average(self) -> Tensor:
        """Average-pooled and normalised."""
        return F.batch_norm(average_pool(self.node, self.stride), None, None, training=True)


__all__ = ["Source"]

"""The poolings of a DARTS cell, 3x3 with padding 1: fast forms, and normalised as the search network has them."""

import torch
import torch.nn.functional as F
from torch import Tensor


def maximum_pool(inputs: Tensor, stride: int) -> Tensor:
    """(N, C, H, W) -> the same shape, or half the resolution at stride 2."""
    return F.max_pool2d(inputs, 3, stride=stride, padding=1)


def average_pool(inputs: Tensor, stride: int) -> Tensor:
    """The mean of the pixels that lie inside the image: (N, C, H, W) -> the same shape, or half the resolution."""
    if inputs.device.type != "cpu" or inputs.dtype == torch.float64:
        return F.avg_pool2d(inputs, 3, stride=stride, padding=1, count_include_pad=False)
    # Sums of neighbours as a depthwise convolution take oneDNN a fraction of the time of ATen's pooling.
    channels, height, width = inputs.shape[1:]
    neighbours = F.conv2d(inputs, inputs.new_ones(channels, 1, 3, 3), stride=stride, padding=1, groups=channels)
    counts = F.conv2d(torch.ones(1, 1, height, width), torch.ones(1, 1, 3, 3), stride=stride, padding=1)
    return neighbours * (1 / counts)


__all__ = ["average_pool", "maximum_pool"]

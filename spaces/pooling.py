"""Pooling that is fast on every device."""

import torch
import torch.nn.functional as F
from torch import Tensor


def average_pool(inputs: Tensor, stride: int = 1) -> Tensor:
    """3x3 average over the pixels that lie inside the image: (N, C, H, W) -> (N, C, H / stride, W / stride)."""
    if inputs.device.type != "cpu" or inputs.dtype == torch.float64:
        return F.avg_pool2d(inputs, 3, stride=stride, padding=1, count_include_pad=False)
    # Sums of neighbours as a depthwise convolution take oneDNN a quarter of the time of ATen's pooling.
    channels, height, width = inputs.shape[1:]
    neighbours = F.conv2d(inputs, inputs.new_ones(channels, 1, 3, 3), stride=stride, padding=1, groups=channels)
    return neighbours * _inverse_counts(height, width, stride).to(inputs)


def _inverse_counts(height: int, width: int, stride: int) -> Tensor:
    counts = F.conv2d(torch.ones(1, 1, height, width), torch.ones(1, 1, 3, 3), stride=stride, padding=1)
    return 1 / counts


__all__ = ["average_pool"]

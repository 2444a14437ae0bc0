"""Depthwise convolutions and their gradients, each in the form that is fast on the device.

oneDNN has a fast kernel for neither the gradients of a dilated depthwise convolution nor the gradient in weights more
than three columns wide: it falls back to kernels that take ten times as long. Here dilation 2 becomes dilation 1 on
rearranged pixels (`split_parities`), and wide weights get their gradient in two parts.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def convolve(inputs: Tensor, weight: Tensor, *, stride: int = 1, dilation: int = 1) -> Tensor:
    """The depthwise convolution of (N, C, H, W) with the weight (C, 1, k, k), padded to keep H and W at stride 1."""
    padding = dilation * (weight.shape[-1] // 2)
    kernel = weight.to(inputs.dtype)
    return F.conv2d(inputs, kernel, stride=stride, padding=padding, dilation=dilation, groups=len(weight))


def input_gradient(gradient: Tensor, inputs: Tensor, weight: Tensor, *, stride: int = 1, dilation: int = 1) -> Tensor:
    """The gradient of `convolve` in its inputs, given the gradient in its output."""
    if stride == 1:
        return convolve(gradient, weight.flip(2, 3), dilation=dilation)
    padding = dilation * (weight.shape[-1] // 2)
    return _backward(gradient, inputs, weight, (padding, padding), stride, dilation, of_weight=False)


def weight_gradient(gradient: Tensor, inputs: Tensor, weight: Tensor, *, stride: int = 1, dilation: int = 1) -> Tensor:
    """The gradient of `convolve` in its weight, given the gradient in its output."""
    size = weight.shape[-1]
    padding = dilation * (size // 2)
    if size == 5 and dilation == 1 and inputs.device.type == "cpu" and inputs.dtype != torch.float64:
        # Rows padded here as well: with the kernel's own padding, images of four rows take six times as long.
        left = F.pad(inputs, (padding, 0, padding, padding))
        right = F.pad(inputs, (padding - 3, padding, padding, padding))
        parts = ((left, weight[..., :3]), (right, weight[..., 3:]))
        return torch.cat([_backward(gradient, i, w, (0, 0), stride, 1, of_weight=True) for i, w in parts], dim=-1)
    return _backward(gradient, inputs, weight, (padding, padding), stride, dilation, of_weight=True)


def _backward(
    gradient: Tensor,
    inputs: Tensor,
    weight: Tensor,
    padding: tuple[int, int],
    stride: int,
    dilation: int,
    *,
    of_weight: bool,
) -> Tensor:
    # oneDNN's kernels take three to ten times as long in bfloat16.
    dtype = torch.float32 if inputs.device.type == "cpu" and inputs.dtype == torch.bfloat16 else inputs.dtype
    found = torch.ops.aten.convolution_backward(
        gradient.to(dtype),
        inputs.to(dtype),
        weight.to(dtype),
        None,
        (stride, stride),
        padding,
        (dilation, dilation),
        False,
        (0, 0),
        len(weight),
        (not of_weight, of_weight, False),
    )
    result: Tensor = found[int(of_weight)]
    return result if of_weight else result.to(inputs.dtype)


def split_parities(features: Tensor) -> Tensor:
    """Even sides: (N, C, H, W) -> (2 N, C, H / 2, W), the even rows of every image, then its odd rows.

    With `paired` columns, pixels two apart in both directions become neighbours.
    """
    n, c, h, w = features.shape
    rows = features.permute(0, 2, 3, 1).reshape(n, h // 2, 2, w, c)
    return rows.transpose(1, 2).reshape(2 * n, h // 2, w, c).permute(0, 3, 1, 2)


def join_parities(features: Tensor) -> Tensor:
    """The inverse of `split_parities`."""
    n, c, h, w = features.shape
    rows = features.permute(0, 2, 3, 1).reshape(n // 2, 2, h, w, c)
    return rows.transpose(1, 2).reshape(n // 2, 2 * h, w, c).permute(0, 3, 1, 2)


def paired(features: Tensor) -> Tensor:
    """Neighbouring columns as two sets of channels, (N, C, H, W) -> (N, 2 C, H, W / 2): a view if channels are last."""
    n, c, h, w = features.shape
    return features.permute(0, 2, 3, 1).reshape(n, h, w // 2, 2 * c).permute(0, 3, 1, 2)


def unpaired(features: Tensor) -> Tensor:
    """The inverse of `paired`."""
    n, c, h, w = features.shape
    return features.permute(0, 2, 3, 1).reshape(n, h, w * 2, c // 2).permute(0, 3, 1, 2)


__all__ = [
    "convolve",
    "input_gradient",
    "join_parities",
    "paired",
    "split_parities",
    "unpaired",
    "weight_gradient",
]

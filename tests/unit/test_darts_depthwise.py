"""Depthwise convolutions' gradients against autograd's, and the rearrangement behind dilated ones."""

import pytest
import torch
from torch import Tensor

from spaces.darts.depthwise import (
    convolve,
    input_gradient,
    join_parities,
    paired,
    split_parities,
    unpaired,
    weight_gradient,
)


def features(height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(height)
    images = torch.randn(3, 16, height, width, generator=generator)
    return images.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("size", "stride", "dilation"), [(3, 1, 1), (5, 1, 1), (3, 2, 1), (5, 2, 1), (5, 1, 2)])
@pytest.mark.parametrize("sides", [(8, 10), (7, 5), (2, 2)])
def test_gradients_are_those_of_autograd(
    size: int, stride: int, dilation: int, sides: tuple[int, int], dtype: torch.dtype
) -> None:
    inputs = features(*sides).to(dtype).requires_grad_()
    weight = torch.randn(16, 1, size, size, dtype=dtype, requires_grad=True)
    out = convolve(inputs, weight, stride=stride, dilation=dilation)
    direction = torch.randn_like(out)
    expected = torch.autograd.grad(out, [inputs, weight], direction)
    with torch.no_grad():
        of_inputs = input_gradient(direction, inputs, weight, stride=stride, dilation=dilation)
        of_weight = weight_gradient(direction, inputs, weight, stride=stride, dilation=dilation)
    tolerance = {"rtol": 1e-4, "atol": 1e-4} if dtype == torch.float32 else {}
    torch.testing.assert_close((of_inputs, of_weight), expected, **tolerance)


@pytest.mark.parametrize("size", [3, 5])
def test_dilation_two_is_dilation_one_on_the_rearranged_pixels(size: int) -> None:
    images, weight = features(8, 6).double(), torch.randn(16, 1, size, size, dtype=torch.float64)
    split = unpaired(convolve(paired(split_parities(images)), weight.repeat(2, 1, 1, 1)))
    torch.testing.assert_close(join_parities(split), convolve(images, weight, dilation=2))
    torch.testing.assert_close(join_parities(split_parities(images)), images, rtol=0, atol=0)

"""1x1 convolutions followed by batch norm, computed as one 1x1 convolution.

With z the convolution's inputs, y = P z and y^ = (y - mean y) / sqrt(var y + eps), the statistics of y follow from
those of z: mean y = P mean z, var y = diag(P Cov(z) P^T). So y^ = F z + b is one convolution with the folded weight
F = P / sqrt(var y + eps), y itself is never stored, and the gradients too are small matrices times z and the gradient g
of y^: grad z = F^T g - F^T diag(q / M) F z + const with q = sum g y^ over the M pixels of the batch. The first
axis of all matrices here numbers several such convolutions, U of them, with O outputs and C inputs each.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

EPSILON = 1e-5  # of torch's batch norm


@dataclass(frozen=True)
class Normalised:
    """The convolutions F z + b and what their gradients need."""

    mean: Tensor  # (U, C), of z
    covariance: Tensor  # (U, C, C), of z
    inverse_deviation: Tensor  # (U, O), of y
    folded: Tensor  # (U, O, C)
    shift: Tensor  # (U, O)
    pixels: int

    @classmethod
    def of(cls, features: Sequence[Tensor], pointwise: Sequence[Tensor]) -> "Normalised":
        """From every convolution's inputs (N, C, H, W) and weight (O, C, 1, 1)."""
        pixels = features[0].numel() // features[0].shape[1]
        mean = torch.stack([pixel_sum(z) for z in features]) / pixels
        second_moment = torch.stack([pixel_products(z, z) for z in features]) / pixels
        covariance = torch.baddbmm(second_moment, mean[:, :, None], mean[:, None, :], alpha=-1)
        weight = torch.stack([w.flatten(1) for w in pointwise])
        variance = (torch.bmm(weight, covariance) * weight).sum(-1).clamp_min(0)
        inverse_deviation = (variance + EPSILON).rsqrt()
        folded = weight * inverse_deviation[:, :, None]
        shift = -torch.bmm(folded, mean[:, :, None])[:, :, 0]
        return cls(mean, covariance, inverse_deviation, folded, shift, pixels)

    def apply(self, unit: int, features: Tensor) -> Tensor:
        """y^ of one of the convolutions, (N, O, H, W)."""
        weight, shift = self.folded[unit][:, :, None, None], self.shift[unit]
        return F.conv2d(features, weight.to(features.dtype), shift.to(features.dtype))

    def gradients(self, sums: Tensor, products: Tensor, scale: Tensor | None = None) -> "Gradients":
        """The gradients of scale * y^ from those of the output, g: their `pixel_sum`s and `pixel_products` with z.

        `sums` is (U, O) or (O,), `products` (U, O, C), `scale` (U,) or one.
        """
        centred = products - sums[..., None] * self.mean[:, None, :]
        correlation = (self.folded * centred).sum(-1)
        folded, deviation = self.folded, self.inverse_deviation
        if scale is not None:
            folded, deviation = folded * scale[:, None, None], deviation * scale[:, None]
        transposed = folded.transpose(1, 2)
        along_correlation = torch.bmm(transposed, correlation[:, :, None] * self.folded) / -self.pixels
        constant = torch.bmm(transposed, (sums + correlation * self.shift)[:, :, None])[:, :, 0] / -self.pixels
        explained = correlation[:, :, None] * torch.bmm(self.folded, self.covariance)
        return Gradients(
            scale=correlation.sum(-1),
            pointwise=(deviation[:, :, None] * (centred - explained))[..., None, None],
            of_output=transposed.contiguous()[..., None, None],
            of_features=along_correlation[..., None, None],
            constant=constant,
        )


@dataclass(frozen=True)
class Gradients:
    """grad z = of_output g + of_features z + constant, and the gradients in scale and P."""

    scale: Tensor  # (U,)
    pointwise: Tensor  # (U, O, C, 1, 1)
    of_output: Tensor  # (U, C, O, 1, 1)
    of_features: Tensor  # (U, C, C, 1, 1)
    constant: Tensor  # (U, C)

    def features(self, unit: int, output_gradient: Tensor, features: Tensor) -> Tensor:
        """grad z of one of the convolutions, (N, C, H, W)."""
        dtype = features.dtype
        found = F.conv2d(output_gradient, self.of_output[unit].to(dtype), self.constant[unit].to(dtype))
        return found.add_(F.conv2d(features, self.of_features[unit].to(dtype)))


def pixel_sum(features: Tensor) -> Tensor:
    """(N, C, H, W) -> (C,), at least float32."""
    return _rows(features).sum(0, dtype=_statistics_dtype(features))


def pixel_products(first: Tensor, second: Tensor) -> Tensor:
    """sum over all pixels of first second^T: (N, O, H, W), (N, C, H, W) -> (O, C), at least float32."""
    first, second = first.to(_statistics_dtype(first)), second.to(_statistics_dtype(second))
    if first.device.type != "cpu" or first.dtype != torch.float32:
        return _rows(first).T @ _rows(second)
    # oneDNN's gradient of a 1x1 convolution in its weight: twice as fast as the matrix product of BLAS.
    found: Tensor = torch.ops.aten.convolution_backward(
        first,
        second,
        second.new_empty(first.shape[1], second.shape[1], 1, 1),
        None,
        (1, 1),
        (0, 0),
        (1, 1),
        False,
        (0, 0),
        1,
        (False, True, False),
    )[1]
    return found.flatten(1)


def _statistics_dtype(features: Tensor) -> torch.dtype:
    return torch.promote_types(features.dtype, torch.float32)


def _rows(features: Tensor) -> Tensor:
    return features.permute(0, 2, 3, 1).reshape(-1, features.shape[1])


__all__ = ["Gradients", "Normalised", "pixel_products", "pixel_sum"]

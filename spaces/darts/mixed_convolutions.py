"""The weighted sum of all convolutions that lead to one node of a DARTS cell."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from spaces.darts.depthwise import (
    convolve,
    input_gradient,
    join_parities,
    paired,
    split_parities,
    unpaired,
    weight_gradient,
)
from spaces.darts.normalised import Normalised, pixel_products, pixel_sum


@dataclass(frozen=True)
class Branch:
    """One operation: depthwise and 1x1 convolution and batch norm, of rectified features; separable ones twice."""

    source: int  # which of the features
    separable: bool
    stride: int = 1  # of the first depthwise convolution
    dilation: int = 1
    split: bool = False  # the features are `split_parities`' and the depthwise convolution is of `paired` columns

    @property
    def weights(self) -> int:
        """How many weights it has: depthwise and pointwise in turn."""
        return 4 if self.separable else 2


def mixed_convolutions(
    branches: Sequence[Branch], features: Sequence[Tensor], weights: Sequence[Tensor], scales: Tensor, *, fused: bool
) -> Tensor:
    """sum_b scale_b * branch_b(features): features (N, C, H, W) with the channels last -> (N, C, H', W').

    `weights` are every branch's in turn. The fused form has first derivatives only; no branch is split in the other.
    """
    if not fused:
        groups = zip(branches, _grouped(branches, weights), scales.unbind(), strict=True)
        return reduce(torch.add, (scale * _branch(b, features[b.source], group) for b, group, scale in groups))
    with torch.autocast(features[0].device.type, enabled=False):  # the statistics of batch norms stay float32
        total: Tensor = _MixedConvolutions.apply(branches, len(features), scales, *features, *weights)
    return total


def _branch(branch: Branch, features: Tensor, weights: Sequence[Tensor]) -> Tensor:
    """One branch of torch's own operations."""
    out = convolve(features, weights[0], stride=branch.stride, dilation=branch.dilation)
    out = F.batch_norm(F.conv2d(out, weights[1]), None, None, training=True)
    if branch.separable:
        out = F.conv2d(convolve(F.relu(out), weights[2]), weights[3])
        out = F.batch_norm(out, None, None, training=True)
    return out


class _MixedConvolutions(torch.autograd.Function):
    """sum_b scale_b * branch_b(features): features (N, C, H, W) with the channels last -> (N, C, H', W').

    Nothing of the branches but the statistics of their batch norms is kept for the gradients: the depthwise
    convolutions, memory-bound like the writing and reading of what they compute, are run again.
    """

    @staticmethod
    def forward(ctx: Any, branches: Sequence[Branch], sources: int, scales: Tensor, *tensors: Tensor) -> Tensor:
        """`tensors`: the `sources` features, then every branch's weights."""
        features, weights = tensors[:sources], _grouped(branches, tensors[sources:])
        inner_features = _inner_features(branches, features, weights)
        inner = None
        if inner_features:
            inner = Normalised.of(inner_features, [group[1] for group in weights if len(group) == 4])
        activations = [inner.apply(unit, z).relu_() for unit, z in enumerate(inner_features) if inner]
        outer_features = _outer_features(branches, features, activations, weights)
        outer = Normalised.of(outer_features, [group[-1] for group in weights])
        folded = (outer.folded * scales[:, None, None])[..., None, None].to(features[0].dtype)
        shift = (outer.shift * scales[:, None]).sum(0).to(features[0].dtype)
        totals: dict[bool, Tensor] = {}
        for unit, (branch, z) in enumerate(zip(branches, outer_features, strict=True)):
            if branch.split not in totals:
                totals[branch.split] = F.conv2d(z, folded[unit], None if totals else shift)
            else:
                totals[branch.split].add_(F.conv2d(z, folded[unit]))
        ctx.save_for_backward(scales, *tensors)
        ctx.branches, ctx.sources, ctx.inner, ctx.outer = branches, sources, inner, outer
        if True not in totals:
            return totals[False]
        joined = join_parities(totals[True])
        return totals[False].add_(joined) if False in totals else joined.clone()  # callers add to it: no view

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        """Gradients in the scales, the features and, where asked for, the weights."""
        branches, sources, inner, outer = ctx.branches, ctx.sources, ctx.inner, ctx.outer
        scales, *saved = ctx.saved_tensors
        features, weights = saved[:sources], _grouped(branches, saved[sources:])
        inner_features = _inner_features(branches, features, weights)
        activations = [inner.apply(unit, z).relu_() for unit, z in enumerate(inner_features)]
        outer_features = _outer_features(branches, features, activations, weights)
        wanted = any(ctx.needs_input_grad[3 + sources :])

        whole = gradients[0].contiguous(memory_format=torch.channels_last)
        arranged = {False: whole}
        if any(branch.split for branch in branches):
            arranged[True] = split_parities(whole)
        products = [pixel_products(arranged[b.split], z) for b, z in zip(branches, outer_features, strict=True)]
        outer_gradients = outer.gradients(pixel_sum(whole), torch.stack(products), scales)
        weight_gradients: list[list[Tensor | None]] = [[None] * len(group) for group in weights]
        source_gradients: list[Tensor | None] = [None] * sources

        def add(source: int, term: Tensor) -> None:
            total = source_gradients[source]
            source_gradients[source] = term if total is None else total.add_(term)

        inner_gradients: list[Tensor] = []
        for unit, (branch, group, z) in enumerate(zip(branches, weights, outer_features, strict=True)):
            gradient = outer_gradients.features(unit, arranged[branch.split], z)
            if wanted:
                weight_gradients[unit][-1] = outer_gradients.pointwise[unit]
            if branch.separable:
                activation = activations[len(inner_gradients)]
                if wanted:
                    weight_gradients[unit][2] = weight_gradient(gradient, activation, group[2])
                passed = input_gradient(gradient, activation, group[2])
                inner_gradients.append(torch.ops.aten.threshold_backward(passed, activation, 0))
                continue
            kernel, inputs = group[0], features[branch.source]
            if branch.split:
                kernel, inputs, gradient = kernel.repeat(2, 1, 1, 1), paired(inputs), paired(gradient)
            if wanted:
                found = weight_gradient(gradient, inputs, kernel, dilation=branch.dilation)
                weight_gradients[unit][0] = found.unflatten(0, (-1, len(group[0]))).sum(0)
            passed = input_gradient(gradient, inputs, kernel, dilation=branch.dilation)
            add(branch.source, unpaired(passed) if branch.split else passed)

        if inner_gradients:
            sums = torch.stack([pixel_sum(g) for g in inner_gradients])
            products = [pixel_products(g, z) for g, z in zip(inner_gradients, inner_features, strict=True)]
            found_inner = inner.gradients(sums, torch.stack(products))
            separable = [unit for unit, branch in enumerate(branches) if branch.separable]
            for position, unit in enumerate(separable):
                branch, kernel = branches[unit], weights[unit][0]
                gradient = found_inner.features(position, inner_gradients[position], inner_features[position])
                inputs = features[branch.source]
                if wanted:
                    weight_gradients[unit][0] = weight_gradient(gradient, inputs, kernel, stride=branch.stride)
                    weight_gradients[unit][1] = found_inner.pointwise[position]
                add(branch.source, input_gradient(gradient, inputs, kernel, stride=branch.stride))
        flat = [g for group in weight_gradients for g in group]
        return None, None, outer_gradients.scale, *source_gradients, *flat


def _inner_features(
    branches: Sequence[Branch], features: Sequence[Tensor], weights: Sequence[Sequence[Tensor]]
) -> list[Tensor]:
    """What the first 1x1 convolutions of the separable branches take."""
    return [
        convolve(features[branch.source], group[0], stride=branch.stride)
        for branch, group in zip(branches, weights, strict=True)
        if branch.separable
    ]


def _outer_features(
    branches: Sequence[Branch],
    features: Sequence[Tensor],
    activations: Sequence[Tensor],
    weights: Sequence[Sequence[Tensor]],
) -> list[Tensor]:
    """What every branch's last 1x1 convolution takes."""
    remaining, found = iter(activations), []
    for branch, group in zip(branches, weights, strict=True):
        if branch.separable:
            found.append(convolve(next(remaining), group[2]))
        elif branch.split:
            found.append(unpaired(convolve(paired(features[branch.source]), group[0].repeat(2, 1, 1, 1))))
        else:
            found.append(convolve(features[branch.source], group[0], dilation=branch.dilation))
    return found


def _grouped(branches: Sequence[Branch], weights: Sequence[Tensor]) -> list[Sequence[Tensor]]:
    groups, start = [], 0
    for branch in branches:
        groups.append(weights[start : start + branch.weights])
        start += branch.weights
    return groups


__all__ = ["Branch", "mixed_convolutions"]

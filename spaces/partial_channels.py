"""Partial channel connections: operations see a share of the channels (PC-DARTS, Xu et al., ICLR 2020).

On the edge from x_i to x_j with edge weight b (the sum of the edge's mixture weights; PC-DARTS, Eq. 2-4):
f(x_i) = b * mixture(x_i[: C / K]) next to b * x_i[C / K :], and the channels of every node are shuffled.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from spaces.errors import InputError


def check_share(channels: int, share: int) -> int:
    """C / K; raises InputError where K does not divide C."""
    if channels % share:
        raise InputError(
            f"1/{share} of {channels} channels is no whole number: choose a number of channels divisible by {share}"
        )
    return channels // share


def joined(
    mixed: Tensor | None, rests: Mapping[int, Tensor], edges: Sequence[tuple[int, Tensor]], *, share: int
) -> Tensor:
    """The node (N, C, H, W) from the sum of its mixtures (N, C / K, H, W) and what passes by.

    `rests` are the other channels of every source, (N, C - C / K, H, W); `edges` are (source, edge weight). None is a
    sum of no mixtures.
    """
    source, weight = edges[0]
    rest = rests[source] * weight
    for source, weight in edges[1:]:
        rest = rest + rests[source] * weight
    if mixed is None:
        mixed = rest.new_zeros(rest.shape[0], rest.shape[1] // (share - 1), *rest.shape[2:])
    return shuffled(torch.cat([mixed, rest], dim=1), share)


def shuffled(features: Tensor, groups: int) -> Tensor:
    """The channels in turn from each of so many groups (ShuffleNet); (N, C, H, W), channels last."""
    count, channels, *size = features.shape
    turned = features.view(count, groups, channels // groups, *size).transpose(1, 2)
    return turned.reshape(count, channels, *size).contiguous(memory_format=torch.channels_last)

"""The topology space's search network in its plain form: every operation computed on its own, then summed."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from spaces.topology.architecture import EDGES, OPERATIONS
from spaces.topology.supernet import TopologySupernet


def plain_logits(net: TopologySupernet, images: Tensor, mixture: Tensor, *, skip_zero: bool = False) -> Tensor:
    """The search network of NAS-Bench-201 with every operation computed on its own, on the supernet's weights.

    Over all operations or, as implementations of GDAS have it, over those of weights other than zero.
    """

    def normalised(x: Tensor, norm: Any = None) -> Tensor:
        mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), keepdim=True, unbiased=False)
        out = (x - mean) / (variance + 1e-5).sqrt()
        return out if norm is None else out * norm.weight[:, None, None] + norm.bias[:, None, None]

    def operation(name: str, cell: Any, edge: int, x: Tensor) -> Tensor:
        if name == "none":
            return x * 0
        if name == "skip_connect":
            return x
        if name == "avg_pool_3x3":
            return F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        if name == "nor_conv_1x1":
            return normalised(F.conv2d(x.relu(), cell.convolutions_1x1[edge].weight))
        return normalised(F.conv2d(x.relu(), cell.convolutions_3x3[edge].weight, padding=1))

    def block(module: Any, x: Tensor) -> Tensor:
        (_, first, first_norm), (_, second, second_norm) = module.first, module.second
        out = normalised(F.conv2d(x.relu(), first.weight, stride=2, padding=1), first_norm)
        out = normalised(F.conv2d(out.relu(), second.weight, padding=1), second_norm)
        return out + F.conv2d(F.avg_pool2d(x, 2), module.shortcut[1].weight)

    def cell_output(cell: Any, x: Tensor) -> Tensor:
        nodes = [x, x * 0, x * 0, x * 0]
        for edge, (target, source) in enumerate(EDGES):
            for column, name in enumerate(OPERATIONS):
                if skip_zero and mixture[edge, column] == 0:
                    continue
                nodes[target] = nodes[target] + mixture[edge, column] * operation(name, cell, edge, nodes[source])
        return nodes[3]

    skeleton: Any = net.skeleton
    x = normalised(F.conv2d(images, skeleton.stem[0].weight, padding=1), skeleton.stem[1])
    for stage, cells in enumerate(skeleton.stages):
        if stage:
            x = block(skeleton.reductions[stage - 1], x)
        for cell in cells:
            x = cell_output(cell, x)
    x = normalised(x, skeleton.head[0]).relu().mean((2, 3))
    return F.linear(x, skeleton.head[4].weight, skeleton.head[4].bias)

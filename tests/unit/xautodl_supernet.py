"""The weights of a topology supernet in xautodl's search networks."""

from typing import Any

import torch
from torch import Tensor

from spaces.topology.architecture import EDGES
from spaces.topology.supernet import TopologySupernet


def copied_to_xautodl(net: TopologySupernet, theirs: Any) -> dict[Tensor, Tensor]:
    """Copy the supernet's weights into xautodl's search network; {our weight: its weight}."""
    pairs: dict[Any, Any] = {
        net.skeleton.stem[0].weight: theirs.stem[0].weight,
        net.skeleton.head[4].weight: theirs.classifier.weight,
        net.skeleton.head[4].bias: theirs.classifier.bias,
    }
    norms = [(net.skeleton.stem[1], theirs.stem[1]), (net.skeleton.head[0], theirs.lastact[0])]
    cells = iter(theirs.cells)
    for stage, mixed_cells in enumerate(net.skeleton.stages):
        if stage:
            block, other = net.skeleton.reductions[stage - 1], next(cells)
            for mine, its in ((block.first, other.conv_a.op), (block.second, other.conv_b.op)):
                pairs[mine[1].weight] = its[1].weight
                norms.append((mine[2], its[2]))
            pairs[block.shortcut[1].weight] = other.downsample[1].weight
        for mixed in mixed_cells.children():
            edges = next(cells).edges
            for edge, (target, source) in enumerate(EDGES):
                pairs[mixed.convolutions_1x1[edge].weight] = edges[f"{target}<-{source}"][2].op[1].weight
                pairs[mixed.convolutions_3x3[edge].weight] = edges[f"{target}<-{source}"][3].op[1].weight
    for mine, its in norms:
        pairs[mine.weight], pairs[mine.bias] = its.weight, its.bias
    assert set(pairs) == set(net.parameters())
    with torch.no_grad():
        for ours, its in pairs.items():
            its.copy_(ours)
    return pairs

"""The stand-alone network of a genotype as a plain search network that has the genotype's operations alone."""

import torch
from torch import nn

from spaces.darts.architecture import Genotype
from spaces.darts.space import DartsSpace
from tests.unit.plain_darts_supernet import PlainDartsSupernet


def assert_network_is_plain(space: DartsSpace, architecture: Genotype) -> None:
    """With the same weights, both compute the same."""
    torch.manual_seed(0)
    wirings = tuple(
        [(edge.target, edge.source, [edge.operation]) for edge in cell]
        for cell in (architecture.normal, architecture.reduce)
    )
    plain = PlainDartsSupernet(channels=4, cells=3, classes=5, wirings=wirings).double()
    network = space.network(architecture, classes=5, in_channels=3, channels=4, cells=3).double()
    ours, theirs = (
        [module.weight for module in net.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
        for net in (network, plain)
    )
    with torch.no_grad():
        for weight, value in zip(ours, theirs, strict=True):
            weight.copy_(value)
        network.classifier.bias.copy_(plain.classifier.bias)
    for module in plain.modules():  # poolings have a batch norm in the search network alone
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Sequential) and isinstance(child[0], nn.MaxPool2d | nn.AvgPool2d):
                setattr(module, name, child[0])
    images = torch.randn(4, 3, 8, 8).double()
    mixture = [torch.ones(len(wiring), 1).double() for wiring in wirings]
    torch.testing.assert_close(network(images), plain(images, mixture))


__all__ = ["assert_network_is_plain"]

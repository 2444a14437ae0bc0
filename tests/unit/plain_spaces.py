"""The spaces with plain supernets, which start from the same weights as the product's."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.darts.space import DartsSpace
from spaces.darts.supernet import DartsSupernet
from spaces.space import Batch, SuperNet
from spaces.topology.space import TopologySpace
from spaces.topology.supernet import TopologySupernet
from tests.unit.plain_darts_supernet import MixedOp, PlainDartsSupernet
from tests.unit.plain_topology_supernet import plain_logits


class _Plain(SuperNet):
    """A network whose `logits` are plain."""

    def logits(self, images: Tensor, mixture: Sequence[Tensor]) -> Tensor:
        raise NotImplementedError

    def loss(self, batch: Batch, mixture: Sequence[Tensor]) -> Tensor:
        return F.cross_entropy(self.logits(batch.inputs, mixture), batch.targets)

    def errors(self, batch: Batch, mixture: Sequence[Tensor]) -> Tensor:
        return (self.logits(batch.inputs, mixture).argmax(1) != batch.targets).sum()


class PlainDarts(_Plain):
    """DARTS' search network as its authors' code has it; like GDAS' code, it leaves out operations of weight zero."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.network = PlainDartsSupernet(**settings)

    def logits(self, images: Tensor, mixture: Sequence[Tensor]) -> Tensor:
        for module in self.network.modules():
            if isinstance(module, MixedOp):
                module.skip_zero = not self.dense
        return self.network(images, mixture)


class PlainTopology(_Plain):
    """NAS-Bench-201's search network in plain arithmetic."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        self.network = TopologySupernet(**settings)

    def logits(self, images: Tensor, mixture: Sequence[Tensor]) -> Tensor:
        return plain_logits(self.network, images, mixture[0], skip_zero=not self.dense)


class PlainDartsSpace(DartsSpace):
    """The DARTS space, searched on the plain network."""

    partial_channels = False

    def supernet(self, *, classes: int, in_channels: int, **settings: Any) -> Any:
        state = torch.get_rng_state()
        sizes = {"classes": classes, "in_channels": in_channels, **settings}
        sizes.pop("draws", None)  # what the plain network cannot
        network = PlainDarts(**sizes)
        torch.set_rng_state(state)  # the weights are those of the network that is built next
        _copy(DartsSupernet(**sizes), network.network)
        return network


class PlainTopologySpace(TopologySpace):
    """The topology space, searched on the plain network."""

    partial_channels = False

    def supernet(self, *, classes: int, in_channels: int, **settings: Any) -> Any:
        return PlainTopology(classes=classes, in_channels=in_channels, **settings)


def _copy(source: nn.Module, target: nn.Module) -> None:
    """Both hold their weights in one order."""
    target.load_state_dict(
        dict(zip(target.state_dict(), (weight.detach() for weight in source.parameters()), strict=True))
    )


__all__ = ["PlainDartsSpace", "PlainTopologySpace"]

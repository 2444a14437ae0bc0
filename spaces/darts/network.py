"""The network that a genotype stands for, trained from scratch (Liu et al., "DARTS", ICLR 2019, Appendix A.2)."""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.darts.architecture import Edge, Genotype
from spaces.darts.auxiliary_head import AuxiliaryHead
from spaces.darts.cell import INPUTS
from spaces.darts.operations import FactorizedReduce, ReLUConvBN, operation_module


def is_reduction(cell: int, cells: int) -> bool:
    """Whether the cell with this index halves the resolution: those at one and at two thirds of the depth do."""
    return cell in (cells // 3, 2 * cells // 3)


def drop_path(features: Tensor, probability: float) -> Tensor:
    """Zero all features of an image, for each image with this probability, and scale the others to keep the mean."""
    keep = 1.0 - probability
    kept = features.new_empty(len(features), 1, 1, 1).bernoulli_(keep)
    return features * (kept / keep)


class Cell(nn.Module):
    """A normal or a reduction cell: two features (N, C', H', W') -> (N, output_channels, H, W).

    `halved` tells that the earlier input has twice the resolution of the later one.
    """

    def __init__(
        self,
        genotype: Genotype,
        *,
        inputs: tuple[int, int],
        channels: int,
        reduction: bool,
        halved: bool,
    ) -> None:
        super().__init__()
        edges = genotype.reduce if reduction else genotype.normal
        concat = genotype.reduce_concat if reduction else genotype.normal_concat
        self.channels, self.reduction = channels, reduction
        self.edges, self.output_nodes = edges, _output_nodes(edges, concat)
        self.output_channels = channels * len(self.output_nodes)
        self.earlier = (FactorizedReduce if halved else ReLUConvBN)(inputs[0], channels)
        self.later = ReLUConvBN(inputs[1], channels)
        self.operations = nn.ModuleDict(
            {
                str(place): operation_module(operation, channels, stride=2 if reduction and source < INPUTS else 1)
                for place, (operation, source, _) in enumerate(edges)
                if operation != "none"
            }
        )

    def forward(self, earlier: Tensor, later: Tensor, drop_path_probability: float) -> Tensor:
        """The concatenated nodes; paths are dropped in training only, and identities never."""
        nodes = {0: self.earlier(earlier), 1: self.later(later)}
        for place, operation in self.operations.items():
            _, source, target = self.edges[int(place)]
            term = operation(self._node(nodes, source))
            if self.training and drop_path_probability > 0 and not isinstance(operation, nn.Identity):
                term = drop_path(term, drop_path_probability)
            nodes[target] = nodes[target] + term if target in nodes else term
        return torch.cat([self._node(nodes, node) for node in self.output_nodes], dim=1)

    def _node(self, nodes: dict[int, Tensor], node: int) -> Tensor:
        """The features of a node: zeros where no operation leads to it."""
        if node in nodes:
            return nodes[node]
        batch, channels, height, width = nodes[1].shape
        step = 2 if self.reduction else 1
        return nodes[1].new_zeros(batch, channels, -(-height // step), -(-width // step))


def _output_nodes(edges: Iterable[Edge], concat: tuple[int, ...]) -> tuple[int, ...]:
    """The nodes to concatenate: nodes without edges are left out, as FairDARTS does, unless none would be left."""
    targets = {edge.target for edge in edges}
    return tuple(node for node in concat if node in targets) or concat


class DartsNetwork(nn.Module):
    """Stem, `cells` cells of which two reduce, global pooling, classifier: images -> logits (N, classes).

    The stem for CIFAR keeps the resolution of the images (N, in_channels, H, W). Reductions double the number of
    channels. Batch norms are affine and keep running statistics. `drop_path_probability` is for the training loop to
    set. With `auxiliary`, training mode returns (logits, auxiliary logits), the latter from the second reduction.
    """

    drop_path_probability: float = 0.0

    def __init__(
        self,
        genotype: Genotype,
        *,
        channels: int = 36,
        cells: int = 20,
        classes: int = 10,
        in_channels: int = 3,
        auxiliary: bool = False,
    ) -> None:
        super().__init__()
        self.stem, inputs, halved = self._stem(in_channels, channels)
        self.cells = nn.ModuleList()
        self.auxiliary_head: AuxiliaryHead | None = None
        self.auxiliary_cell = 2 * cells // 3
        for place in range(cells):
            reduction = is_reduction(place, cells)
            channels *= 2 if reduction else 1
            cell = Cell(genotype, inputs=inputs, channels=channels, reduction=reduction, halved=halved)
            self.cells.append(cell)
            inputs, halved = (inputs[1], cell.output_channels), reduction
            if auxiliary and place == self.auxiliary_cell:
                self.auxiliary_head = self._auxiliary_head(cell.output_channels, classes)
        self.classifier = nn.Linear(inputs[1], classes)
        # Small convolutions, batch norms and poolings all run faster with the channels last.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _stem(self, in_channels: int, channels: int) -> tuple[nn.ModuleList, tuple[int, int], bool]:
        """The stem's two stages, their channels, and whether the second one halves the resolution."""
        width = 3 * channels
        first = nn.Sequential(nn.Conv2d(in_channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))
        return nn.ModuleList([first, nn.Identity()]), (width, width), False

    def _auxiliary_head(self, inputs: int, classes: int) -> AuxiliaryHead:
        return AuxiliaryHead(inputs, classes, pooling_stride=3, second_norm=True)

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        """Images (N, in_channels, H, W) -> logits (N, classes), or a pair of them in training with `auxiliary`."""
        earlier = self.stem[0](images.contiguous(memory_format=torch.channels_last))
        later = self.stem[1](earlier)
        auxiliary_logits = None
        for place, cell in enumerate(self.cells):
            earlier, later = later, cell(earlier, later, self.drop_path_probability)
            if self.training and self.auxiliary_head is not None and place == self.auxiliary_cell:
                auxiliary_logits = self.auxiliary_head(later)
        logits: Tensor = self.classifier(F.adaptive_avg_pool2d(later, 1).flatten(1))
        return logits if auxiliary_logits is None else (logits, auxiliary_logits)


class ImageNetNetwork(DartsNetwork):
    """The same for ImageNet: three convolutions of stride 2 before the cells (Appendix A.3, the mobile setting)."""

    def __init__(
        self,
        genotype: Genotype,
        *,
        channels: int = 48,
        cells: int = 14,
        classes: int = 1000,
        in_channels: int = 3,
        auxiliary: bool = False,
    ) -> None:
        super().__init__(
            genotype,
            channels=channels,
            cells=cells,
            classes=classes,
            in_channels=in_channels,
            auxiliary=auxiliary,
        )

    def _stem(self, in_channels: int, channels: int) -> tuple[nn.ModuleList, tuple[int, int], bool]:
        def halving(inputs: int, outputs: int) -> list[nn.Module]:
            convolution = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1, bias=False)
            return [convolution, nn.BatchNorm2d(outputs)]

        first = [*halving(in_channels, channels // 2), nn.ReLU(), *halving(channels // 2, channels)]
        second = [nn.ReLU(), *halving(channels, channels)]
        return nn.ModuleList([nn.Sequential(*first), nn.Sequential(*second)]), (channels, channels), True

    def _auxiliary_head(self, inputs: int, classes: int) -> AuxiliaryHead:
        return AuxiliaryHead(inputs, classes, pooling_stride=2, second_norm=False)


__all__ = ["Cell", "DartsNetwork", "ImageNetNetwork", "drop_path", "is_reduction"]

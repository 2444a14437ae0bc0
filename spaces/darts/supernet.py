"""The DARTS space's supernet: every operation of every edge, with weights shared by all architectures."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.darts.cell import NODES
from spaces.darts.mixed_cell import MixedCell, batch_norm, executed
from spaces.space import Batch, SuperNet


class DartsSupernet(SuperNet):
    """DARTS' search network (Liu et al., ICLR 2019, Section 3.1): a stem, mixed cells, a linear classifier.

    The mixture is two tensors, of the normal and of the reduction cells, each (edges, 8) in the order of `edges()`
    and OPERATIONS, on the images' device. Cells `cells // 3` and `2 * cells // 3` halve the resolution and double the
    channels. Batch norms always use the statistics of the batch, those within cells have no affine parameters. `none`
    and operations with mixture weight zero are not executed, nor are those on nodes that are zero throughout.
    """

    def __init__(
        self,
        *,
        channels: int = 16,
        cells: int = 8,
        nodes: int = NODES,
        classes: int = 10,
        in_channels: int = 3,
        stem_multiplier: int = 3,
    ) -> None:
        super().__init__()
        self.nodes = nodes
        older = newer = stem_multiplier * channels
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, newer, 3, padding=1, bias=False), batch_norm(newer, affine=True)
        )
        self.cells = nn.ModuleList()
        previous_reduction = False
        for index in range(cells):
            reduction = index in (cells // 3, 2 * cells // 3)
            channels = 2 * channels if reduction else channels
            cell = MixedCell(nodes, older, newer, channels, reduction=reduction, previous_reduction=previous_reduction)
            self.cells.append(cell)
            previous_reduction = reduction
            older, newer = newer, nodes * channels
        self.classifier = nn.Linear(newer, classes)
        # Convolutions, batch norms and poolings of few channels all run faster with the channels last.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor, mixture: Sequence[Tensor]) -> Tensor:
        """Images (N, in_channels, H, W) -> logits (N, classes)."""
        plans = [executed(active, self.nodes) for active in self.active(mixture)]
        older = newer = self.stem(images.contiguous(memory_format=torch.channels_last))
        for cell in self.cells:
            kind = int(cell.reduction)  # type: ignore[arg-type]
            older, newer = newer, self.run_cell(cell, older, newer, mixture[kind], plans[kind], self.fused)
        pixels = newer.permute(0, 2, 3, 1).flatten(1, 2)  # so the gradient has the channels last, too
        logits: Tensor = self.classifier(pixels.mean(1))
        return logits

    def loss(self, batch: Batch, mixture: Sequence[Tensor]) -> Tensor:
        """The mean cross entropy of the batch, a scalar."""
        return F.cross_entropy(self(batch.inputs, mixture), batch.targets)

    def errors(self, batch: Batch, mixture: Sequence[Tensor]) -> Tensor:
        """The number of wrongly classified images of the batch, a scalar tensor."""
        with torch.no_grad():
            return (self(batch.inputs, mixture).argmax(dim=1) != batch.targets).sum()


__all__ = ["DartsSupernet"]

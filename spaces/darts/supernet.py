"""The DARTS space's supernet: every operation of every edge, with weights shared by all architectures."""

from collections.abc import Sequence
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spaces.darts.cell import ALL_OPERATIONS, NODES, CellDesign, complete_cell
from spaces.darts.mixed_cell import NOISE, MixedCell, batch_norm, executed
from spaces.darts.noise import NoiseCounter
from spaces.space import Batch, SuperNet


class DartsSupernet(SuperNet):
    """DARTS' search network (Liu et al., ICLR 2019, Section 3.1): a stem, mixed cells, a linear classifier.

    The mixture is two tensors, of the normal and of the reduction cells, each (edges, operations) in the order of their
    designs, on the images' device. Without `designs`, cells are DARTS' own with so many `nodes`: their mixtures are
    (edges, 8) in the order of `edges()` and OPERATIONS. Cells `cells // 3` and `2 * cells // 3` halve the resolution
    and double the channels. Batch norms always use the statistics of the batch, those within cells have no affine
    parameters. `none` and operations with mixture weight zero are not executed, nor are those on nodes that are zero
    throughout. With `partial_channels` K, operations see 1 / K of the channels. Skip
    connections can be dropped out where the network counts its passes, with `draws` or noise among the operations.
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
        designs: tuple[CellDesign, CellDesign] | None = None,
        partial_channels: int = 1,
        draws: int = 0,
    ) -> None:
        super().__init__()
        self.partial_channels = partial_channels
        self.designs = designs or (complete_cell(nodes),) * 2
        older = newer = stem_multiplier * channels
        self.stem = nn.Sequential(
            nn.Conv2d(in_channels, newer, 3, padding=1, bias=False), batch_norm(newer, affine=True)
        )
        self.cells = nn.ModuleList()
        previous_reduction = False
        for index in range(cells):
            reduction = index in (cells // 3, 2 * cells // 3)
            channels = 2 * channels if reduction else channels
            design = self.designs[int(reduction)]
            cell = MixedCell(
                design, older, newer, channels,
                reduction=reduction, previous_reduction=previous_reduction, share=partial_channels,
            )  # fmt: skip
            self.cells.append(cell)
            previous_reduction = reduction
            older, newer = newer, design.nodes * channels
        self.classifier = nn.Linear(newer, classes)
        noisy = any(NOISE in columns for design in self.designs for columns in design.columns)
        self.noise = NoiseCounter() if noisy or draws else None
        # Convolutions, batch norms and poolings of few channels all run faster with the channels last.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, images: Tensor, mixture: Sequence[Tensor]) -> Tensor:
        """Images (N, in_channels, H, W) -> logits (N, classes)."""
        mixture = self.mixtures(mixture)
        pairs = zip(self.designs, mixture, self.active(mixture), strict=True)
        whole = [_whole(*pair) for pair in pairs]
        plans = [
            executed(active, design.edges, passed_by=self.partial_channels > 1)
            for design, (_, active) in zip(self.designs, whole, strict=True)
        ]
        noise = self.noise.next() if self.noise else ()
        dropped = self.skip_dropout if self.noise and torch.is_grad_enabled() else 0.0
        older = newer = self.stem(images.contiguous(memory_format=torch.channels_last))
        for index, cell in enumerate(self.cells):
            kind = int(cell.reduction)  # type: ignore[arg-type]
            inputs = older, newer, whole[kind][0], plans[kind], self.fused, (*noise, index), dropped
            older, newer = newer, self.run_cell(cell, *inputs)
        pixels = newer.permute(0, 2, 3, 1).flatten(1, 2)  # so the gradient has the channels last, too
        logits: Tensor = self.classifier(pixels.mean(1))
        return logits

    def mixtures(self, mixture: Sequence[Tensor]) -> Sequence[Tensor]:
        """The weights of all operations on all edges of the normal and of the reduction cell."""
        return mixture

    def loss(self, batch: Batch, mixture: Sequence[Tensor]) -> Tensor:
        """The mean cross entropy of the batch, a scalar."""
        return F.cross_entropy(self(batch.inputs, mixture), batch.targets)

    def errors(self, batch: Batch, mixture: Sequence[Tensor]) -> Tensor:
        """The number of wrongly classified images of the batch, a scalar tensor."""
        with torch.no_grad():
            return (self(batch.inputs, mixture).argmax(dim=1) != batch.targets).sum()


def _whole(
    design: CellDesign, mixture: Tensor, active: tuple[tuple[bool, ...], ...]
) -> tuple[Tensor, tuple[tuple[bool, ...], ...]]:
    """The mixture and the activity of a design's candidates among ALL_OPERATIONS: others weigh nothing."""
    if all(columns == tuple(range(len(columns))) for columns in design.columns):
        return mixture, active
    width = len(ALL_OPERATIONS)
    spread = mixture.new_zeros(len(mixture), width).scatter(1, _columns(design, mixture.device), mixture)
    runs = (dict(zip(*edge, strict=True)) for edge in zip(design.columns, active, strict=True))
    return spread, tuple(tuple(edge.get(operation, False) for operation in range(width)) for edge in runs)


@cache
def _columns(design: CellDesign, device: torch.device) -> Tensor:
    return torch.tensor(design.columns, device=device)


__all__ = ["DartsSupernet"]

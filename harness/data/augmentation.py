"""Pad-crop-flip and cutout for a whole batch at once, as tensor arithmetic from one generator."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Augmentation:
    """What is done to every training image, anew each time it is drawn."""

    pad: int = 0  # black pixels added on each side, from which a window of the original size is cropped; CIFAR: 4
    flip: bool = False  # mirror left-right with probability 1/2
    cutout: int = 0  # side of the square set to the mean, pixels; 0 is none, DARTS: 16 (DeVries & Taylor, 2017)

    def __post_init__(self) -> None:
        if self.pad < 0 or self.cutout < 0:
            raise ValueError(f"pad and cutout are numbers of pixels, not {self.pad} and {self.cutout}")


@dataclass(frozen=True)
class Draws:
    """The random choices of one batch, on the images' device; None for a step that is not done."""

    top: Tensor | None  # (N,) int64 in [0, 2 pad]: first row of the crop in the padded image
    left: Tensor | None  # (N,) int64 in [0, 2 pad]: first column
    mirrored: Tensor | None  # (N,) bool
    centre_row: Tensor | None  # (N,) int64 in [0, H): centre of the cutout square
    centre_column: Tensor | None  # (N,) int64 in [0, W)


def draw(augmentation: Augmentation, images: Tensor, *, generator: torch.Generator) -> Draws:
    """The choices for one batch of images (N, C, H, W), drawn in a fixed order: crop, flip, cutout."""
    count, _, height, width = images.shape

    def below(limit: int) -> Tensor:
        drawn = torch.randint(limit, (count,), generator=generator, device=generator.device)
        return drawn.to(images.device, non_blocking=True)

    top = left = mirrored = centre_row = centre_column = None
    if augmentation.pad:
        top, left = below(2 * augmentation.pad + 1), below(2 * augmentation.pad + 1)
    if augmentation.flip:
        mirrored = below(2).bool()
    if augmentation.cutout:
        centre_row, centre_column = below(height), below(width)
    return Draws(top, left, mirrored, centre_row, centre_column)


def crop_and_flip(images: Tensor, augmentation: Augmentation, draws: Draws) -> Tensor:
    """The images (N, C, H, W) shifted by the drawn crops and mirrored where drawn; any element type."""
    count, _, height, width = images.shape
    if draws.top is not None and draws.left is not None:
        padded = F.pad(images, (augmentation.pad,) * 4)
        windows = padded.unfold(2, height, 1).unfold(3, width, 1)  # (N, C, 2 pad + 1, 2 pad + 1, H, W), a view
        images = windows[torch.arange(count, device=images.device), :, draws.top, draws.left]
    if draws.mirrored is not None:
        images = torch.where(draws.mirrored[:, None, None, None], images.flip(3), images)
    return images


def cut_out(images: Tensor, augmentation: Augmentation, draws: Draws) -> Tensor:
    """The normalised images (N, C, H, W) with a square zeroed around each drawn centre, clipped at the borders."""
    if draws.centre_row is None or draws.centre_column is None:
        return images
    half = augmentation.cutout // 2

    def inside(centre: Tensor, length: int) -> Tensor:  # (N, length)
        distance = torch.arange(length, device=images.device) - centre[:, None]
        return (distance >= -half) & (distance < augmentation.cutout - half)

    rows = inside(draws.centre_row, images.shape[2])
    columns = inside(draws.centre_column, images.shape[3])
    return images.masked_fill((rows[:, :, None] & columns[:, None, :])[:, None], 0.0)


__all__ = ["Augmentation", "Draws", "crop_and_flip", "cut_out", "draw"]

"""Endless mini-batches from a data set held whole on the device; the position in it is a few numbers.

The images are one uint8 tensor on the device; shuffling, cropping, flipping and normalising are tensor arithmetic
on that device, all from the stream's own generator. A stream is resumed bit for bit at any batch from its
`state_dict`, whose size does not depend on the data set's.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from harness.data.augmentation import Augmentation, crop_and_flip, cut_out, draw
from spaces.errors import InputError
from spaces.space import Batch


class BatchStream:
    """Batches of one part of a data set, reshuffled every epoch, without end.

    Each epoch visits every example at most once, in `batches_per_epoch` whole batches; the examples that fill no
    whole batch wait for the next shuffle. The generator belongs to the stream alone: nothing else may draw from it.
    A CPU generator gives the same batches on every device.

    images: (M, C, H, W) uint8 on the device; labels: (M,) class indices; mean, std: one number a channel, for pixel
    values in [0, 1]; indices: (n,) the examples to draw from, all by default. Raises InputError when there are fewer
    examples than one batch takes.
    """

    def __init__(
        self,
        images: Tensor,
        labels: Tensor,
        *,
        batch_size: int,
        generator: torch.Generator,
        mean: Sequence[float] | Tensor,
        std: Sequence[float] | Tensor,
        augment: Augmentation | None = None,
        indices: Tensor | None = None,
    ) -> None:
        _check_pair(images, labels)
        examples = len(images) if indices is None else len(indices)
        if not 1 <= batch_size <= examples:
            raise InputError(f"batch size {batch_size} does not fit {examples} training examples: choose 1-{examples}")
        self._images = images
        self._labels = labels.to(torch.int64)
        self._indices = None if indices is None else indices.to(images.device, torch.int64)
        self._examples = examples
        self._batch_size = batch_size
        self._generator = generator
        self._augment = augment
        self._mean, self._std = _pixel_scale(images, mean, std)
        self._drawn = 0  # batches since the stream began
        self._epoch_start = generator.get_state()  # the generator as it was when this epoch was shuffled
        self._order = torch.empty(0, dtype=torch.int64)

    @property
    def batches_per_epoch(self) -> int:
        """Whole batches between two shuffles."""
        return self._examples // self._batch_size

    @property
    def epoch(self) -> int:
        """The number of epochs completed."""
        return self._drawn // self.batches_per_epoch

    def next(self) -> Batch:
        """The next batch: float32 inputs (N, C, H, W), normalised, channels_last; int64 targets (N,)."""
        position = self._drawn % self.batches_per_epoch
        if position == 0:
            self._shuffle()
        chosen = self._order[position * self._batch_size : (position + 1) * self._batch_size]
        images, labels = self._images[chosen], self._labels[chosen]
        self._drawn += 1
        if self._augment is None:
            return Batch(_normalised(images, self._mean, self._std), labels)
        draws = draw(self._augment, images, generator=self._generator)
        inputs = _normalised(crop_and_flip(images, self._augment, draws), self._mean, self._std)
        return Batch(cut_out(inputs, self._augment, draws), labels)

    def state_dict(self) -> dict[str, Any]:
        """The position, as tensors and integers; a few kilobytes."""
        return {
            "drawn": self._drawn,
            "batch_size": self._batch_size,
            "examples": self._examples,
            # The order of an epoch is drawn again from here, so that it need not be stored.
            "epoch_start": self._epoch_start.clone(),
            "generator": self._generator.get_state(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues exactly after the batch at which the state was taken.

        Raises InputError when the state belongs to another batch size or number of examples.
        """
        for name, own in (("batch_size", self._batch_size), ("examples", self._examples)):
            if state[name] != own:
                raise InputError(
                    f"the saved data position has {name} {state[name]} and this run has {own}: resume with the "
                    f"settings that the run began with"
                )
        self._drawn = state["drawn"]
        self._generator.set_state(state["epoch_start"].cpu())
        if self._drawn % self.batches_per_epoch:
            self._shuffle()
        else:
            self._epoch_start = state["epoch_start"].cpu().clone()
        self._generator.set_state(state["generator"].cpu())

    def _shuffle(self) -> None:
        self._epoch_start = self._generator.get_state()
        order = torch.randperm(self._examples, generator=self._generator, device=self._generator.device)
        order = order.to(self._images.device)
        self._order = order if self._indices is None else self._indices[order]


def ordered_batches(
    images: Tensor,
    labels: Tensor,
    *,
    batch_size: int,
    mean: Sequence[float] | Tensor,
    std: Sequence[float] | Tensor,
    indices: Tensor | None = None,
) -> Iterator[Batch]:
    """Every example once, in order and without augmentation, for evaluation; the last batch may be smaller."""
    _check_pair(images, labels)
    if batch_size < 1:
        raise InputError(f"batch size {batch_size} is not positive: choose at least 1")
    scale = _pixel_scale(images, mean, std)
    labels = labels.to(torch.int64)
    count = len(images) if indices is None else len(indices)
    for start in range(0, count, batch_size):
        stop = min(start + batch_size, count)
        part = slice(start, stop) if indices is None else indices[start:stop].to(images.device)
        yield Batch(_normalised(images[part], *scale), labels[part])


def split_half(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Two random disjoint halves of `range(count)`, int64, the same for a seed on every machine.

    The weights train on the first half and the architecture on the second (DARTS and RARTS halve the training
    images so); of an odd number, the second half has one more.
    """
    if count < 2:
        raise InputError(f"{count} training examples cannot be halved: at least 2 are needed")
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed))
    return order[: count // 2], order[count // 2 :]


def _check_pair(images: Tensor, labels: Tensor) -> None:
    if images.dtype != torch.uint8 or images.ndim != 4:
        raise ValueError(f"images must be uint8 (N, C, H, W), not {images.dtype} {tuple(images.shape)}")
    if labels.shape != images.shape[:1]:
        raise ValueError(f"{len(images)} images need as many labels, not {tuple(labels.shape)}")
    if labels.device != images.device:
        raise ValueError(f"images are on {images.device} and labels on {labels.device}: keep them together")


def _pixel_scale(
    images: Tensor, mean: Sequence[float] | Tensor, std: Sequence[float] | Tensor
) -> tuple[Tensor, Tensor]:
    """Mean and reciprocal deviation of pixel values 0..255, each (1, C, 1, 1) float32 on the images' device."""
    shape = (1, images.shape[1], 1, 1)
    means = torch.as_tensor(mean, dtype=torch.float64).reshape(shape) * 255
    deviations = torch.as_tensor(std, dtype=torch.float64).reshape(shape) * 255
    return means.to(images.device, torch.float32), deviations.reciprocal().to(images.device, torch.float32)


def _normalised(images: Tensor, mean: Tensor, reciprocal_std: Tensor) -> Tensor:
    inputs = images.to(torch.float32, memory_format=torch.channels_last)
    return inputs.sub_(mean).mul_(reciprocal_std)


__all__ = ["BatchStream", "ordered_batches", "split_half"]

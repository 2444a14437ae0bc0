"""Image data sets, whole on the device, with a test split that a search cannot read.

    dataset = load_dataset("cifar10", folder=Path("data"), device="cuda")
    stream = dataset.stream(batch_size=64, generator=torch.Generator().manual_seed(1))
    batch = stream.next()

Names: `digits` (bundled, 8 x 8 pixels, always there), `fashion-mnist`, `cifar10`, `cifar100`, `imagenet16-120`,
`imagenet` (a folder of images of that name in the data folder, scaled to a resolution), and a
path to an .npz file (see `harness.data.formats.read_npz`) or to a folder of images (see `harness.data.folder`).
The test split of `digits` is every fifth image of each class in the file's order, 355 of 1,797.
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.data.augmentation import Augmentation
from harness.data.folder import is_image_folder, read_image_folder
from harness.data.formats import Split, read_npz
from harness.data.guard import refuse_test_data_in_search
from harness.data.registry import FOLDER_VARIABLE, REGISTERED
from harness.data.streams import BatchStream
from spaces.errors import InputError, unknown

IMAGENET = "imagenet"  # a folder of images of that name in the data folder


@dataclass(frozen=True, eq=False)
class ImageDataset:
    """Images and labels of a classification task, all on one device."""

    name: str
    classes: int
    train_images: Tensor  # (N, C, H, W) uint8, H = W
    train_labels: Tensor  # (N,) int64
    mean: tuple[float, ...]  # a channel, of the training pixels in [0, 1]
    std: tuple[float, ...]
    augmentation: Augmentation  # the usual one of this data set: pad resolution / 8, crop, and flip where it is safe
    _test_images: Tensor = field(repr=False)
    _test_labels: Tensor = field(repr=False)

    @property
    def channels(self) -> int:
        return self.train_images.shape[1]

    @property
    def resolution(self) -> int:
        """Height and width in pixels."""
        return self.train_images.shape[2]

    @property
    def device(self) -> torch.device:
        return self.train_images.device

    def test(self) -> tuple[Tensor, Tensor]:
        """Test images (M, C, H, W) uint8 and labels (M,); raises TestDataInSearchError inside `search_phase()`."""
        refuse_test_data_in_search(self.name)
        return self._test_images, self._test_labels

    def stream(
        self,
        *,
        batch_size: int,
        generator: torch.Generator,
        augment: Augmentation | None = None,
        indices: Tensor | None = None,
    ) -> BatchStream:
        """A stream over the training split, or over the part of it that `indices` names; see BatchStream."""
        return BatchStream(
            self.train_images,
            self.train_labels,
            batch_size=batch_size,
            generator=generator,
            mean=self.mean,
            std=self.std,
            augment=augment,
            indices=indices,
        )


def load_dataset(
    name: str,
    *,
    folder: Path | None = None,
    device: torch.device | str = "cpu",
    downsample: int = 1,
    resolution: int | None = None,
    flip: bool | None = None,
) -> ImageDataset:
    """The data set of that name or path.

    folder: where the official files are, by default what the environment variable NAS_HARNESS_DATA names;
    downsample: side of the pixel blocks that are averaged into one (2 makes CIFAR's 32 x 32 images 16 x 16);
    resolution: the side to scale an image folder to, pixels; flip: whether augmentation mirrors, by default only
    where a mirrored image keeps its class.

    Raises InputError, in one sentence with the fix, when the name is unknown, files are absent or damaged, or the
    images are not square with a side divisible by 4 (the networks halve it twice).
    """
    (train, test), classes, mirrored = _read(name, folder, resolution)
    train_images, train_labels = train[0], _checked_labels(name, train, classes)
    test_images, test_labels = test[0], _checked_labels(name, test, classes)
    if train_images.shape[1:] != test_images.shape[1:]:
        raise InputError(
            f"{name} has training images {train_images.shape[1:]} and test images {test_images.shape[1:]} (C, H, W): "
            f"give both splits one size"
        )
    if downsample != 1:
        train_images, test_images = (_averaged(name, images, downsample) for images in (train_images, test_images))
    side = train_images.shape[2]
    if train_images.shape[3] != side or side % 4 or not side:
        raise InputError(
            f"{name} has images of {side} x {train_images.shape[3]} pixels: networks need a square with a side "
            f"divisible by 4, so choose another downsample factor or resolution"
        )
    images = _tensor(train_images)
    mean, std = _mean_and_std(images)
    return ImageDataset(
        name=name,
        classes=classes,
        train_images=images.to(device),
        train_labels=torch.from_numpy(train_labels).to(device),
        mean=mean,
        std=std,
        augmentation=Augmentation(pad=max(1, side // 8), flip=mirrored if flip is None else flip),
        _test_images=_tensor(test_images).to(device),
        _test_labels=torch.from_numpy(test_labels).to(device),
    )


def _read(name: str, folder: Path | None, resolution: int | None) -> tuple[tuple[Split, Split], int, bool]:
    """The splits, the number of classes, and whether mirroring is safe."""
    path = Path(name)
    if name == IMAGENET:
        path = _imagenet_folder(folder)
    if name not in REGISTERED and is_image_folder(path):
        if resolution is None or resolution < 4:
            raise InputError(f"{name} is a folder of images: give the resolution to scale them to, for instance 32")
        train, test, classes = read_image_folder(path, resolution=resolution)
        return (train, test), classes, True
    if resolution is not None:
        raise InputError(f"{name} has a resolution of its own: use downsample, or leave out the resolution")
    if registered := REGISTERED.get(name):
        if folder is None and os.environ.get(FOLDER_VARIABLE):
            folder = Path(os.environ[FOLDER_VARIABLE])
        return registered.read(folder), registered.classes, registered.flip
    if path.suffix == ".npz":
        if not path.is_file():
            raise InputError(f"there is no file {name}: give the path of an .npz file that exists")
        splits = read_npz(path)
        return splits, int(splits[0][1].max(initial=-1)) + 1, True
    if path.is_dir():
        raise InputError(f"{name} is not a folder of images: put them in train/CLASS and val/CLASS inside it")
    raise unknown("data set", name, [*REGISTERED, IMAGENET])


def _imagenet_folder(folder: Path | None) -> Path:
    if folder is None and os.environ.get(FOLDER_VARIABLE):
        folder = Path(os.environ[FOLDER_VARIABLE])
    place = (folder or Path()) / IMAGENET
    if not is_image_folder(place):
        looked = f"in {place}" if folder else f"because no data folder was named (set {FOLDER_VARIABLE})"
        raise InputError(
            f"data set {IMAGENET} was not found {looked}: put its images in DATA_FOLDER/{IMAGENET}/train/CLASS and "
            f"DATA_FOLDER/{IMAGENET}/val/CLASS"
        )
    return place


def _checked_labels(name: str, split: Split, classes: int) -> NDArray[np.int64]:
    images, labels = split
    if not len(images):
        raise InputError(f"{name} has a split without images: put the whole official files in place")
    if labels.min() < 0 or labels.max() >= classes:
        raise InputError(
            f"{name} has labels from {labels.min()} to {labels.max()} and {classes} classes: number classes from 0, "
            f"all of them present in the training split"
        )
    return labels


def _averaged(name: str, images: NDArray[np.uint8], factor: int) -> NDArray[np.uint8]:
    """Blocks of factor x factor pixels averaged, rounded half up in integers, so alike on every machine."""
    count, channels, height, width = images.shape
    if factor < 1 or height % factor or width % factor:
        raise InputError(
            f"{name} has images of {height} x {width} pixels: choose a downsample factor that divides them"
        )
    blocks = images.reshape(count, channels, height // factor, factor, width // factor, factor)
    area = factor * factor
    sums = blocks.sum(axis=(3, 5), dtype=np.uint32)
    return ((sums + area // 2) // area).astype(np.uint8)


def _tensor(images: NDArray[np.uint8]) -> Tensor:
    """A copy of its own, since arrays read from a file may be read-only views into its bytes."""
    return torch.from_numpy(np.array(images, order="C"))


def _mean_and_std(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Per channel, of pixels scaled to [0, 1]; from exact integer sums, so alike on every machine."""
    pixels = len(images) * images.shape[2] * images.shape[3]
    total = torch.zeros(images.shape[1], dtype=torch.int64)
    squares = torch.zeros(images.shape[1], dtype=torch.int64)
    for chunk in images.split(1024):
        values = chunk.to(torch.int32)
        total += values.sum(dim=(0, 2, 3), dtype=torch.int64)
        squares += values.square_().sum(dim=(0, 2, 3), dtype=torch.int64)
    mean = total.double() / pixels
    variance = squares.double() / pixels - mean.square()
    # A channel without any contrast keeps its scale instead of dividing by zero.
    std = torch.where(variance > 1e-6, variance.clamp(min=0).sqrt(), torch.full_like(variance, 255.0))
    return tuple((mean / 255).tolist()), tuple((std / 255).tolist())


__all__ = ["ImageDataset", "load_dataset"]

"""The named data sets: where their files are looked for, how they are read, and how their images may be augmented."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from harness.data.formats import Split, read_cifar_binary, read_idx, read_pickled_images
from spaces.errors import InputError

FOLDER_VARIABLE = "NAS_HARNESS_DATA"


@dataclass(frozen=True)
class RegisteredDataset:
    """A named data set: `read(folder)` gives its training and its test split."""

    read: Callable[[Path | None], tuple[Split, Split]]
    classes: int
    flip: bool  # whether a mirrored image is still one of its class


def _digits(folder: Path | None) -> tuple[Split, Split]:
    from sklearn.datasets import load_digits  # slow to import, and wanted by this reader alone

    bunch = load_digits()
    images = np.rint(bunch.images * (255 / 16)).astype(np.uint8)[:, None]  # values 0..16 -> 0..255
    labels = bunch.target.astype(np.int64)
    # The place of each image among those of its class, in file order: every fifth one is a test image.
    place = np.empty(len(labels), dtype=np.int64)
    for label in range(10):
        members = np.flatnonzero(labels == label)
        place[members] = np.arange(len(members))
    test = place % 5 == 4
    return (images[~test], labels[~test]), (images[test], labels[test])


def _fashion_mnist(folder: Path | None) -> tuple[Split, Split]:
    names = [
        f"{split}-{kind}" for split in ("train", "t10k") for kind in ("images-idx3-ubyte", "labels-idx1-ubyte")
    ]  # in reading order: training images, training labels, test images, test labels
    for place in _places(folder, ["fashion-mnist", "FashionMNIST/raw"]):
        files = [
            next((place / (name + end) for end in ("", ".gz") if (place / (name + end)).is_file()), None)
            for name in names
        ]
        found = [file for file in files if file is not None]
        if len(found) == len(names):
            return read_idx(found[0], found[1]), read_idx(found[2], found[3])
    raise _absent("fashion-mnist", folder, f"{names[0]}.gz and its three companions", "fashion-mnist")


def _cifar10(folder: Path | None) -> tuple[Split, Split]:
    numbers = range(1, 6)
    if files := _files(folder, "cifar-10-batches-bin", [*(f"data_batch_{n}.bin" for n in numbers), "test_batch.bin"]):
        return read_cifar_binary(files[:-1], label_bytes=1), read_cifar_binary(files[-1:], label_bytes=1)
    if files := _files(folder, "cifar-10-batches-py", [*(f"data_batch_{n}" for n in numbers), "test_batch"]):
        train = read_pickled_images(files[:-1], labels_key="labels", size=32)
        return train, read_pickled_images(files[-1:], labels_key="labels", size=32)
    raise _absent("cifar10", folder, "data_batch_1.bin to data_batch_5.bin and test_batch.bin", "cifar-10-batches-bin")


def _cifar100(folder: Path | None) -> tuple[Split, Split]:
    if files := _files(folder, "cifar-100-binary", ["train.bin", "test.bin"]):
        return read_cifar_binary(files[:1], label_bytes=2), read_cifar_binary(files[1:], label_bytes=2)
    if files := _files(folder, "cifar-100-python", ["train", "test"]):
        train = read_pickled_images(files[:1], labels_key="fine_labels", size=32)
        return train, read_pickled_images(files[1:], labels_key="fine_labels", size=32)
    raise _absent("cifar100", folder, "train.bin and test.bin", "cifar-100-binary")


def _imagenet16_120(folder: Path | None) -> tuple[Split, Split]:
    names = [*(f"train_data_batch_{number}" for number in range(1, 11)), "val_data"]
    files = _files(folder, "ImageNet16", names) or _files(folder, "imagenet16-120", names)
    if not files:
        raise _absent("imagenet16-120", folder, "train_data_batch_1 to train_data_batch_10 and val_data", "ImageNet16")

    def first_classes(split: Split) -> Split:
        images, labels = split
        kept = labels <= 120  # labels count from 1; NATS-Bench keeps the first 120 of the 1,000 classes
        return images[kept], labels[kept] - 1

    train = first_classes(read_pickled_images(files[:-1], labels_key="labels", size=16))
    return train, first_classes(read_pickled_images(files[-1:], labels_key="labels", size=16))


def _places(folder: Path | None, names: Sequence[str]) -> list[Path]:
    """The folders to look in: the named sub-folders of the data folder, then the data folder itself."""
    return [] if folder is None else [*(folder / name for name in names), folder]


def _files(folder: Path | None, place: str, names: list[str]) -> list[Path]:
    """All the named files, from the first place that has the first one; none where no place has it."""
    for candidate in _places(folder, [place]):
        files = [candidate / name for name in names]
        if not files[0].is_file():
            continue
        for file in files:
            if not file.is_file():
                raise InputError(f"{file} is missing: put all of {names[0]} ... {names[-1]} in {candidate}")
        return files
    return []


def _absent(name: str, folder: Path | None, files: str, place: str) -> InputError:
    looked = f"in {folder}" if folder else f"because no data folder was named (set {FOLDER_VARIABLE})"
    return InputError(
        f"data set {name} was not found {looked}: put {files} of the official download in DATA_FOLDER/{place}"
    )


REGISTERED: dict[str, RegisteredDataset] = {
    "digits": RegisteredDataset(_digits, classes=10, flip=False),
    "fashion-mnist": RegisteredDataset(_fashion_mnist, classes=10, flip=True),
    "cifar10": RegisteredDataset(_cifar10, classes=10, flip=True),
    "cifar100": RegisteredDataset(_cifar100, classes=100, flip=True),
    "imagenet16-120": RegisteredDataset(_imagenet16_120, classes=120, flip=True),
}

__all__ = ["FOLDER_VARIABLE", "REGISTERED", "RegisteredDataset"]

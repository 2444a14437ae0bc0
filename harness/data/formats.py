"""Readers of the official file formats: idx (Fashion-MNIST), CIFAR binary and pickled, ImageNet16, and NumPy's .npz.

Every reader gives uint8 images (N, C, H, W) and int64 labels (N,), and raises InputError, naming the file, where the
content is not what the format says.
"""

import gzip
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.data.pickles import read_pickled_batch
from spaces.errors import InputError

Split = tuple[NDArray[np.uint8], NDArray[np.int64]]

_IDX_IMAGES, _IDX_LABELS = 0x00000803, 0x00000801  # unsigned bytes in three dimensions and in one


def read_idx(images: Path, labels: Path) -> Split:
    """A pair of idx files, each plain or gzip-compressed (by content, whatever the name)."""
    pixels, numbers = _idx_array(images, _IDX_IMAGES, 3), _idx_array(labels, _IDX_LABELS, 1)
    _require_equal_length(images, pixels, numbers)
    return pixels[:, None], numbers.astype(np.int64)


def _idx_array(path: Path, magic: int, dimensions: int) -> NDArray[np.uint8]:
    content = path.read_bytes()
    if content[:2] == b"\x1f\x8b":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"{path} is a damaged gzip file ({error}): download it again") from error
    start = 4 + 4 * dimensions
    if len(content) < start or int.from_bytes(content[:4], "big") != magic:
        raise InputError(f"{path} is not an idx file with magic number 0x{magic:08x}: put the official file there")
    shape = tuple(int.from_bytes(content[4 + 4 * axis : 8 + 4 * axis], "big") for axis in range(dimensions))
    if len(content) - start != int(np.prod(shape, dtype=np.int64)):
        raise InputError(f"{path} is cut short or padded: its header announces {shape}, download it again")
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)


def read_cifar_binary(paths: list[Path], *, label_bytes: int) -> Split:
    """Records of `label_bytes` label bytes (the last one counts: CIFAR-100's fine label) and 3 x 32 x 32 pixels."""
    record = label_bytes + 3 * 32 * 32
    parts = []
    for path in paths:
        content = np.fromfile(path, dtype=np.uint8)
        if not content.size or content.size % record:
            raise InputError(f"{path} is not whole records of {record} bytes: download it again")
        parts.append(content.reshape(-1, record))
    records = np.concatenate(parts)
    images = records[:, label_bytes:].reshape(-1, 3, 32, 32)
    return images, records[:, label_bytes - 1].astype(np.int64)


def read_pickled_images(paths: list[Path], *, labels_key: str, size: int) -> Split:
    """Pickled dicts with `data` (N, 3 size size) uint8 and a list of labels, as CIFAR and ImageNet16 have them."""
    images, labels = [], []
    for path in paths:
        batch = read_pickled_batch(path)
        missing = [key for key in ("data", labels_key) if key not in batch]
        if missing:
            raise InputError(f"{path} has no '{missing[0]}': put the official file in its place")
        data = batch["data"]
        if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2:
            raise InputError(f"{path} does not hold rows of bytes under 'data': put the official file in its place")
        if data.shape[1] != 3 * size * size:
            raise InputError(f"{path} holds images of {data.shape[1]} bytes, {3 * size * size} were expected")
        numbers = _labels(path, batch[labels_key])
        _require_equal_length(path, data, numbers)
        images.append(data.reshape(-1, 3, size, size))
        labels.append(numbers)
    return np.concatenate(images), np.concatenate(labels)


def read_npz(path: Path) -> tuple[Split, Split]:
    """The training and the test split of one .npz file.

    Array names: `x_train`, `y_train` and `x_test`, `y_test`, or `train_images`, `train_labels` and `test_images`,
    `test_labels`; `val` in place of `test` where there is no `test`. Images are uint8, (N, C, H, W), (N, H, W, C) or
    (N, H, W), with 1 or 3 channels; labels are integers from 0, (N,).
    """
    if not zipfile.is_zipfile(path):
        raise InputError(f"{path} is not a readable .npz file: write it with numpy.savez")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            train = _npz_split(path, archive, ["train"])
            test = _npz_split(path, archive, ["test", "val"])
    except InputError:
        raise
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path} is not a readable .npz file ({error}): write it with numpy.savez") from error
    return train, test


def _npz_split(path: Path, archive: Mapping[str, NDArray[Any]], names: list[str]) -> Split:
    for name in names:
        for images_key, labels_key in ((f"x_{name}", f"y_{name}"), (f"{name}_images", f"{name}_labels")):
            if images_key in archive and labels_key in archive:
                images = _channels_first(path, images_key, archive[images_key])
                labels = _labels(path, archive[labels_key])
                _require_equal_length(path, images, labels)
                return images, labels
    raise InputError(
        f"{path} has no {names[0]} split: name its arrays x_{names[0]} and y_{names[0]}, "
        f"not {', '.join(sorted(archive)) or 'none'}"
    )


def _channels_first(path: Path, key: str, images: NDArray[Any]) -> NDArray[np.uint8]:
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise InputError(
            f"{path}: {key} is {images.dtype} {images.shape}: "
            "store uint8 images (N, C, H, W), (N, H, W, C) or (N, H, W)"
        )
    if images.ndim == 3:
        return images[:, None]
    if images.shape[1] in (1, 3):
        return images
    if images.shape[3] in (1, 3):
        return np.ascontiguousarray(images.transpose(0, 3, 1, 2))
    raise InputError(f"{path}: {key} is {images.shape}: images need 1 or 3 channels, after N or last")


def _labels(path: Path, values: Any) -> NDArray[np.int64]:
    labels = np.asarray(values)
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise InputError(f"{path}: labels are {labels.dtype} {labels.shape}: store one integer an image, (N,)")
    return labels.astype(np.int64)


def _require_equal_length(path: Path, images: NDArray[Any], labels: NDArray[Any]) -> None:
    if len(images) != len(labels):
        raise InputError(f"{path} has {len(images)} images and {len(labels)} labels: put a whole file in its place")


__all__ = ["Split", "read_cifar_binary", "read_idx", "read_npz", "read_pickled_images"]

"""A folder of image files, one sub-folder a class: `train/CLASS/*.jpg` and `val/CLASS/*.jpg` or `test/CLASS/*.jpg`."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from harness.data.formats import Split
from spaces.errors import InputError

_ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm", ".webp", ".gif", ".tif", ".tiff"}


def is_image_folder(path: Path) -> bool:
    """Whether the path is laid out as an image folder."""
    return (path / "train").is_dir()


def read_image_folder(path: Path, *, resolution: int) -> tuple[Split, Split, int]:
    """The training split, the test split (`test`, else `val`) and the number of classes.

    Every image is read as RGB, scaled so that it covers a square of `resolution` pixels and cropped to its centre.
    Classes are the sub-folders of `train`, numbered in the order of their names. Raises InputError.
    """
    names = sorted(entry.name for entry in (path / "train").iterdir() if entry.is_dir())
    held_out = next((path / name for name in ("test", "val") if (path / name).is_dir()), None)
    if held_out is None:
        raise InputError(f"{path} has no folder test or val beside train: put the images to test on there")
    tested = {entry.name for entry in held_out.iterdir() if entry.is_dir()}
    for name in sorted(tested.symmetric_difference(names)):
        has, lacks = (held_out, path / "train") if name in tested else (path / "train", held_out)
        raise InputError(f"{has} has the class {name}, which {lacks} has not: add it or remove it")
    return _split(path / "train", names, resolution), _split(held_out, names, resolution), len(names)


def _split(folder: Path, names: list[str], resolution: int) -> Split:
    files = [
        (file, label)
        for label, name in enumerate(names)
        for file in sorted((folder / name).iterdir())
        if file.suffix.lower() in _ENDINGS
    ]
    if not files:
        raise InputError(f"{folder} holds no images: put them in one sub-folder for each class")
    for name in sorted(set(names) - {file.parent.name for file, _ in files}):
        raise InputError(f"{folder / name} holds no images: put those of the class {name} there or remove the class")
    images = np.empty((len(files), 3, resolution, resolution), dtype=np.uint8)
    for row, (file, _) in enumerate(files):
        images[row] = _pixels(file, resolution).transpose(2, 0, 1)
    return images, np.array([label for _, label in files], dtype=np.int64)


def _pixels(file: Path, resolution: int) -> np.ndarray:
    try:
        with Image.open(file) as image:
            image.draft("RGB", (resolution, resolution))  # JPEG is decoded no larger than needed
            square = ImageOps.fit(image.convert("RGB"), (resolution, resolution), Image.Resampling.BILINEAR)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{file} cannot be read as an image ({error}): replace it or remove it") from error
    return np.asarray(square)


__all__ = ["is_image_folder", "read_image_folder"]

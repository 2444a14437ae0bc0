"""Figures as files."""

from pathlib import Path
from typing import TYPE_CHECKING

from spaces.errors import InputError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE_FORMATS = (".png", ".svg", ".pdf")


def check_picture(path: Path) -> None:
    """Raise InputError, before anything is computed, for a file that `save_picture` cannot write."""
    if path.suffix.lower() not in PICTURE_FORMATS or not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: name a {', '.join(PICTURE_FORMATS)} file in a folder that exists")


def save_picture(figure: "Figure", path: Path, *, cropped: bool = False) -> None:
    """Write the figure, or what is drawn of it; the file's ending decides the format.

    Raises InputError where it cannot be written.
    """
    check_picture(path)
    try:
        figure.savefig(path, dpi=150, bbox_inches="tight" if cropped else None)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): name another file") from error


__all__ = ["PICTURE_FORMATS", "check_picture", "save_picture"]

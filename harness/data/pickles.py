"""Reading the pickled batches of CIFAR and ImageNet16 without letting a pickle run code."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from spaces.errors import InputError
from spaces.restricted_pickle import load_restricted


def _dtype(spec: Any, align: Any = False, copy: Any = False) -> np.dtype[Any]:
    """NumPy of the time wrote these flags as integers; the present one wants booleans."""
    return np.dtype(spec, align=bool(align), copy=bool(copy))


def _encode(text: str, encoding: str = "utf-8") -> bytes:
    """How pickles of protocol 2 spell bytes."""
    return text.encode(encoding)


# What an array of numbers is rebuilt with, taken from NumPy's own pickling of an array.
_reconstruct: Callable[..., Any] = np.empty(0).__reduce__()[0]  # type: ignore[assignment]

_ALLOWED: dict[tuple[str, str], Any] = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _dtype,
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("_codecs", "encode"): _encode,
}


def read_pickled_batch(path: Path) -> dict[str, Any]:
    """The dict of arrays and plain values pickled in the file, by Python 2 or 3; nothing else is ever built.

    Raises InputError where the file is not such a pickle.
    """
    try:
        content = load_restricted(io.BytesIO(path.read_bytes()), _ALLOWED, encoding="latin1")
    except Exception as error:  # a damaged pickle can raise anything that its opcodes lead to
        raise InputError(
            f"{path} is not a pickled batch of arrays ({error}): put the official file in its place"
        ) from error
    if not isinstance(content, dict):
        raise InputError(f"{path} holds a {type(content).__name__}, not a batch: put the official file in its place")
    return {key.decode("latin1") if isinstance(key, bytes) else str(key): value for key, value in content.items()}


__all__ = ["read_pickled_batch"]

"""Reading the benchmark's pickles without letting them run code."""

import bz2
import collections
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from spaces.errors import InputError
from spaces.restricted_pickle import load_restricted


def _numeric_scalar(dtype: np.dtype, data: bytes = b"") -> Any:
    if dtype.kind not in "biuf" or len(data) != dtype.itemsize:
        raise pickle.UnpicklingError(f"a NumPy scalar of type {dtype} is not a number")
    return np.frombuffer(data, dtype=dtype)[0]


# NumPy moved its scalar constructor to `numpy._core`; both spellings occur in published files.
_ALLOWED = {
    ("collections", "OrderedDict"): collections.OrderedDict,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "scalar"): _numeric_scalar,
    ("numpy._core.multiarray", "scalar"): _numeric_scalar,
}


def load_plain_pickle(path: Path) -> Any:
    """The object in a pickle file, bz2-compressed if it is named `.pbz2`: containers, text and numbers only.

    Nothing but an ordered dictionary or a NumPy number is ever constructed. Raises InputError if the file refers to
    anything else, is damaged or cannot be read.
    """
    try:
        with bz2.open(path, "rb") if path.suffix == ".pbz2" else path.open("rb") as file:
            return load_restricted(file, _ALLOWED)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}: check the path") from None
    except pickle.UnpicklingError as error:
        raise InputError(
            f"{path} is refused because it holds more than plain data ({error}): get the file anew"
        ) from None
    except Exception as error:  # a damaged pickle can raise nearly anything
        raise InputError(f"{path} is damaged ({type(error).__name__}): get the file anew") from error


__all__ = ["load_plain_pickle"]

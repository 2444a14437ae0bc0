"""Checkpoints that survive a kill at any moment: whole files, protected by a digest, with the previous one kept.

A checkpoint file is one header line, `nas-harness checkpoint 1 <SHA-256 of the rest>`, followed by what `torch.save`
writes. It is read back with `weights_only=True`, so a checkpoint from elsewhere cannot run code.
"""

import contextlib
import hashlib
import io
import logging
import os
import pickle
import tempfile
from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch

from spaces.errors import InputError

_log = logging.getLogger(__name__)

_MAGIC = b"nas-harness checkpoint 1 "
_SCALARS = (int, float, bool, str, bytes, type(None))


class _DamagedError(Exception):
    """A checkpoint file that cannot be used; the message says why."""


def previous_checkpoint(path: Path) -> Path:
    """Where the checkpoint before the one at `path` is kept: `<name>.previous` in the same folder."""
    return path.with_name(path.name + ".previous")


def save_checkpoint(path: Path, state: dict[str, Any]) -> None:
    """Writes the state so that at every moment one whole checkpoint exists on disk.

    The state holds tensors and plain values (int, float, bool, str, bytes, None) in dicts, lists, tuples and sets.
    It goes to a temporary file in the same folder that is synced to disk before it takes the name; the checkpoint
    that had the name before becomes `<name>.previous`.

    Raises TypeError, naming the place, where the state holds something that could not be read back, and OSError
    (a full disk, say), after which the checkpoints already on disk are as they were.
    """
    _require_plain(state, "state")
    buffer = io.BytesIO()
    torch.save(state, buffer)
    payload = buffer.getbuffer()
    digest = hashlib.sha256(payload).hexdigest().encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".partial", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(_MAGIC + digest + b"\n")
            file.write(payload)
            file.flush()
            os.fsync(file.fileno())
        # A kill between the two renames leaves only the previous checkpoint, which is the one that loading falls
        # back to.
        with contextlib.suppress(FileNotFoundError):
            path.replace(previous_checkpoint(path))
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def load_checkpoint(path: Path) -> dict[str, Any] | None:
    """The newest whole checkpoint saved at `path`, tensors on the CPU; None where none was ever saved.

    A damaged newest checkpoint is reported to the log and the previous one is used. Raises InputError when
    checkpoints exist and none is whole.
    """
    reasons = []
    for candidate in (path, previous_checkpoint(path)):
        try:
            state = _read(candidate)
        except FileNotFoundError:
            continue
        except _DamagedError as damage:
            reasons.append(f"{candidate.name} {damage}")
            continue
        if reasons:
            _log.warning("checkpoint %s, continuing from the one before it, %s", reasons[0], candidate.name)
        return state
    if reasons:
        raise InputError(
            f"no checkpoint in {path.parent} can be read ({', '.join(reasons)}): delete them to start the run afresh"
        )
    return None


def remove_checkpoint(path: Path) -> None:
    """Delete what was saved at `path`, the checkpoint before it and unfinished files included."""
    for leftover in (path, previous_checkpoint(path), *path.parent.glob(f".{path.name}.*.partial")):
        leftover.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any]:
    content = path.read_bytes()
    header, newline, payload = content.partition(b"\n")
    if not newline or not header.startswith(_MAGIC):
        raise _DamagedError("has no checkpoint header")
    if header.removeprefix(_MAGIC) != hashlib.sha256(payload).hexdigest().encode():
        raise _DamagedError("does not match its digest")
    try:
        state = torch.load(io.BytesIO(payload), map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError) as error:
        raise _DamagedError("holds something other than tensors and plain values") from error
    if not isinstance(state, dict):
        raise _DamagedError("holds no state")
    return state


def _require_plain(value: Any, place: str) -> None:
    """Refuses on writing what `weights_only` would refuse on reading, when the run could no longer be saved.

    Types are compared exactly: a NumPy float is a `float` too, and is refused on reading.
    """
    kind = type(value)
    if kind in _SCALARS or isinstance(value, torch.Tensor):
        return
    if kind in (dict, OrderedDict):
        for key, item in value.items():
            _require_plain(key, f"a key of {place}")
            _require_plain(item, f"{place}[{key!r}]")
    elif kind in (list, tuple, set):
        for position, item in enumerate(value):
            _require_plain(item, f"{place}[{position}]")
    else:
        raise TypeError(f"{place} is a {kind.__module__}.{kind.__qualname__}: make it a tensor or a plain Python value")


def _sync_folder(folder: Path) -> None:
    """Makes the renames themselves durable, where the system allows a folder to be opened."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


__all__ = ["load_checkpoint", "previous_checkpoint", "remove_checkpoint", "save_checkpoint"]

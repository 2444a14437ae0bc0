import errno
import hashlib
import logging
import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from harness.checkpoint import load_checkpoint, previous_checkpoint, save_checkpoint
from spaces.errors import InputError


def state(number: int) -> dict[str, Any]:
    return {"step": number, "alpha": [torch.full((2, 3), float(number))], "generator": torch.get_rng_state(), "a": None}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run" / "checkpoint.pt"


def test_what_is_saved_is_loaded(path: Path) -> None:
    assert load_checkpoint(path) is None
    save_checkpoint(path, state(1))
    loaded = load_checkpoint(path)
    assert loaded is not None
    assert loaded["step"] == 1
    assert torch.equal(loaded["alpha"][0], torch.full((2, 3), 1.0))
    assert torch.equal(loaded["generator"], torch.get_rng_state())


def test_previous_is_kept_and_nothing_else(path: Path) -> None:
    for number in range(4):
        save_checkpoint(path, state(number))
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["checkpoint.pt", "checkpoint.pt.previous"]
    path.unlink()
    loaded = load_checkpoint(path)
    assert loaded is not None
    assert loaded["step"] == 2


def test_module_and_optimiser_states_are_read_back(path: Path) -> None:
    layer = torch.nn.BatchNorm2d(3)
    optimiser = torch.optim.Adam(layer.parameters())
    layer(torch.randn(4, 3, 2, 2)).square().sum().backward()
    optimiser.step()
    save_checkpoint(path, {"layer": layer.state_dict(), "optimiser": optimiser.state_dict()})
    loaded = load_checkpoint(path)
    assert loaded is not None
    torch.nn.BatchNorm2d(3).load_state_dict(loaded["layer"])
    optimiser.load_state_dict(loaded["optimiser"])


def test_truncation_anywhere_falls_back_to_the_previous(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    save_checkpoint(path, state(1))
    save_checkpoint(path, state(2))
    whole = path.read_bytes()
    for length in [*range(0, 120), *range(120, len(whole), 97), len(whole) - 1]:
        path.write_bytes(whole[:length])
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            loaded = load_checkpoint(path)
        assert loaded is not None
        assert loaded["step"] == 1, length
        assert "checkpoint.pt.previous" in caplog.text


def test_flipped_bytes_fall_back_to_the_previous(path: Path) -> None:
    save_checkpoint(path, state(1))
    save_checkpoint(path, state(2))
    whole = path.read_bytes()
    for position in [*range(0, 100), *range(100, len(whole), 101)]:
        damaged = bytearray(whole)
        damaged[position] ^= 0x20
        path.write_bytes(damaged)
        loaded = load_checkpoint(path)
        assert loaded is not None
        assert loaded["step"] == 1, position


def test_both_damaged_is_one_sentence(path: Path) -> None:
    save_checkpoint(path, state(1))
    save_checkpoint(path, state(2))
    path.write_bytes(b"")
    previous_checkpoint(path).write_bytes(path.read_bytes()[:50])
    with pytest.raises(InputError, match=r"delete them to start the run afresh") as caught:
        load_checkpoint(path)
    assert "\n" not in str(caught.value)


class _Malicious:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("container", ["zip", "bare"])
def test_code_in_a_checkpoint_is_not_run(path: Path, tmp_path: Path, container: str) -> None:
    target, payload_file = tmp_path / "ran", tmp_path / "payload"
    if container == "zip":
        torch.save({"step": _Malicious(target)}, payload_file)
    else:
        payload_file.write_bytes(pickle.dumps({"step": _Malicious(target)}, protocol=2))
    payload = payload_file.read_bytes()
    path.parent.mkdir()
    digest = hashlib.sha256(payload).hexdigest().encode()
    path.write_bytes(b"nas-harness checkpoint 1 " + digest + b"\n" + payload)
    with pytest.raises(InputError, match="tensors and plain values"):
        load_checkpoint(path)
    assert not target.exists()


@pytest.mark.parametrize("call", ["fsync", "write"])
def test_full_disk_leaves_the_old_checkpoints(path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    save_checkpoint(path, state(1))
    save_checkpoint(path, state(2))
    before = {entry.name: entry.read_bytes() for entry in path.parent.iterdir()}

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if call == "fsync":
        monkeypatch.setattr(os, "fsync", full)
    else:
        original = os.fdopen
        monkeypatch.setattr(os, "fdopen", lambda descriptor, mode: original(_onto_full_device(descriptor), mode))
    with pytest.raises(OSError, match="No space left") as caught:
        save_checkpoint(path, state(3))
    assert caught.value.errno == errno.ENOSPC
    assert {entry.name: entry.read_bytes() for entry in path.parent.iterdir()} == before


def _onto_full_device(descriptor: int) -> int:
    """The descriptor made to point at the device that is always full."""
    full_device = Path("/dev/full")
    if not full_device.exists():
        pytest.skip("needs /dev/full, a device that is always full")
    full = os.open(full_device, os.O_WRONLY)
    os.dup2(full, descriptor)
    os.close(full)
    return descriptor


def test_what_could_not_be_read_back_is_refused_on_saving(path: Path) -> None:
    for value in (np.float64(1.0), np.zeros(2), Path("x"), object()):
        with pytest.raises(TypeError, match=r"state\['curve'\]\[1\]"):
            save_checkpoint(path, {"curve": [0.5, value]})
    assert load_checkpoint(path) is None

"""Networks in ONNX Runtime: the same logits as in torch."""

from pathlib import Path

import numpy as np
import pytest
import torch

from harness.latency import Protocol
from harness.onnx import export_onnx, measure_onnx
from spaces.darts.space import DartsSpace
from spaces.errors import InputError

pytest.importorskip("onnx")
pytest.importorskip("onnxscript")
runtime = pytest.importorskip("onnxruntime")

SPACE = DartsSpace()
SIZES = {"channels": 4, "cells": 3}


def test_exported_network_has_the_same_logits(tmp_path: Path) -> None:
    architecture = SPACE.parse("DARTS_V2")
    export_onnx(SPACE, architecture, tmp_path / "net.onnx", batch_size=2, resolution=16, network=SIZES)
    torch.manual_seed(0)
    network = SPACE.network(architecture, classes=10, in_channels=3, **SIZES).eval()
    images = torch.randn(2, 3, 16, 16)
    session = runtime.InferenceSession(tmp_path / "net.onnx", providers=["CPUExecutionProvider"])
    (logits,) = session.run(None, {"images": images.numpy()})
    with torch.no_grad():
        np.testing.assert_allclose(logits, network(images).numpy(), rtol=1e-3, atol=1e-5)


def test_timing_in_the_runtime() -> None:
    protocol = Protocol(seconds=0.01)
    measured = measure_onnx(
        SPACE, [SPACE.parse("DARTS_V2")], protocol, resolution=16, network=SIZES, rounds=2, progress=lambda d, t: None
    )
    assert measured.shape == (2, 1)
    assert (measured > 0).all()
    with pytest.raises(InputError, match="--dtype float32"):
        measure_onnx(
            SPACE, [], Protocol(dtype="bfloat16"), resolution=16, network=SIZES, rounds=1, progress=lambda d, t: None
        )

"""Stand-alone networks in other runtimes: export to ONNX, and timing with ONNX Runtime (extra `onnx`)."""

import logging
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.latency import Progress, Protocol
from spaces.errors import InputError
from spaces.space import CellSpace


def export_onnx(
    space: CellSpace, architecture: Any, path: Path, *, batch_size: int, resolution: int, network: dict[str, int]
) -> None:
    """Write the architecture's network in evaluation mode, random weights, images (batch_size, 3, H, W) -> logits."""
    _require("onnx", "onnxscript")
    settings = {**space.network_settings, **network}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = space.network(architecture, classes=10, in_channels=3, **settings).eval()
    images = torch.zeros(batch_size, 3, resolution, resolution)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it warns of every optional package that is not there
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # the exporter's own use of torch
        program = torch.onnx.export(module, (images,), dynamo=True, verbose=False, input_names=["images"])
    assert program is not None
    try:
        program.save(path)
    except OSError as error:
        raise InputError(f"{path} cannot be written ({error.strerror}): name another file") from error


def measure_onnx(
    space: CellSpace,
    architectures: Sequence[Any],
    protocol: Protocol,
    *,
    resolution: int,
    network: dict[str, int],
    rounds: int,
    progress: Progress,
) -> np.ndarray:
    """Latencies in ms by ONNX Runtime on the CPU, (rounds, architectures); see `measure_networks`."""
    _require("onnxruntime", "onnx", "onnxscript")
    import onnxruntime

    if protocol.device != "cpu" or protocol.dtype != "float32":
        raise InputError("ONNX Runtime is timed on the CPU in float32: use --device cpu --dtype float32")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = protocol.threads
    images = np.random.default_rng(0).standard_normal((protocol.batch_size, 3, resolution, resolution), np.float32)
    measured = np.empty((rounds, len(architectures)))
    with tempfile.TemporaryDirectory() as folder:
        sessions = []
        for place, architecture in enumerate(architectures):
            path = Path(folder) / f"{place}.onnx"
            export_onnx(
                space, architecture, path, batch_size=protocol.batch_size, resolution=resolution, network=network
            )
            sessions.append(onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]))
        for round_ in range(rounds):
            for place, session in enumerate(sessions):
                measured[round_, place] = _median_ms(session, images, protocol.seconds)
                progress(round_ * len(sessions) + place + 1, measured.size)
    return measured


def _median_ms(session: Any, images: np.ndarray, seconds: float) -> float:
    times: list[float] = []
    for _ in range(3):
        session.run(None, {"images": images})
    while sum(times) < seconds or len(times) < 5:
        start = time.perf_counter()
        session.run(None, {"images": images})
        times.append(time.perf_counter() - start)
    return 1e3 * float(np.median(times))


def _require(*packages: str) -> None:
    from importlib.util import find_spec

    missing = [name for name in packages if find_spec(name) is None]
    if missing:
        raise InputError(f"this needs {', '.join(missing)}: install them with `pip install 'nas-harness[onnx]'`")


__all__ = ["export_onnx", "measure_onnx"]

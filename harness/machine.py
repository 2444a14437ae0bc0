"""What a run was made with: device, memory, versions, commit, host."""

import contextlib
import platform
import resource
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

import torch


@cache
def device_name(device: str) -> str:
    """The GPU's name, or the CPU's model."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []:
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def reset_peak_memory(device: str) -> None:
    """Let `peak_memory_mib` count from here: a worker process executes many runs (on a CPU: where Linux allows it)."""
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats(device)
        return
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory_mib(device: str) -> float:
    """Peak memory in MiB since `reset_peak_memory`: allocated on the GPU, or resident in this process on a CPU."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated(device) / 2**20
    unit = 2**20 if platform.system() == "Darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


@cache
def versions() -> dict[str, str]:
    """Versions of what decides the numbers."""
    return {"python": platform.python_version()} | {
        name: version(name) for name in ("nas-harness", "torch", "numpy", "nats_bench")
    }


@cache
def git_commit() -> str | None:
    """The commit of the source tree, with `-dirty` where it has changes; None outside a git checkout."""
    folder = Path(__file__).resolve().parent
    if not (folder.parent / ".git").exists():
        return None
    try:
        described = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            cwd=folder, capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return described.stdout.strip()

"""Whether and for which runs `--compile` can do something on this machine."""

from collections.abc import Sequence

import torch

from harness.experiment import RunSpec
from methods import DifferentiableMethod, find_method
from spaces.registry import find_space


def compilation_notes(specs: Sequence[RunSpec], device: str) -> tuple[bool, list[str]]:
    """(whether to compile at all, a sentence for every method that runs as it would without)."""
    if failure := _failure(device):
        return False, [f"--compile: torch.compile does not work on this machine ({failure}); running without it"]
    notes = []
    for spec in {spec.method: spec for spec in specs}.values():
        method = find_method(spec.method).implementation
        if not method.trains_supernet:
            notes.append(f"--compile: {spec.method} trains no supernet, so there is nothing to compile")
        elif not (issubclass(method, DifferentiableMethod) and method.parts.dense):
            notes.append(f"--compile: {spec.method} runs other operations in other steps; running without it")
        elif not find_space(spec.space).compilable:
            rest = "its passes become CUDA graphs" if device.startswith("cuda") else "running without it"
            notes.append(f"--compile: the cells of space {spec.space} are fused by hand; {rest}")
    return True, notes


def _failure(device: str) -> str:
    """Why a small function cannot be compiled; empty where it can."""
    try:
        torch.compile(torch.sin)(torch.zeros(1, device=device))
    except Exception as error:  # whatever compilers and drivers raise
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0][:120]}"
    return ""

"""One function call in a process that does nothing else."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

import torch

from spaces.errors import InputError

Result = TypeVar("Result")


def in_own_process(function: Callable[..., Result], *arguments: Any) -> Result:
    """What the function returns in a new process: what was allocated and freed before would slow it and count as its.

    Raises InputError where the device has too little memory.
    """
    context = multiprocessing.get_context("spawn")
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # the profiler of the new process is silent
    with ProcessPoolExecutor(1, mp_context=context, initializer=_quit_at_once) as pool:
        try:
            return pool.submit(function, *arguments).result()
        except (BrokenProcessPool, torch.OutOfMemoryError):
            raise InputError(
                "the measuring process ended early, probably for lack of memory: use a smaller --batch-size"
            ) from None


def _quit_at_once() -> None:
    """On Ctrl-C, without a traceback."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


__all__ = ["in_own_process"]

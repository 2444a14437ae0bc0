"""Passes that do not depend on each other, at the same time."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any

import torch

Results = list[Any]


class SideBySide:
    """Calls functions at the same time, each with its share of the device; results come in the functions' order.

    On a CPU every function has a thread, with an equal share of the intra-operation threads, so two networks wait for
    each other once a pass instead of once a kernel. On a GPU every function has a stream. With one CPU thread they
    are called one after the other.
    """

    def __init__(self, device: torch.device, *, places: int) -> None:
        self.device = device
        self.streams = [torch.cuda.Stream(device) for _ in range(places)] if device.type == "cuda" else []
        threads = torch.get_num_threads() // places
        self.pool: ThreadPoolExecutor | None = None
        if device.type == "cpu" and places > 1 and threads:
            self.pool = ThreadPoolExecutor(places, initializer=torch.set_num_threads, initargs=(threads,))

    def __call__(self, functions: Sequence[Callable[[], Any]]) -> Results:
        """What the functions return."""
        if self.streams:
            return self._on_streams(functions)
        if self.pool is None:
            return [function() for function in functions]
        # The context carries the wall between a search and test data into the threads.
        futures = [self.pool.submit(copy_context().run, function) for function in functions]
        return [future.result() for future in futures]

    def _on_streams(self, functions: Sequence[Callable[[], Any]]) -> Results:
        current, results = torch.cuda.current_stream(self.device), []
        for stream, function in zip(self.streams, functions, strict=True):
            stream.wait_stream(current)
            with torch.cuda.stream(stream):
                results.append(function())
        for stream in self.streams:
            current.wait_stream(stream)
        return results


__all__ = ["SideBySide"]

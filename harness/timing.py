"""Where the seconds of a search go; the clocks survive a resume."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch

from spaces.space import Batch, Stream

Phase = Literal["step", "data", "validation"]


class SearchClock:
    """Wall-clock seconds of the search by phase: optimisation steps, data loading, validation."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = {"step": 0.0, "data": 0.0, "validation": 0.0}

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Count the block's seconds as `name`; a phase inside another is taken out of the outer one."""
        start, before = time.perf_counter(), sum(self.seconds.values())
        yield
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        inner = sum(self.seconds.values()) - before
        self.seconds[name] += time.perf_counter() - start - inner


class TimedStream:
    """A stream whose seconds are counted as data loading."""

    def __init__(self, stream: Stream, clock: SearchClock) -> None:
        self.stream, self.clock = stream, clock

    def next(self) -> Batch:
        """The next batch."""
        with self.clock.phase("data"):
            return self.stream.next()

    def state_dict(self) -> dict[str, Any]:
        """The stream's position."""
        return self.stream.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go to a saved position."""
        self.stream.load_state_dict(state)

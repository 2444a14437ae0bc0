"""The loop of one search: steps, clocks, history, checkpoints, interruption."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from harness.checkpoint import load_checkpoint, save_checkpoint
from harness.data.guard import search_phase
from harness.timing import SearchClock
from methods import Method, Task
from spaces.space import Batch

CHECKPOINT_SECONDS = 20.0
VALIDATIONS = 10  # one-shot validations spread evenly over a search


class InterruptedSearchError(Exception):
    """The search was asked to stop; its checkpoint is on disk."""


@dataclass(frozen=True)
class SearchResult:
    """What a finished search leaves behind."""

    architecture: Any
    steps: int
    history: list[dict[str, Any]]  # a row a step: numbers, and the architecture where it changed
    seconds: Mapping[str, float]
    simulated_seconds: float | None
    one_shot_error: float | None  # % on the held-out batches
    one_shot: str  # what made that error, in words; empty where there is none


Report = Callable[[float, Mapping[str, float]], None]


def search(
    method: Method,
    task: Task,
    *,
    held_out: list[Batch],
    clock: SearchClock,
    checkpoint: Path,
    report: Report,
    should_stop: Callable[[], bool],
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> SearchResult:
    """Run the method from its last checkpoint, or from the start, to the end of its budget.

    Raises InterruptedSearchError, after saving a checkpoint, when `should_stop` says so.
    """
    with search_phase():
        method.start(task)
        state = load_checkpoint(checkpoint)
        history: list[dict[str, Any]] = []
        validations = 0
        if state is not None:
            method.load_state_dict(state["method"])
            history, validations = state["history"], state["validations"]
            clock.seconds.update(state["seconds"])
        known = next((row["architecture"] for row in reversed(history) if "architecture" in row), None)
        saved_at = time.monotonic()

        def save() -> None:
            save_checkpoint(
                checkpoint,
                {
                    "method": method.state_dict(),
                    "history": history,
                    "validations": validations,
                    "seconds": dict(clock.seconds),
                },
            )

        while method.progress < 1:
            if should_stop():
                save()
                raise InterruptedSearchError
            with clock.phase("step"):
                metrics = dict(method.step())
            if method.progress * VALIDATIONS >= validations + 1 and held_out:
                validations += 1
                with clock.phase("validation"):
                    metrics |= _validate(method, held_out)
            architecture = method.architecture()
            metrics |= {"skip_ratio": architecture.skip_ratio, "zero_ratio": architecture.zero_ratio}
            history.append({"step": float(len(history) + 1), **metrics})
            if str(architecture) != known:
                history[-1]["architecture"] = known = str(architecture)
            report(method.progress, metrics)
            if time.monotonic() - saved_at >= checkpoint_seconds:
                save()
                saved_at = time.monotonic()
        save()
    one_shot = method.one_shot()
    return SearchResult(
        architecture=method.architecture(),
        steps=len(history),
        history=history,
        seconds=dict(clock.seconds),
        simulated_seconds=method.simulated_seconds,
        one_shot_error=next((row["one_shot_error"] for row in reversed(history) if "one_shot_error" in row), None),
        one_shot=one_shot.describes if one_shot else "",
    )


def _validate(method: Method, batches: list[Batch]) -> dict[str, float]:
    """The error in % with shared weights, and alpha as `alpha/<index>/<edge>/<operation>`."""
    one_shot = method.one_shot()
    assert one_shot is not None  # only what trains a supernet has held-out batches
    with torch.no_grad():
        wrong = sum(float(one_shot.network.errors(batch, one_shot.mixture)) for batch in batches)
    alpha = {
        f"alpha/{index}/{edge}/{operation}": value
        for index, tensor in enumerate(one_shot.alphas)
        for edge, row in enumerate(tensor.tolist())
        for operation, value in enumerate(row)
    }
    return {"one_shot_error": 100 * wrong / sum(len(batch.targets) for batch in batches), **alpha}

"""Many runs at once: in this process, or in worker processes on this machine, behind the same progress display."""

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from harness.experiment import RunSpec, Training
from harness.runner import Outcome, execute
from harness.search import CHECKPOINT_SECONDS
from harness.task import Resources
from results.store import Store

REPORT_EVERY = 20  # steps between two progress messages


@dataclass(frozen=True)
class Job:
    """What a worker needs to bring runs to their end."""

    store: str
    database_url: str | None
    experiment: str
    training: Training | None
    resources: Resources
    threads: int
    checkpoint_seconds: float = CHECKPOINT_SECONDS


def run_all(
    specs: list[RunSpec], job: Job, *, workers: int, progress: Progress
) -> tuple[dict[str, Outcome], dict[str, BaseException]]:
    """Execute all runs; Ctrl-C lets every run in progress save its state. Returns outcomes and failures by run id."""
    total = progress.add_task("all runs", total=len(specs), note="")
    bars: dict[str, Any] = {}
    labels = {spec.id: f"{spec.method} {spec.dataset} seed {spec.search_seed}" for spec in specs}

    def show(run_id: str, share: float, metrics: Mapping[str, float]) -> None:
        if run_id not in bars:
            bars[run_id] = progress.add_task(labels[run_id], total=1.0, note="")
        progress.update(bars[run_id], completed=share, note=progress_note(metrics))

    def ended(run_id: str) -> None:
        if run_id in bars:
            progress.remove_task(bars.pop(run_id))
        progress.advance(total)

    outcomes: dict[str, Outcome] = {}
    failures: dict[str, BaseException] = {}
    with stop_on_interrupt() as stop:
        results = _in_process(specs, job, stop, show) if workers == 1 else _in_pool(specs, job, workers, stop, show)
        for run_id, outcome in results:
            ended(run_id)
            if isinstance(outcome, BaseException):
                failures[run_id] = outcome
            else:
                outcomes[run_id] = outcome
    return outcomes, failures


def make_progress(**settings: Any) -> Progress:
    """Bars with the losses and the current architecture's skip ratio."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
        TextColumn("{task.fields[note]}"), **settings,
    )  # fmt: skip


def progress_note(metrics: Mapping[str, float]) -> str:
    """The losses, the best error and the skip ratio in a few words."""
    names = {"train_loss": "train", "validation_loss": "val", "best_validation_error": "best %", "skip_ratio": "skips"}
    return "  ".join(f"{short} {metrics[name]:.3f}" for name, short in names.items() if name in metrics)


def _in_process(
    specs: list[RunSpec], job: Job, stop: Any, show: Callable[[str, float, Mapping[str, float]], None]
) -> Iterator[tuple[str, Outcome | BaseException]]:
    for spec in specs:
        if stop.is_set():
            return
        yield spec.id, _guarded(spec, job, stop, show)


def _in_pool(
    specs: list[RunSpec], job: Job, workers: int, stop: Any, show: Callable[[str, float, Mapping[str, float]], None]
) -> Iterator[tuple[str, Outcome | BaseException]]:
    context = multiprocessing.get_context("spawn")
    todo, messages = context.SimpleQueue(), context.Queue()
    for spec in specs:
        todo.put(spec)
    for _ in range(workers):
        todo.put(None)
    signalled = context.Event()
    processes = [
        context.Process(target=_work, args=(todo, messages, signalled, job), daemon=True) for _ in range(workers)
    ]
    with threads_of_children(job.threads):
        for process in processes:
            process.start()
    working: dict[int, str] = {}
    while True:
        if stop.is_set():
            signalled.set()
        # Asked before waiting: what a worker sends as it ends is then in the queue before its end is noticed.
        any_alive = any(process.is_alive() for process in processes)
        try:
            kind, pid, run_id, content = messages.get(timeout=0.2)
        except queue.Empty:
            if any_alive:
                continue
            for process in processes:
                if process.pid in working:
                    yield working[process.pid], RuntimeError(f"its worker process ended with code {process.exitcode}")
            return
        if kind == "progress":
            working[pid] = run_id
            show(run_id, *content)
        elif kind == "ended":
            working.pop(pid, None)
            yield run_id, content


def _work(todo: Any, messages: Any, stop: Any, job: Job) -> None:
    """A worker's life: Ctrl-C is the parent's business, which sets `stop`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def show(run_id: str, share: float, metrics: Mapping[str, float]) -> None:
        messages.put(("progress", os.getpid(), run_id, (share, dict(metrics))))

    while (spec := todo.get()) is not None and not stop.is_set():
        show(spec.id, 0.0, {})
        messages.put(("ended", os.getpid(), spec.id, _guarded(spec, job, stop, show)))


def _guarded(
    spec: RunSpec, job: Job, stop: Any, show: Callable[[str, float, Mapping[str, float]], None]
) -> Outcome | BaseException:
    """The run's outcome, or the error that ended it: one failing run does not take the others with it."""
    import torch

    torch.set_num_threads(job.threads)
    store = Store(job.store, database_url=job.database_url)
    steps = 0

    def report(share: float, metrics: Mapping[str, float]) -> None:
        nonlocal steps
        if steps % REPORT_EVERY == 0:
            show(spec.id, share, metrics)
        steps += 1

    try:
        return execute(
            spec, store, experiment=job.experiment, training=job.training, resources=job.resources,
            report=report, should_stop=stop.is_set, checkpoint_seconds=job.checkpoint_seconds,
        )  # fmt: skip
    except Exception as error:
        status = set(store.runs(id=spec.id)["status"])
        if status and "finished" not in status:  # a training that is refused does not undo a finished search
            store.upsert_run(spec.id, status="failed", message=f"{type(error).__name__}: {error}")
        return error


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C (or SIGTERM) sets; the second Ctrl-C ends the program at once."""
    stop = threading.Event()

    def handle(number: int, frame: Any) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def threads_of_children(threads: int) -> Iterator[None]:
    """OpenMP reads its thread count when a process starts, so children inherit it through the environment."""
    before = os.environ.get("OMP_NUM_THREADS")
    os.environ["OMP_NUM_THREADS"] = str(threads)
    try:
        yield
    finally:
        if before is None:
            del os.environ["OMP_NUM_THREADS"]
        else:
            os.environ["OMP_NUM_THREADS"] = before

"""A tuning study in this process, or in worker processes that share the study, behind one progress display."""

import multiprocessing
import queue
import signal
from collections.abc import Mapping
from typing import Any

from rich.progress import Progress

from harness.tuning import Plan
from harness.tuning_study import open_study
from harness.tuning_trials import counted, run_trials
from harness.workers import REPORT_EVERY, Job, progress_note, stop_on_interrupt, threads_of_children
from results.store import Store
from spaces.errors import InputError


def run_study(plan: Plan, job: Job, *, trials: int, workers: int, progress: Progress) -> bool:
    """Bring the study to that many trials; False when Ctrl-C came first. Raises what ended a trial.

    Ctrl-C lets every trial save its run and queues it again.
    """
    study = open_study(plan, Store(job.store, database_url=job.database_url))
    total = progress.add_task(f"study {plan.study}", total=trials, completed=counted(study), note="")
    bars: dict[int, Any] = {}

    def show(worker: int, number: int, share: float, metrics: Mapping[str, float]) -> None:
        if worker not in bars:
            bars[worker] = progress.add_task("", total=1.0, note="")
        progress.update(bars[worker], description=f"trial {number}", completed=share, note=progress_note(metrics))
        progress.update(total, completed=counted(study) - len(bars))

    with stop_on_interrupt() as stop:
        if workers == 1:
            _set_threads(job)
            run_trials(plan, job, trials=trials, should_stop=stop.is_set, notify=_every(lambda *now: show(0, *now)))
        else:
            _run_pool(plan, job, trials=trials, workers=workers, stop=stop, show=show)
    done = counted(study)
    progress.update(total, completed=done)
    return done >= trials


def _run_pool(plan: Plan, job: Job, *, trials: int, workers: int, stop: Any, show: Any) -> None:
    context = multiprocessing.get_context("spawn")
    messages, signalled = context.Queue(), context.Event()
    processes = [
        context.Process(target=_work, args=(index, plan, job, trials, signalled, messages), daemon=True)
        for index in range(workers)
    ]
    with threads_of_children(job.threads):
        for process in processes:
            process.start()
    failure: BaseException | None = None
    while True:
        if stop.is_set() or failure is not None:
            signalled.set()
        # Asked before waiting: what a worker sends as it ends is then in the queue before its end is noticed.
        any_alive = any(process.is_alive() for process in processes)
        try:
            content = messages.get(timeout=0.2)
        except queue.Empty:
            if any_alive:
                continue
            break
        if isinstance(content, BaseException):
            failure = failure or content
        else:
            show(*content)
    if failure is not None:
        raise failure
    if codes := [process.exitcode for process in processes if process.exitcode]:
        raise InputError(f"a worker process ended with code {codes[0]}: give the same command again to go on")


def _work(index: int, plan: Plan, job: Job, trials: int, stop: Any, messages: Any) -> None:
    """A worker's life: Ctrl-C is the parent's business, which sets `stop`."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _set_threads(job)
    try:
        run_trials(
            plan, job, trials=trials, should_stop=stop.is_set,
            notify=_every(lambda *now: messages.put((index, *now))),
        )  # fmt: skip
    except Exception as error:
        messages.put(error)


def _every(notify: Any) -> Any:
    """Only every so many steps."""
    steps = 0

    def sometimes(number: int, share: float, metrics: Mapping[str, float]) -> None:
        nonlocal steps
        if steps % REPORT_EVERY == 0:
            notify(number, share, dict(metrics))
        steps += 1

    return sometimes


def _set_threads(job: Job) -> None:
    import torch

    torch.set_num_threads(job.threads)


__all__ = ["run_study"]

"""The trials of a tuning study: taking the next one, running it, pruning it, and giving it back when interrupted.

A trial belongs to the process that holds its lock file, which the operating system releases when the process dies. So
a trial that a killed process left running is found at once, and is queued again with its settings and what it has
reported; its run goes on from its checkpoint. (Optuna's heartbeat is experimental, needs a waiting time, and works with
`Study.optimize` only.)
"""

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import optuna
from filelock import FileLock, Timeout
from optuna.trial import FrozenTrial, TrialState

from harness.descent import descent_margins
from harness.experiment import RunSpec
from harness.runner import Outcome, execute
from harness.search import VALIDATIONS
from harness.tuning import Plan
from harness.tuning_study import make_sampler, open_study
from harness.workers import Job
from reports.leaderboard import errors_inside_runs
from results.store import Store
from spaces.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

REFUSED = "refused"  # the attribute of a trial outside the constraints: it is not run, and not counted
MOST_REFUSED = 100  # in a row
_COUNTED = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING)
_SOURCES = ("tabular", "trained", "one-shot")  # of a validation error, best first

Notify = Callable[[int, float, Mapping[str, float]], None]  # trial number, share done, metrics


class _StopError(Exception):
    """The study was asked to stop while a run that another process has was waited for."""


@dataclass(frozen=True)
class Claim:
    """A trial that this process runs, until it releases the lock."""

    trial: optuna.Trial
    reported: frozenset[int]  # steps that an earlier attempt reported
    lock: Any


def run_trials(plan: Plan, job: Job, *, trials: int, should_stop: Callable[[], bool], notify: Notify) -> None:
    """Run trials until the study has that many, those that other processes run included, or until asked to stop.

    Pruned trials count; those that the constraints refuse do not. Raises what ended a run, having failed its trial.
    """
    store = Store(job.store, database_url=job.database_url)
    study = open_study(plan, store)
    while not should_stop() and (claim := claim_trial(plan, study, store, trials=trials)) is not None:
        try:
            _run(plan, study, claim, store, job, should_stop=should_stop, notify=notify)
        finally:
            claim.lock.release()


def counted(study: optuna.Study) -> int:
    """How many trials the study has: finished, pruned or running."""
    trials = study.get_trials(deepcopy=False, states=_COUNTED)
    return sum(REFUSED not in trial.user_attrs for trial in trials)


def claim_trial(plan: Plan, study: optuna.Study, store: Store, *, trials: int) -> Claim | None:
    """The next trial, inside the constraints, or None when the study has all it is to have.

    Raises InputError where the constraints refuse what is drawn time after time.
    """
    folder = store.location / "studies" / plan.study
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        _requeue_abandoned(study, folder)
        for _ in range(MOST_REFUSED):
            if counted(study) >= trials:
                return None
            drawn = len(study.get_trials(deepcopy=False, states=_COUNTED))
            study.sampler = make_sampler(plan, draw=drawn)
            trial = study.ask(plan.distributions)
            trial.set_user_attr("host", platform.node())
            margins = descent_margins(plan.experiment.space, plan.specs(trial.params)[0].settings)
            if margins:
                trial.set_constraint("Theorem 1", max(margins.values()))
            if all(margin < 0 for margin in margins.values()):
                lock = FileLock(folder / f"trial-{trial.number}.lock")
                lock.acquire(timeout=0)
                known = study.get_trials(deepcopy=False)[trial.number].intermediate_values
                return Claim(trial, frozenset(known), lock)
            trial.set_user_attr(REFUSED, True)
            study.tell(trial, state=TrialState.PRUNED)
    violated = max(margins, key=lambda name: margins[name])
    raise InputError(
        f"{MOST_REFUSED} settings in a row lie outside Theorem 1's conditions ({violated}): narrow the search space"
    )


def objective_values(plan: Plan, store: Store, run_ids: list[str]) -> list[float]:
    """The objectives of a trial, each the mean over its runs; raises InputError for a run that lacks one."""
    runs, evaluations = store.runs(id=list(run_ids)), store.evaluations(run_id=list(run_ids))
    return [float(np.mean(_values(plan, objective, runs, evaluations))) for objective in plan.objectives]


def _values(plan: Plan, objective: str, runs: "pd.DataFrame", evaluations: "pd.DataFrame") -> list[float]:
    if objective == "skip-ratio":
        found = runs["skip_ratio"]
    elif objective == "latency":
        found = runs["latency_ms"].fillna(runs["predicted_latency_ms"])
    else:
        allowed = (evaluations["split"] == "validation") & (evaluations["dataset"] == plan.dataset)
        errors = errors_inside_runs(evaluations[allowed])
        source = next((source for source in _SOURCES if source in set(errors["source"])), "one-shot")
        longest = errors[errors["source"] == source].sort_values("epochs").groupby("run_id")["mean"].last()
        found = longest.reindex(runs["id"])
    if found.isna().any():
        raise InputError(f"a run of the study has no {objective}: choose another objective")
    return found.tolist()


def _requeue_abandoned(study: optuna.Study, folder: Path) -> None:
    """Queue again what processes of this machine left running when they died."""
    for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if trial.user_attrs.get("host", platform.node()) == platform.node():
            try:
                with FileLock(folder / f"trial-{trial.number}.lock", timeout=0):
                    now = study.get_trials(deepcopy=False)[trial.number]
                    if now.state == TrialState.RUNNING:  # it may have ended since it was listed
                        _requeue(study, now)
            except Timeout:
                continue


def _requeue(study: optuna.Study, trial: FrozenTrial) -> None:
    study.tell(trial.number, state=TrialState.FAIL)
    if trial.params:  # a process that died at once had drawn nothing
        study.add_trial(
            optuna.create_trial(
                state=TrialState.WAITING,
                params=trial.params,
                distributions=trial.distributions,
                intermediate_values=trial.intermediate_values,
                user_attrs={"continues": trial.number},
            )
        )


def _run(
    plan: Plan, study: optuna.Study, claim: Claim, store: Store, job: Job, *, should_stop: Callable[[], bool],
    notify: Notify,
) -> None:  # fmt: skip
    trial, specs = claim.trial, plan.specs(claim.trial.params)
    run_ids = [spec.id for spec in specs]
    trial.set_user_attr("runs", run_ids)
    pruned = False

    def report_of(index: int) -> Callable[[float, Mapping[str, float]], None]:
        def report(share: float, metrics: Mapping[str, float]) -> None:
            nonlocal pruned
            notify(trial.number, (index + share) / len(specs), metrics)
            if plan.pruner != "none" and "one_shot_error" in metrics:
                step = index * VALIDATIONS + int(share * VALIDATIONS)
                if step not in claim.reported:
                    trial.report(metrics["one_shot_error"], step)
                pruned = trial.should_prune()

        return report

    try:
        for index, spec in enumerate(specs):
            outcome = _execute(spec, store, job, report=report_of(index), should_stop=lambda: pruned or should_stop())
            if outcome == "interrupted":
                break
    except _StopError:
        outcome = "interrupted"
    except Exception as error:
        if len(store.runs(id=spec.id)):
            store.upsert_run(spec.id, status="failed", message=f"{type(error).__name__}: {error}")
        study.tell(trial, state=TrialState.FAIL)
        raise
    if outcome != "interrupted":
        study.tell(trial, objective_values(plan, store, run_ids))
    elif pruned:
        message = f"pruned by {plan.pruner} in trial {trial.number} of study {plan.study}"
        store.upsert_run(spec.id, status="interrupted", message=message)
        study.tell(trial, state=TrialState.PRUNED)
    else:
        _requeue(study, study.get_trials(deepcopy=False)[trial.number])


def _execute(
    spec: RunSpec, store: Store, job: Job, *, report: Callable[[float, Mapping[str, float]], None],
    should_stop: Callable[[], bool],
) -> Outcome:  # fmt: skip
    """One run to its end; one that another process has is waited for."""
    while True:
        outcome = execute(
            spec, store, experiment=job.experiment, training=job.training, resources=job.resources, report=report,
            should_stop=should_stop, checkpoint_seconds=job.checkpoint_seconds,
        )  # fmt: skip
        if outcome != "busy":
            return outcome
        if should_stop():
            raise _StopError
        time.sleep(1)


__all__ = ["REFUSED", "Claim", "claim_trial", "counted", "objective_values", "run_trials"]

"""A tuning study in the database of the runs: opening it, and the sampler of each of its trials."""

import warnings

import numpy as np
import optuna
from sqlalchemy import event

from harness.search import VALIDATIONS
from harness.tuning import PRUNERS, SAMPLERS, Plan
from results.store import Store
from spaces.errors import InputError, unknown

PLAN = "plan"  # the study's attribute that says what it was made for
_SAMPLER_SETTINGS = {"nsgaii": {"population_size": 10}}  # a study has tens of trials, where Optuna's 50 only draws
_PRUNER_SETTINGS = {
    "median": {"n_startup_trials": 5, "n_warmup_steps": 1},
    "hyperband": {"min_resource": 1, "max_resource": VALIDATIONS},
}


def open_study(plan: Plan, store: Store) -> optuna.Study:
    """The study of that name, made where there is none; raises InputError where it was made for another plan."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(
        storage=open_storage(store),
        study_name=plan.study,
        directions=["minimize"] * len(plan.objectives),
        pruner=PRUNERS[plan.pruner](**_PRUNER_SETTINGS.get(plan.pruner, {})),
        load_if_exists=True,
    )
    wanted, known = plan.identity(), study.user_attrs.get(PLAN)
    if known is None and not study.get_trials(deepcopy=False):
        study.set_user_attr(PLAN, wanted)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.set_metric_names(list(plan.objectives))
    elif known != wanted:
        known = known or {}
        other = [name for name in wanted if wanted[name] != known.get(name)]
        raise InputError(
            f"study '{plan.study}' exists with another {' and '.join(other)}: repeat the command that began it, or "
            "name a new study"
        )
    return study


def load_study(name: str, store: Store) -> optuna.Study:
    """A study that is there; raises InputError naming those that are."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if not store.exists:
        raise InputError(f"there is no run store at {store.location}: make a study with `nas-harness tune`")
    storage = open_storage(store)
    summaries = optuna.get_all_study_summaries(storage, include_best_trial=False)
    known = [summary.study_name for summary in summaries if PLAN in summary.user_attrs]
    if name not in known:
        raise (
            unknown("study", name, known)
            if known
            else InputError(f"{store.location} holds no study: make one with `nas-harness tune --study {name}`")
        )
    return optuna.load_study(study_name=name, storage=storage)


def open_storage(store: Store) -> optuna.storages.RDBStorage:
    """Optuna's tables in the database of the runs."""
    url = store.prepared_url()
    if not url.startswith("sqlite"):
        return optuna.storages.RDBStorage(url)
    storage = optuna.storages.RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})
    # As for the runs: in WAL mode a crash of the machine may cost the last trials, never the database.
    event.listen(storage.engine, "connect", lambda connection, record: connection.execute("PRAGMA synchronous=NORMAL"))
    storage.engine.dispose()
    return storage


def make_sampler(plan: Plan, *, draw: int) -> optuna.samplers.BaseSampler:
    """The sampler of the study's `draw`-th trial: a study that was interrupted draws what it would have drawn."""
    seed = int(np.random.SeedSequence([plan.seed, draw]).generate_state(1)[0])
    return SAMPLERS[plan.sampler](seed=seed, **_SAMPLER_SETTINGS.get(plan.sampler, {}))


__all__ = ["PLAN", "load_study", "make_sampler", "open_storage", "open_study"]

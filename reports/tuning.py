"""What a tuning study found: its best trials, and how much each setting mattered.

A study of one objective has one best trial; one of several has a Pareto front, the trials that no other one beats in
every objective.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

IMPORTANCE_SEED = 0  # fANOVA's forest is random: the same study has the same importances each time
FEWEST_TRIALS = 4  # with fewer no importance means anything


@dataclass(frozen=True)
class Importances:
    """Shares, which add up to 1, of one objective's variation."""

    objective: str
    fanova: dict[str, float]  # of the variation over the whole search space (Hutter et al. 2014)
    ped_anova: dict[str, float]  # of what tells the best tenth of the trials from the others (Watanabe et al. 2023)


@dataclass(frozen=True)
class TuningReport:
    """A study, as it stands."""

    study: str
    plan: dict[str, Any]
    states: dict[str, int]  # complete, pruned, refused, running, ...
    different: int  # how many of the complete trials are other runs: a sampler may draw the same settings again
    best: tuple[FrozenTrial, ...]  # the best trial, or the Pareto front by the first objective, the same runs once
    importances: tuple[Importances, ...]

    @property
    def objectives(self) -> tuple[str, ...]:
        """All of them are minimised."""
        return tuple(self.plan["objectives"])

    @property
    def settings(self) -> tuple[str, ...]:
        """What was tuned."""
        return tuple(self.plan["search space"])


def tuning_report(study: optuna.Study, *, plan: dict[str, Any], refused: str) -> TuningReport:
    """The report of a study; `refused` is the attribute of trials that the constraints kept from running."""
    states: dict[str, int] = {}
    for trial in study.get_trials(deepcopy=False):
        name = "refused" if refused in trial.user_attrs else trial.state.name.lower()
        states[name] = states.get(name, 0) + 1
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    best: list[FrozenTrial] = []
    if complete:
        best = [study.best_trial] if len(study.directions) == 1 else study.best_trials
    importances = [
        _importances(study, objective, index)
        for index, objective in enumerate(plan["objectives"])
        if len(complete) >= FEWEST_TRIALS and len({trial.values[index] for trial in complete}) > 1
    ]
    once = {tuple(trial.user_attrs["runs"]): trial for trial in sorted(best, key=lambda trial: -trial.number)}
    return TuningReport(
        study=study.study_name,
        plan=plan,
        states=states,
        different=len({tuple(trial.user_attrs["runs"]) for trial in complete}),
        best=tuple(sorted(once.values(), key=lambda trial: (trial.values, trial.number))),
        importances=tuple(importances),
    )


def _importances(study: optuna.Study, objective: str, index: int) -> Importances:
    def target(trial: FrozenTrial) -> float:
        return trial.values[index]

    forest = optuna.importance.FanovaImportanceEvaluator(seed=IMPORTANCE_SEED)
    fanova = optuna.importance.get_param_importances(study, evaluator=forest, target=target)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "PedAnovaImportanceEvaluator computes", UserWarning)  # low is good: as here
        parzen = optuna.importance.PedAnovaImportanceEvaluator()
        ped_anova = optuna.importance.get_param_importances(study, evaluator=parzen, target=target)
    return Importances(objective, fanova, ped_anova)


__all__ = ["Importances", "TuningReport", "tuning_report"]

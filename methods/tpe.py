"""Tree-structured Parzen estimator (Bergstra et al. 2011), by Optuna."""

from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from methods.method import Metrics, Task
from methods.sample_based import SampleBasedMethod
from spaces.choices import choices_of

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import Trial


class Tpe(SampleBasedMethod):
    """Model the good and the other architectures by a density each, evaluate where their ratio is highest.

    Every choice of an architecture is a categorical parameter. The sampler of a trial is seeded by the search's random
    generator, so a search is resumed by telling a fresh study what was evaluated.
    """

    class Settings(SampleBasedMethod.Settings):
        """The sampler's settings, by Optuna's defaults."""

        startup_trials: int = Field(10, ge=0)  # uniform samples before the first model
        candidates: int = Field(24, ge=1)  # drawn from the good density for each proposal

    def start(self, task: Task) -> None:
        """An empty study."""
        super().start(task)
        from optuna.distributions import CategoricalDistribution  # slow to import, and no other method's need

        self.choices = choices_of(self.space)
        self.distributions: dict[str, BaseDistribution] = {
            f"choice_{index:03d}": CategoricalDistribution(range(options))
            for index, options in enumerate(self.choices.options)
        }
        self.picks: list[list[int]] = []  # of every evaluated architecture, oldest first
        self._begin_study()

    def propose(self, generator: np.random.Generator) -> Any:
        """The sampler's next suggestion."""
        from optuna.samplers import TPESampler

        settings = self.task.settings
        self.study.sampler = TPESampler(
            n_startup_trials=settings.startup_trials,
            n_ei_candidates=settings.candidates,
            seed=int(generator.integers(2**32)),
        )
        self.trial: Trial = self.study.ask(self.distributions)
        self.picks.append([self.trial.params[name] for name in self.distributions])
        return self.choices.architecture(self.picks[-1])

    def step(self) -> Metrics:
        """Evaluate one architecture and tell the sampler."""
        metrics = super().step()
        self.study.tell(self.trial, self.history[-1][1])
        return metrics

    def state_dict(self) -> dict[str, Any]:
        """The search so far and what was picked in it."""
        return {**super().state_dict(), "picks": self.picks}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state, in a study that is told the history."""
        from optuna.trial import create_trial

        super().load_state_dict(state)
        self.picks = state["picks"]
        self._begin_study()
        for picks, (_, error) in zip(self.picks, self.history, strict=True):
            params = dict(zip(self.distributions, picks, strict=True))
            self.study.add_trial(create_trial(params=params, distributions=self.distributions, value=error))

    def _begin_study(self) -> None:
        import optuna

        verbosity = optuna.logging.get_verbosity()
        optuna.logging.set_verbosity(optuna.logging.WARNING)  # a study in memory is nothing to announce
        self.study = optuna.create_study(direction="minimize")
        optuna.logging.set_verbosity(verbosity)

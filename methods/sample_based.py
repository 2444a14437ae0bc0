"""Search by evaluating one architecture after the other on an objective."""

from abc import abstractmethod
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from methods.method import Method, Metrics, SettingsModel, Task
from spaces.errors import InputError
from spaces.space import CellSpace


class SampleBasedMethod(Method):
    """Propose, evaluate, remember; stop when the budget of evaluations or of simulated seconds is spent.

    An evaluation that would overrun the time budget still counts its time, but the search may not use its answer:
    on a real machine it would have been killed.
    """

    class Settings(SettingsModel):
        """The budget: simulated seconds of training, evaluations, or both (the first to run out ends the search)."""

        time_budget: float | None = Field(20_000.0, gt=0)  # seconds: NATS-Bench, Section 5 on CIFAR-10
        evaluations: int | None = Field(None, ge=1)
        reward_epochs: int = Field(12, ge=1)  # the validation error after this many epochs (NATS-Bench, Section 5)
        reward_seed: int | Literal["mean"] = "mean"  # of the training whose error is the reward; most have one seed

        @model_validator(mode="after")
        def _some_budget(self) -> "SampleBasedMethod.Settings":
            if self.time_budget is None and self.evaluations is None:
                raise ValueError("give time_budget (seconds) or evaluations (a number): a search needs an end")
            return self

    def start(self, task: Task) -> None:
        """An empty history."""
        if task.objective is None or not isinstance(task.space, CellSpace):
            raise InputError(
                f"this method evaluates architectures of '{task.space.name}' one by one and needs a table "
                "that knows their validation error: use space topology with a data set of its table, such as cifar10"
            )
        self.task, self.space, self.objective = task, task.space, task.objective
        self.generator = np.random.default_rng(task.seed)
        self.history: list[tuple[Any, float]] = []  # (architecture, validation error in %), oldest first
        self.seconds = 0.0
        self.best: tuple[Any, float] | None = None

    @abstractmethod
    def propose(self, generator: np.random.Generator) -> Any:
        """The next architecture to evaluate."""

    @property
    def progress(self) -> float:
        """The larger spent share of the two budgets."""
        settings = self.task.settings
        shares = [
            self.seconds / settings.time_budget if settings.time_budget else 0.0,
            len(self.history) / settings.evaluations if settings.evaluations else 0.0,
        ]
        return min(1.0, max(shares))

    @property
    def simulated_seconds(self) -> float:
        """Training and validation seconds that the objective charged so far."""
        return self.seconds

    def step(self) -> Metrics:
        """Evaluate one architecture."""
        architecture = self.propose(self.generator)
        error, seconds = self.objective.evaluate(architecture)
        self.seconds += seconds
        budget = self.task.settings.time_budget
        self.history.append((architecture, error))
        if self.best is None or (error < self.best[1] and (budget is None or self.seconds <= budget)):
            self.best = (architecture, error)
        return {"validation_error": error, "best_validation_error": self.best[1], "simulated_seconds": self.seconds}

    def architecture(self) -> Any:
        """The best architecture so far (before the first evaluation: the one that would be sampled first)."""
        return self.best[0] if self.best else self.space.sample(np.random.default_rng(self.task.seed))

    def state_dict(self) -> dict[str, Any]:
        """Evaluated architectures, seconds and the random generator."""
        return {
            "history": [[str(architecture), error] for architecture, error in self.history],
            "best": [str(self.best[0]), self.best[1]] if self.best else None,
            "seconds": self.seconds,
            "generator": self.generator.bit_generator.state,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.history = [(self.space.parse(text), error) for text, error in state["history"]]
        self.best = (self.space.parse(state["best"][0]), state["best"][1]) if state["best"] else None
        self.seconds = state["seconds"]
        self.generator.bit_generator.state = state["generator"]

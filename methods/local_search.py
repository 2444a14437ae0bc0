"""Local search (White et al., "Exploring the Loss Landscape in Neural Architecture Search", UAI 2021, Algorithm 1)."""

from typing import Any, Literal

import numpy as np

from methods.method import Metrics, Task
from methods.sample_based import SampleBasedMethod


class LocalSearch(SampleBasedMethod):
    """From a random architecture, move to a better neighbour until there is none; then start again at random.

    Neighbours come in random order; those that were evaluated before are not paid for again.
    """

    class Settings(SampleBasedMethod.Settings):
        """When to move."""

        # To the best neighbour once all are evaluated (Algorithm 1), or at once to the first that is better.
        move_to: Literal["best", "first"] = "best"

    def start(self, task: Task) -> None:
        """Nowhere yet."""
        super().start(task)
        self.known: dict[Any, float] = {}
        self.centre: Any = None  # where the search stands, and its neighbours
        self.around: list[Any] = []
        self.waiting: list[Any] = []  # neighbours still to be evaluated, the next one last

    def propose(self, generator: np.random.Generator) -> Any:
        """A random architecture to start from, else the next neighbour."""
        return self.waiting[-1] if self.waiting else self.space.sample(generator)

    def step(self) -> Metrics:
        """Evaluate one architecture, and move if it is time to."""
        metrics = super().step()
        architecture, error = self.history[-1]
        self.known[architecture] = error
        if self.waiting:
            self.waiting.pop()
        if self.centre is None:
            self._move(architecture)
        self._look_around()
        return metrics

    def _look_around(self) -> None:
        """Move as long as what is known of the neighbours allows; restart at a local optimum."""
        while self.centre is not None:
            better = [near for near in self.around if self.known.get(near, np.inf) < self.known[self.centre]]
            if self.waiting and not (better and self.task.settings.move_to == "first"):
                return
            if not better:
                self._restart()
            else:
                self._move(min(better, key=lambda near: self.known[near]))

    def _move(self, centre: Any) -> None:
        self.centre = centre
        self.around = self.space.neighbours(centre)
        unknown = [near for near in self.around if near not in self.known]
        self.waiting = [unknown[index] for index in self.generator.permutation(len(unknown))]

    def _restart(self) -> None:
        self.centre, self.around, self.waiting = None, [], []

    def state_dict(self) -> dict[str, Any]:
        """The search so far, where it stands and which neighbours are still to be evaluated."""
        return {
            **super().state_dict(),
            "centre": None if self.centre is None else str(self.centre),
            "waiting": [str(near) for near in self.waiting],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        super().load_state_dict(state)
        self.known = dict(self.history)
        self._restart()
        if state["centre"] is not None:
            self.centre = self.space.parse(state["centre"])
            self.around = self.space.neighbours(self.centre)
            self.waiting = [self.space.parse(text) for text in state["waiting"]]

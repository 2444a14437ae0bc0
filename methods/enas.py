"""ENAS (Pham et al., "Efficient Neural Architecture Search via Parameter Sharing", ICML 2018)."""

from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from methods.controller import Controller
from methods.method import Metrics, Task
from methods.one_shot import OneShotMethod


class Enas(OneShotMethod):
    """Weights descend on paths that the controller draws; REINFORCE moves the controller between epochs of weights.

    reward = validation accuracy in [0, 1] of the path on one batch of D_v + entropy_weight * the draw's entropy, less
    the moving average of rewards. In the end the controller draws the architectures to judge.
    """

    class Settings(OneShotMethod.Settings):
        """The controller's budget and descent: values of NATS-Bench's code."""

        controller_interval: int = Field(390, ge=1)  # weight steps from one round of the controller to the next
        controller_steps: int = Field(50, ge=1)  # in a round
        controller_samples: int = Field(20, ge=1)  # in a step, each on a batch of its own
        controller_learning_rate: float = Field(0.001, gt=0)
        controller_gradient_clip: float = Field(5.0, gt=0)
        entropy_weight: float = Field(1e-4, ge=0)
        baseline_decay: float = Field(0.99, ge=0, lt=1)

    def start(self, task: Task) -> None:
        """Build the supernet and the controller, which stays on the CPU: it draws the same on every device."""
        super().start(task)
        self.controller = Controller(self.choices.options, generator=torch.Generator().manual_seed(task.seed))
        self.optimiser = torch.optim.Adam(
            self.controller.parameters(), lr=self.settings.controller_learning_rate, betas=(0.5, 0.999), eps=1e-3
        )
        self.baseline: float | None = None  # before the first reward
        self.controller_steps = 0
        self._likeliest: Any = None  # kept until the controller moves

    @property
    def progress(self) -> float:
        """Weight steps, controller steps and judgements done / all of them."""
        done = self.weight_steps + self.controller_steps + len(self.judged)
        return done / (self.settings.steps + self._steps_of(self._rounds) + self.settings.samples)

    @property
    def _rounds(self) -> int:
        return -(-self.settings.steps // self.settings.controller_interval)  # the last epoch of weights may be shorter

    def _steps_of(self, rounds: int) -> int:
        return int(rounds * self.settings.controller_steps)

    def step(self) -> Metrics:
        """A step of the controller where a round is due, else of the weights; in the end judgements."""
        trained = self.weight_steps == self.settings.steps
        rounds_due = self._rounds if trained else self.weight_steps // self.settings.controller_interval
        return self.train_controller() if self.controller_steps < self._steps_of(rounds_due) else super().step()

    def train_controller(self) -> Metrics:
        """One step of the controller along the mean REINFORCE gradient of a few draws."""
        picks = self.controller.draw(self.settings.controller_samples, self.generator)
        with torch.no_grad():
            _, entropies = self.controller(picks)
        accuracies, advantages = [], []
        for row, entropy in zip(picks.tolist(), entropies.tolist(), strict=True):
            error = self.one_shot_error(self.choices.architecture(row), [self.validation_stream.next()])
            accuracies.append(1 - error / 100)
            advantages.append(self._advantage(accuracies[-1] + self.settings.entropy_weight * entropy))
        self.optimiser.zero_grad()
        self.policy_loss(picks, torch.tensor(advantages)).backward()
        torch.nn.utils.clip_grad_norm_(self.controller.parameters(), self.settings.controller_gradient_clip)
        self.optimiser.step()
        self.controller_steps += 1
        self._likeliest = None
        assert self.baseline is not None
        mean_error = 100 * (1 - sum(accuracies) / len(accuracies))
        return {
            "controller_error": mean_error,
            "controller_entropy": float(entropies.mean()),
            "baseline": self.baseline,
        }

    def policy_loss(self, picks: Tensor, advantages: Tensor) -> Tensor:
        """-mean(advantage * log p(picks)): its expected gradient is that of the expected reward, negated."""
        log_probabilities, _ = self.controller(picks)
        return -(advantages * log_probabilities).mean()

    def _advantage(self, reward: float) -> float:
        """The reward less the baseline, which it moves first."""
        decay = self.settings.baseline_decay
        self.baseline = reward if self.baseline is None else decay * self.baseline + (1 - decay) * reward
        return reward - self.baseline

    def path_to_train(self) -> Any:
        """A draw of the controller."""
        (picks,) = self.controller.draw(1, self.generator).tolist()
        return self.choices.architecture(picks)

    def candidate(self) -> Any:
        """A draw of the controller."""
        return self.path_to_train()

    def guess(self) -> Any:
        """What the controller writes when it takes the likeliest option every time."""
        if self._likeliest is None:
            self._likeliest = self.choices.architecture(self.controller.likeliest().tolist())
        return self._likeliest

    def state_dict(self) -> dict[str, Any]:
        """The search so far, the controller, its optimiser and the baseline."""
        return {
            **super().state_dict(),
            "controller": self.controller.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "baseline": self.baseline,
            "controller_steps": self.controller_steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        super().load_state_dict(state)
        self.controller.load_state_dict(state["controller"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.baseline, self.controller_steps = state["baseline"], state["controller_steps"]
        self._likeliest = None


__all__ = ["Enas"]

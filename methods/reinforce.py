"""REINFORCE (Williams 1992) on a softmax policy, as NAS-Bench-201 and NATS-Bench run it."""

from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from methods.method import Metrics, Task
from methods.sample_based import SampleBasedMethod
from spaces.choices import choices_of


class Reinforce(SampleBasedMethod):
    """theta <- Adam(-(reward - baseline) grad log p_theta(architecture)); reward = validation accuracy in %.

    The policy picks every choice independently, p = softmax(theta); the baseline is the moving average of rewards.
    """

    class Settings(SampleBasedMethod.Settings):
        """Step size of the policy and memory of the baseline."""

        policy_learning_rate: float = Field(0.01, gt=0)  # NATS-Bench, Section 5; Adam with PyTorch's betas
        baseline_decay: float = Field(0.9, ge=0, lt=1)  # NAS-Bench-201, Section 5

    def start(self, task: Task) -> None:
        """An almost uniform policy: theta ~ 1e-3 * N(0, 1)."""
        super().start(task)
        self.choices = choices_of(self.space)
        generator = torch.Generator().manual_seed(task.seed)
        self.theta = [
            (1e-3 * torch.randn(options, generator=generator)).requires_grad_() for options in self.choices.options
        ]
        self.optimiser = torch.optim.Adam(self.theta, lr=task.settings.policy_learning_rate)
        self.average, self.weight = 0.0, 0.0  # of the rewards so far, the weight of all of them together

    def propose(self, generator: np.random.Generator) -> Any:
        """An architecture drawn from the policy."""
        with torch.no_grad():
            # argmax(theta + Gumbel noise) is a draw from softmax(theta).
            self.picks = [int(np.argmax(logits.numpy() + generator.gumbel(size=len(logits)))) for logits in self.theta]
        return self.choices.architecture(self.picks)

    def step(self) -> Metrics:
        """Evaluate one architecture and move the policy by its reward."""
        metrics = super().step()
        reward = 100 - self.history[-1][1]
        decay = self.task.settings.baseline_decay
        self.average = decay * self.average + (1 - decay) * reward
        self.weight = decay * self.weight + (1 - decay)
        baseline = self.average / self.weight
        self.optimiser.zero_grad()
        self.policy_loss(self.picks, advantage=reward - baseline).backward()
        self.optimiser.step()
        return {**metrics, "baseline": baseline}

    def policy_loss(self, picks: list[int], *, advantage: float) -> Tensor:
        """-advantage * log p_theta(picks), whose expected gradient is that of the expected reward, negated."""
        chosen = [logits.log_softmax(dim=0)[pick] for logits, pick in zip(self.theta, picks, strict=True)]
        return -advantage * torch.stack(chosen).sum()

    def state_dict(self) -> dict[str, Any]:
        """The search so far, the policy, its optimiser and the baseline."""
        return {
            **super().state_dict(),
            "theta": [logits.detach() for logits in self.theta],
            "optimiser": self.optimiser.state_dict(),
            "baseline": [self.average, self.weight],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        super().load_state_dict(state)
        with torch.no_grad():
            for logits, saved in zip(self.theta, state["theta"], strict=True):
                logits.copy_(saved)
        self.optimiser.load_state_dict(state["optimiser"])
        self.average, self.weight = state["baseline"]

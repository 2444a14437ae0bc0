"""Schedules: the learning rate of the weights, and the steps before alpha starts to move."""

import math

from pydantic import Field

from methods.method import SettingsModel


class Schedule:
    """Cosine learning rate of the weights over all steps; alpha frozen for the first `warmup_steps`."""

    class Settings(SettingsModel):
        """Budget and learning rate of the weights."""

        steps: int = Field(39_000, ge=1)  # 100 epochs of 390 batches: RARTS, Section IV-A on NATS-Bench
        warmup_steps: int = Field(0, ge=0)
        weight_learning_rate: float = Field(0.025, gt=0)  # RARTS, Section IV-A
        weight_learning_rate_end: float = Field(0.001, ge=0)  # DARTS, Appendix A.1.1

    def __init__(self, settings: "Schedule.Settings") -> None:
        self.settings = settings

    def weight_learning_rate(self, step: int) -> float:
        """eta_w of a step: start at step 0, end at the last one."""
        start, end = self.settings.weight_learning_rate, self.settings.weight_learning_rate_end
        return end + 0.5 * (start - end) * (1 + math.cos(math.pi * step / self.settings.steps))

    def alpha_moves(self, step: int) -> bool:
        """Whether alpha is updated in this step."""
        return step >= self.settings.warmup_steps

"""Schedules: the learning rate of the weights, and the steps before alpha starts to move."""

import math
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from methods.part import Part

if TYPE_CHECKING:
    from methods.differentiable import DifferentiableMethod


class WeightSchedule(Part):
    """Cosine learning rate of the weights over all steps."""

    drops_operations: ClassVar[bool] = False  # whether candidate operations are given up on the way

    class Settings(Part.Settings):
        """Budget and learning rate of the weights."""

        steps: int = Field(39_000, ge=1)  # 100 epochs of 390 batches: RARTS, Section IV-A on NATS-Bench
        weight_learning_rate: float = Field(0.025, gt=0)  # RARTS, Section IV-A
        weight_learning_rate_end: float = Field(0.001, ge=0)  # DARTS, Appendix A.1.1

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.last_step: int = settings.steps  # how many steps the search has

    def weight_learning_rate(self, step: int) -> float:
        """eta_w of a step: start at step 0, end at the last one."""
        start, end = self.settings.weight_learning_rate, self.settings.weight_learning_rate_end
        return end + 0.5 * (start - end) * (1 + math.cos(math.pi * step / self.settings.steps))


class Schedule(WeightSchedule):
    """The weights' schedule, and alpha frozen for the first `warmup_steps`."""

    class Settings(WeightSchedule.Settings):
        """Budget, learning rate of the weights, and when alpha starts to move."""

        warmup_steps: int = Field(0, ge=0)

    def alpha_moves(self, step: int) -> bool:
        """Whether alpha is updated in this step."""
        return step >= self.settings.warmup_steps

    @property
    def supernet_settings(self) -> dict[str, int]:
        """Settings of the supernet that a search begins with, instead of the user's."""
        return {}

    def before(self, method: "DifferentiableMethod") -> None:
        """What happens before a step."""

    def after(self, method: "DifferentiableMethod") -> None:
        """What happens after a step."""

    def state_dict(self) -> dict[str, Any]:
        """What `after` remembers."""
        return {}

    def load_state_dict(self, state: dict[str, Any], method: "DifferentiableMethod") -> None:
        """Bring the method's networks into the shape that they had."""

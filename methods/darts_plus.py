"""DARTS+: the search stops before skip connections take over (Liang et al., "DARTS+", 2019)."""

from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from methods.schedule import Schedule
from spaces.space import CellSpace, Space

if TYPE_CHECKING:
    from methods.differentiable import DifferentiableMethod


class EarlyStopping(Schedule):
    """Stop when the first cell has two skip connections, or when alpha's ranking stands still (Section 3.2).

    Asked once every `epoch_steps` steps. Criterion "skips": the architecture found so far has `stop_at_skips` of them
    in its first cell, DARTS' normal cell. Criterion "ranking" (1* in the paper): the strongest operation of no edge has
    changed for `stable_epochs` questions.
    """

    class Settings(Schedule.Settings):
        """When to ask, and what stops the search."""

        stopping: Literal["skips", "ranking"] = "skips"
        epoch_steps: int = Field(390, ge=1)  # 25,000 images in batches of 64
        stop_at_skips: int = Field(2, ge=1)  # DARTS+, Criterion 1
        stable_epochs: int = Field(10, ge=1)  # DARTS+, Criterion 1*

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.ranking: list[list[int]] = []  # the strongest operation of every edge of every alpha
        self.unchanged = 0  # questions since it changed

    @classmethod
    def misplaced(cls, space: Space) -> str:
        """Skip connections are counted in a cell."""
        return "" if isinstance(space, CellSpace) else "it counts the skip connections of a cell"

    def after(self, method: "DifferentiableMethod") -> None:
        """Ask, and let this step be the last."""
        if method.steps_done % self.settings.epoch_steps or method.steps_done <= self.settings.warmup_steps:
            return
        if self.settings.stopping == "skips":
            stop = self._skips(method) >= self.settings.stop_at_skips
        else:
            ranking = [score.argmax(dim=-1).tolist() for score in method.scores()]
            self.unchanged = self.unchanged + 1 if ranking == self.ranking else 0
            self.ranking = ranking
            stop = self.unchanged >= self.settings.stable_epochs
        if stop:
            self.last_step = method.steps_done

    def _skips(self, method: "DifferentiableMethod") -> int:
        first = next(iter(method.task.space.cells(method.architecture()).values()))  # type: ignore[attr-defined]
        return sum(edge.operation == "skip_connect" for edge in first)

    def state_dict(self) -> dict[str, Any]:
        """The last step, and the ranking."""
        return {"last_step": self.last_step, "ranking": self.ranking, "unchanged": self.unchanged}

    def load_state_dict(self, state: dict[str, Any], method: "DifferentiableMethod") -> None:
        """Go on from a saved state."""
        self.last_step, self.ranking, self.unchanged = state["last_step"], state["ranking"], state["unchanged"]

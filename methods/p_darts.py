"""P-DARTS: the supernet grows deeper while candidates are given up (Chen et al., ICCV 2019)."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from pydantic import Field, model_validator
from torch import Tensor

from methods.discretisation import Discretisation
from methods.part import Part
from methods.schedule import Schedule
from spaces.space import CellSpace, Space

if TYPE_CHECKING:
    from methods.differentiable import DifferentiableMethod


class Progressive(Schedule):
    """Stages of equal length; each starts anew with more cells and, on every edge, the strongest operations alone.

    Every stage has its own cosine and its own warm-up. Skip connections are dropped out, less and less in the course of
    a stage (P-DARTS, Section 3.2 and 3.3).
    """

    drops_operations = True

    class Settings(Schedule.Settings):
        """What the stages have, first to last."""

        stage_cells: tuple[int, ...] = (5, 11, 17)  # P-DARTS, Section 4.2
        stage_operations: tuple[int, ...] = (8, 5, 3)  # P-DARTS, Section 4.2: candidates of an edge
        stage_skip_dropout: tuple[float, ...] = (0.0, 0.4, 0.7)  # P-DARTS, Section 4.2, at the start of the stage
        stage_warmup: float = Field(0.4, ge=0, lt=1)  # P-DARTS, Section 4.2: alpha waits for 10 of 25 epochs
        skip_dropout_decay: float = Field(5.0, ge=0)  # P-DARTS' code: exp(-0.2 * epoch) in 25 epochs

        @model_validator(mode="after")
        def _as_many_of_each(self) -> "Progressive.Settings":
            stages = {len(self.stage_cells), len(self.stage_operations), len(self.stage_skip_dropout)}
            if len(stages) != 1 or 0 in stages:
                raise ValueError("give stage_cells, stage_operations and stage_skip_dropout a value for every stage")
            return self

    @classmethod
    def misplaced(cls, space: Space) -> str:
        """Depth is a number of cells."""
        return (
            "" if "cells" in space.supernet_settings else "its supernet has no number of cells to grow: use darts-cnn"
        )

    @property
    def supernet_settings(self) -> dict[str, int]:
        """The first stage's number of cells, in a network that can drop skip connections out."""
        return self._of_stage(0)

    def _of_stage(self, stage: int) -> dict[str, int]:
        return {"cells": self.settings.stage_cells[stage], "draws": 1}

    def weight_learning_rate(self, step: int) -> float:
        """A cosine from start to end in every stage."""
        _, position = self._stage(step)
        start, end = self.settings.weight_learning_rate, self.settings.weight_learning_rate_end
        return end + 0.5 * (start - end) * (1 + math.cos(math.pi * position))

    def alpha_moves(self, step: int) -> bool:
        """Not before a stage's warm-up is over."""
        return self._stage(step)[1] >= self.settings.stage_warmup

    def before(self, method: "DifferentiableMethod") -> None:
        """Set how much of the skip connections is dropped."""
        stage, position = self._stage(method.steps_done)
        for network in method.networks:
            decay = math.exp(-self.settings.skip_dropout_decay * position)
            network.skip_dropout = self.settings.stage_skip_dropout[stage] * decay

    def after(self, method: "DifferentiableMethod") -> None:
        """Begin the next stage where this one is over."""
        stage, _ = self._stage(method.steps_done)
        if stage == self._stage(method.steps_done - 1)[0]:
            return
        kept = [_strongest(score, self.settings.stage_operations[stage]) for score in method.scores()]
        self._begin(method, stage)
        method.keep_only(kept)

    def load_state_dict(self, state: dict[str, Any], method: "DifferentiableMethod") -> None:
        """Begin the stage that the method was in."""
        stage, _ = self._stage(method.steps_done)
        if stage:
            self._begin(method, stage)

    def _begin(self, method: "DifferentiableMethod", stage: int) -> None:
        method.begin({**method.task.space_settings, **self._of_stage(stage)})

    def _stage(self, step: int) -> tuple[int, float]:
        """(the stage of the step, the share of the stage that is done before it)."""
        stages = len(self.settings.stage_cells)
        stage = min(step * stages // self.settings.steps, stages - 1)
        return stage, (step * stages - stage * self.settings.steps) / self.settings.steps


def _strongest(score: Tensor, count: int) -> Tensor:
    """True for the highest `count` scores of every row."""
    ranks = score.argsort(dim=-1, descending=True, stable=True).argsort(dim=-1)
    return (ranks < count) & (score > 0)


class SkipLimit(Discretisation):
    """The strongest operations with at most so many skip connections in the first cell (P-DARTS, Section 3.3).

    Of more of them, the weakest gives way to what else is strongest, one after the other.
    """

    class Settings(Part.Settings):
        """How many skip connections are kept."""

        most_skips: int = Field(2, ge=0)  # P-DARTS, Section 4.2

    @classmethod
    def misplaced(cls, space: Space) -> str:
        """Skip connections are counted in a cell."""
        return "" if isinstance(space, CellSpace) else "skip connections are counted in a cell"

    def __call__(self, space: Space, scores: Sequence[Tensor]) -> Any:
        """The first architecture without too many."""
        assert isinstance(space, CellSpace)
        scores = [score.clone() for score in scores]
        skips = space.marks(scores, "skip_connect".__eq__)[0]
        while True:
            architecture = space.discretise(scores)
            chosen = torch.as_tensor(space.chosen(architecture)[0], device=skips.device).bool() & skips
            if int(chosen.sum()) <= self.settings.most_skips:
                return architecture
            weakest = scores[0].masked_fill(~chosen, torch.inf).argmin()
            scores[0].view(-1)[weakest] = 0

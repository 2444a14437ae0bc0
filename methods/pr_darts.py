"""PR-DARTS: sparse stochastic gates and a preference for deep cells (Zhou et al., NeurIPS 2020)."""

import math
from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from methods.method import Task
from methods.part import Part, needs_gates
from methods.parts import Parts
from methods.regulariser import Regulariser
from methods.relaxation import AnnealedTemperature
from spaces.space import CellSpace, Space

LOW, HIGH = -0.1, 1.1  # a and b of Section 4.1: the range that gates are stretched to before they are cut to [0, 1]


class HardConcrete(AnnealedTemperature):
    """g = min(1, max(0, a + (b - a) sigmoid((ln d - ln(1 - d) + alpha) / tau))), d ~ U(0, 1) (Section 4.1, Theorem 3).

    Every operation has a gate of its own, which is exactly zero with positive probability. On every edge, only some
    random operations take part in a pass.
    """

    dense = False
    gates = True

    class Settings(AnnealedTemperature.Settings):
        """How many operations of an edge run in a pass."""

        sampled_operations: int = Field(2, ge=0)  # PR-DARTS, Section 5.1; 0: all

    def mixture(self, alpha: Tensor) -> Tensor:
        """A sample of the gates; zero for operations that do not take part."""
        # Drawn on the CPU, so that every device sees the same noise.
        uniform = torch.rand(alpha.shape, dtype=alpha.dtype, generator=self.generator)
        noise = torch.logit(uniform, eps=torch.finfo(alpha.dtype).eps).to(alpha.device)
        stretched = LOW + (HIGH - LOW) * torch.sigmoid((noise + alpha) / self.temperature)
        gates = stretched.clamp(0, 1)
        if not self.settings.sampled_operations:
            return gates
        ranks = torch.rand(alpha.shape, generator=self.generator).argsort(dim=-1).argsort(dim=-1)
        return gates * (ranks < self.settings.sampled_operations).to(gates)

    def preference(self, alpha: Tensor) -> Tensor:
        """P(g != 0) = sigmoid(alpha - tau ln(-a / b)) (Theorem 3)."""
        return torch.sigmoid(alpha - self.temperature * math.log(-LOW / HIGH))


class GroupSparsity(Regulariser):
    """lambda_1 L_skip + lambda_2 L_non-skip: mean activation probabilities, skips penalised harder (Section 4.1)."""

    weight = "skip_sparsity"

    class Settings(Part.Settings):
        """lambda_1 and lambda_2."""

        skip_sparsity: float = Field(0.01, ge=0)  # PR-DARTS, Section 5.1
        other_sparsity: float = Field(0.005, ge=0)  # PR-DARTS, Section 5.1

    @classmethod
    def misfit(cls, parts: Parts) -> str:
        """The mean over all operations that share one sum cannot change."""
        return needs_gates(parts, "group sparsity")

    @classmethod
    def misplaced(cls, space: Space) -> str:
        """Without skip connections there are no two groups."""
        return (
            ""
            if "skip_connect" in space.operation_names
            else "group sparsity needs skip connections among the operations"
        )

    def __call__(self, alphas: Sequence[Tensor], preferences: Sequence[Tensor]) -> Tensor:
        """The sum over the cells."""
        skips = self.task.space.marks(preferences, "skip_connect".__eq__)
        terms = [
            self.settings.skip_sparsity * preference[skip].mean()
            + self.settings.other_sparsity * preference[~skip].mean()
            for preference, skip in zip(preferences, skips, strict=True)
        ]
        return torch.stack(terms).sum()


class PathDepth(Regulariser):
    """-lambda_3 prod over neighbouring nodes of the sum of their convolutions' probabilities (Eq. 8)."""

    weight = "path_depth"

    class Settings(Part.Settings):
        """lambda_3."""

        path_depth: float = Field(0.005, ge=0)  # PR-DARTS, Section 5.1

    def __init__(self, settings: "PathDepth.Settings", task: Task) -> None:
        super().__init__(settings, task)
        assert isinstance(task.space, CellSpace)
        self.neighbours = [
            [row for row, (target, source) in enumerate(edges) if target == source + 1]
            for edges in task.space.edges(**task.space_settings)
        ]

    @classmethod
    def misplaced(cls, space: Space) -> str:
        """Without cells there are no neighbouring nodes."""
        return "" if isinstance(space, CellSpace) else "a path has a depth in spaces of cells alone"

    def __call__(self, alphas: Sequence[Tensor], preferences: Sequence[Tensor]) -> Tensor:
        """The sum over the cells, never positive."""
        convolutions = self.task.space.marks(preferences, lambda name: "conv" in name)
        terms = [
            (preference * marked)[rows].sum(dim=-1).prod()
            for preference, marked, rows in zip(preferences, convolutions, self.neighbours, strict=True)
        ]
        penalty: Tensor = -self.settings.path_depth * torch.stack(terms).sum()
        return penalty

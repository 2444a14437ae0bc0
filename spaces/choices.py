"""An architecture as a sequence of independent discrete choices, for policies, samplers and controllers."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import singledispatch
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spaces.darts.accelerated import AcceleratedSpace
from spaces.darts.cell import INPUTS, NODES
from spaces.darts.heavy_ball import HeavyBallSpace
from spaces.darts.mixed_path import MixedPathSpace
from spaces.darts.pairs import INPUTS_OF_NODE
from spaces.darts.space import DartsSpace
from spaces.errors import InputError
from spaces.space import Space


class Choices(ABC):
    """How many options each choice has, and what architecture the picked options make.

    Every combination of options is an architecture, and different combinations make different architectures.
    """

    def __init__(self, space: Space, options: Sequence[int]) -> None:
        self.space = space
        self.options = tuple(options)

    def sample(self, generator: np.random.Generator) -> tuple[int, ...]:
        """Options picked uniformly, one a choice; their architecture is uniform, too."""
        return tuple(generator.integers(self.options).tolist())

    def architecture(self, picks: Sequence[int]) -> Any:
        """The architecture that has the picked option of every choice."""
        return self.space.discretise(self._scores(picks))

    @abstractmethod
    def _scores(self, picks: Sequence[int]) -> list[Tensor]:
        """1 for each operation that is picked, else 0; shaped like the alphas."""


class OperationOfEveryEdge(Choices):
    """One operation on each edge, in the order of alpha's rows: what most cell spaces choose."""

    first = 0  # of alpha's columns that may be chosen

    def __init__(self, space: Space, **settings: Any) -> None:
        self.shapes = space.alpha_shapes(**settings)
        super().__init__(space, [operations - self.first for rows, operations in self.shapes for _ in range(rows)])

    def _scores(self, picks: Sequence[int]) -> list[Tensor]:
        remaining = iter(picks)
        scores = [torch.zeros(shape) for shape in self.shapes]
        for score in scores:
            for row in score:
                row[self.first + next(remaining)] = 1
        return scores


class WorkingOperationOfEveryEdge(OperationOfEveryEdge):
    """The same without the first operation, `none`."""

    first = 1


class InputsOfEveryNode(Choices):
    """DARTS (Liu et al. 2019, Section 2.4): for each node of both cells, its two inputs and an operation on either.

    Per node: the pair of inputs (no choice where there is one pair), the first operation, the second; never `none`.
    """

    def __init__(self, space: DartsSpace, *, nodes: int = NODES, **settings: Any) -> None:
        self.designs = space.designs(nodes)
        targets = range(INPUTS, INPUTS + nodes)
        self.pairs = [list(combinations(range(target), INPUTS_OF_NODE)) for target in targets]
        options = []
        for design in self.designs:
            operations = len(design.choices(0))  # as many on every edge
            for pairs in self.pairs:
                options += ([len(pairs)] if len(pairs) > 1 else []) + [operations] * INPUTS_OF_NODE
        super().__init__(space, options)

    def _scores(self, picks: Sequence[int]) -> list[Tensor]:
        remaining = iter(picks)
        scores = [torch.zeros(design.shape) for design in self.designs]
        for design, score in zip(self.designs, scores, strict=True):
            for target, pairs in enumerate(self.pairs, start=INPUTS):
                for source in pairs[next(remaining) if len(pairs) > 1 else 0]:
                    row = design.edges.index((target, source))
                    operation = design.choices(row)[next(remaining)]
                    score[row, design.operations[row].index(operation)] = 1
        return scores


class InputsOfEveryWeighedNode(InputsOfEveryNode):
    """The same where alpha holds weights of the edges, too: all alike."""

    def __init__(self, space: DartsSpace, **settings: Any) -> None:
        super().__init__(space, **settings)
        self.shapes = space.alpha_shapes(**settings)

    def _scores(self, picks: Sequence[int]) -> list[Tensor]:
        return [*super()._scores(picks), *(torch.ones(shape) for shape in self.shapes[len(self.designs) :])]


@singledispatch
def choices_of(space: Space, **settings: Any) -> Choices:
    """The choices that make an architecture of the space, for a supernet of these settings.

    A space in which edges exclude each other registers its own: `choices_of.register(ThatSpace, ThoseChoices)`.
    """
    return OperationOfEveryEdge(space, **settings)


choices_of.register(DartsSpace, InputsOfEveryNode)
choices_of.register(HeavyBallSpace, WorkingOperationOfEveryEdge)
choices_of.register(AcceleratedSpace, InputsOfEveryWeighedNode)


@choices_of.register
def _no_choices(space: MixedPathSpace, **settings: Any) -> Choices:
    raise InputError(
        f"space '{space.name}' is no product of independent choices, since nodes vanish with their inputs: "
        "use random-search or regularised-evolution"
    )


__all__ = [
    "Choices",
    "InputsOfEveryNode",
    "InputsOfEveryWeighedNode",
    "OperationOfEveryEdge",
    "WorkingOperationOfEveryEdge",
    "choices_of",
]

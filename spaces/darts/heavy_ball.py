"""The search space that is inspired by heavy-ball networks (Yang et al., Section 9.1).

Yang, Shen, Li and Lin, "Optimization-inspired Manual Architecture Design and Neural Architecture Search", Science China
Information Sciences.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from spaces.darts.architecture import Edge, Genotype
from spaces.darts.cell import INPUTS, NODES, OPERATIONS, CellDesign
from spaces.darts.rows import genotype_of
from spaces.darts.space import DartsSpace
from spaces.errors import InputError

SIGNED_OPERATIONS = (*OPERATIONS, "negative_identity")  # Table 6
OPTIMISATION_SETTINGS = {**DartsSpace.search_settings, "weight_learning_rate_end": 0.0}  # Section 9.3
ONE_HOT = 10.0  # alpha of a one-hot start: its softmax over nine operations is 0.9996


class HeavyBallSpace(DartsSpace):
    """HB: a node is o1(previous) + o2(previous) + o(last but one) of nine operations, started at x + F(x) - x' (Yang).

    Eq. 23: the rows of alpha are, for each node t, o1 and o2 on x_{t-1}, then o on x_{t-2}. The initial alpha is the
    paper's HB initialisation (Eq. 26): o2 is the identity, o the negative identity, o1 a mixture of all operations. The
    softmax can only come near to one-hot vectors: within 4e-4 here.
    """

    name: ClassVar[str] = "hb"
    needs_softmax: ClassVar[bool] = True
    partial_channels: ClassVar[bool] = False
    search_settings: ClassVar[dict[str, Any]] = OPTIMISATION_SETTINGS

    def design(self, kind: int, nodes: int = NODES) -> CellDesign:
        """Three edges a node, nine operations on each."""
        targets = range(INPUTS, INPUTS + nodes)
        edges = tuple((target, target - back) for target in targets for back in (1, 1, 2))
        return CellDesign(edges, (SIGNED_OPERATIONS,) * len(edges))

    def initial_alpha(self, generator: torch.Generator, **settings: Any) -> list[Tensor]:
        """HB initialisation; o1 starts from 1e-3 * N(0, 1)."""
        alphas = super().initial_alpha(generator, **settings)
        for alpha in alphas:
            for first, operation in ((1, "skip_connect"), (2, "negative_identity")):
                alpha[first::3] = 0
                alpha[first::3, SIGNED_OPERATIONS.index(operation)] = ONE_HOT
        return alphas

    def parse(self, text: str) -> Genotype:
        """The architecture of the field's notation; raises InputError where it is none of this space."""
        genotype = super().parse(text)
        for cell in (genotype.normal, genotype.reduce):
            for (source, target), count in Counter((edge.source, edge.target) for edge in cell).items():
                most = 3 - (target - source)
                if count > most:
                    raise InputError(
                        f"space '{self.name}' takes node {source} into node {target} "
                        f"{'twice' if most > 1 else 'once'}, not {count} times: leave out the others"
                    )
        return genotype

    def discretise(self, scores: Sequence[Tensor]) -> Genotype:
        """Each node keeps the strongest operation other than `none` on each of its three edges (Section 9.3).

        They are its top three operations from distinct edges, as DARTS has it; `scores` are two (12, 9) tensors. Edges
        whose scores are all zero are left out.
        """
        cells = []
        for kind, score in enumerate(scores):
            design = self._design_of_rows(kind, len(score))
            best, columns = score[:, 1:].max(dim=-1)
            cell = _cell(design, columns.tolist())
            cells.append([edge for edge, value in zip(cell, best.tolist(), strict=True) if value != 0])
        return genotype_of(*cells)

    def sample(self, generator: np.random.Generator) -> Genotype:
        """One architecture of four nodes, with uniform operations."""
        designs = self.designs()
        return genotype_of(*(_cell(d, generator.integers(len(d.choices(0)), size=len(d.edges))) for d in designs))

    def neighbours(self, architecture: Genotype) -> list[Genotype]:
        """All architectures with another operation on exactly one edge."""
        return [replace(architecture, normal=cell) for cell in _neighbour_cells(architecture.normal)] + [
            replace(architecture, reduce=cell) for cell in _neighbour_cells(architecture.reduce)
        ]

    @property
    def without_operations(self) -> Genotype:
        """`none` on every edge."""
        return genotype_of(*([Edge("none", source, target) for target, source in d.edges] for d in self.designs()))


class HeavyBallRandomStartSpace(HeavyBallSpace):
    """HB without HB initialisation: alpha starts from 1e-3 * N(0, 1), the baseline of the paper's Table 7 (Yang)."""

    name: ClassVar[str] = "hb-random-start"
    needs_softmax: ClassVar[bool] = False

    def initial_alpha(self, generator: torch.Generator, **settings: Any) -> list[Tensor]:
        """1e-3 * N(0, 1)."""
        return DartsSpace.initial_alpha(self, generator, **settings)


def _cell(design: CellDesign, choices: Sequence[int] | np.ndarray) -> list[Edge]:
    """The operation with this place among those other than `none` on every edge."""
    return [
        Edge(design.choices(row)[int(choice)], source, target)
        for row, ((target, source), choice) in enumerate(zip(design.edges, choices, strict=True))
    ]


def _neighbour_cells(cell: tuple[Edge, ...]) -> list[tuple[Edge, ...]]:
    return [
        (*cell[:place], edge._replace(operation=name), *cell[place + 1 :])
        for place, edge in enumerate(cell)
        for name in SIGNED_OPERATIONS[1:]
        if name != edge.operation
    ]


__all__ = ["OPTIMISATION_SETTINGS", "SIGNED_OPERATIONS", "HeavyBallRandomStartSpace", "HeavyBallSpace"]

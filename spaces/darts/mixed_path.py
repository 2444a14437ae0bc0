"""Mixed-path cells: any number of operations on an edge, nodes may vanish (Wu et al., SparseNAS, AAAI 2021)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from spaces.darts.architecture import Edge, Genotype
from spaces.darts.cell import INPUTS, NODES, OPERATIONS, CellDesign, complete_cell
from spaces.darts.space import DartsSpace


class MixedPathSpace(DartsSpace):
    """Mixed-path DARTS: any of seven operations together on every edge, nodes without inputs vanish (SparseNAS).

    Wu et al., "Neural Architecture Search as Sparse Supernet", Eq. 1: a node is sum_i sum_o A_ijo o(x_i) with weights A
    that may be any number. It is DARTS' search space but for the zero operation, whose weight would multiply nothing.
    In the stand-alone network, the operations that are left are summed without weights.
    """

    name: ClassVar[str] = "darts-mixed"
    keeps_support: ClassVar[bool] = True

    def design(self, kind: int, nodes: int = NODES) -> CellDesign:
        """Seven operations on every edge."""
        return complete_cell(nodes, OPERATIONS[1:])

    def initial_alpha(self, generator: torch.Generator, **settings: Any) -> list[Tensor]:
        """1/7 + 1e-3 * N(0, 1): the weights that DARTS' softmax over seven operations starts with.

        The paper does not say; weights near zero would leave nodes smaller than batch norms can tell from zero.
        """
        drawn = super().initial_alpha(generator, **settings)
        return [alpha + 1 / alpha.shape[1] for alpha in drawn]

    def discretise(self, scores: Sequence[Tensor]) -> Genotype:
        """All operations whose score is not exactly zero, those on vanished nodes left out; two (E, 7) tensors."""
        pairs = [(self._design_of_rows(kind, len(score)), score) for kind, score in enumerate(scores)]
        return _genotype(*(_present(design, score.detach().cpu().numpy() != 0) for design, score in pairs))

    def sample(self, generator: np.random.Generator) -> Genotype:
        """One architecture of at most four nodes, uniformly among those with at least one operation in each cell."""
        return _genotype(*(_sample_cell(design, generator) for design in self.designs()))

    def neighbours(self, architecture: Genotype) -> list[Genotype]:
        """All architectures with exactly one operation more or less."""
        found = []
        normal, reduction = self.designs(max(architecture.nodes, NODES))
        for cell in _neighbour_cells(normal, architecture.normal):
            found.append(_genotype(cell, architecture.reduce))
        for cell in _neighbour_cells(reduction, architecture.reduce):
            found.append(_genotype(architecture.normal, cell))
        return found

    def chosen(self, architecture: Genotype) -> tuple[np.ndarray, ...]:
        """1 where the cell has the operation on the edge: two (14, 7) arrays, also where nodes have vanished."""
        return tuple(
            _support(self.design(kind, max(architecture.nodes, NODES)), cell).astype(float)
            for kind, cell in enumerate((architecture.normal, architecture.reduce))
        )


def _genotype(normal: Sequence[Edge], reduction: Sequence[Edge]) -> Genotype:
    """The cells' outputs are the nodes that have not vanished; if all have, the first one, which is zero."""

    def concat(cell: Sequence[Edge]) -> tuple[int, ...]:
        return tuple(sorted({edge.target for edge in cell})) or (INPUTS,)

    return Genotype(
        normal=tuple(normal), normal_concat=concat(normal), reduce=tuple(reduction), reduce_concat=concat(reduction)
    )


def _present(design: CellDesign, support: np.ndarray) -> list[Edge]:
    """The operations where `support` (edges, operations) is true, except those that start from vanished nodes."""
    alive, cell = set(range(INPUTS)), []
    for (target, source), names, present in zip(design.edges, design.operations, support, strict=True):
        if source in alive and present.any():
            alive.add(target)
            cell += [Edge(name, source, target) for name, there in zip(names, present, strict=True) if there]
    return cell


def _support(design: CellDesign, cell: Sequence[Edge]) -> np.ndarray:
    """Whether the cell has the operation on the edge, (edges, operations)."""
    support = np.zeros(design.shape, dtype=bool)
    for operation, source, target in cell:
        row = design.edges.index((target, source))
        if operation in design.operations[row]:
            support[row, design.operations[row].index(operation)] = True
    return support


def _sample_cell(design: CellDesign, generator: np.random.Generator) -> list[Edge]:
    while True:
        support = generator.integers(2, size=design.shape).astype(bool)
        cell = _present(design, support)
        if cell and len(cell) == support.sum():
            return cell


def _neighbour_cells(design: CellDesign, cell: Sequence[Edge]) -> list[list[Edge]]:
    support, cells = _support(design, cell), []
    for place in np.ndindex(design.shape):
        support[place] ^= True
        changed = _present(design, support)
        if changed and len(changed) == support.sum():  # else a node would vanish together with operations on it
            cells.append(changed)
        support[place] ^= True
    return cells


__all__ = ["MixedPathSpace"]

"""The search space that is inspired by networks of accelerated gradient descent (Yang et al., Section 9.2)."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from spaces.darts.architecture import Genotype
from spaces.darts.cell import INPUTS, NODES, CellDesign, complete_cell
from spaces.darts.heavy_ball import OPTIMISATION_SETTINGS, SIGNED_OPERATIONS
from spaces.darts.space import DartsSpace
from spaces.darts.supernet import DartsSupernet


class AcceleratedSupernet(DartsSupernet):
    """DARTS' search network whose edges have weights, too (Yang et al., Eq. 28)."""

    def mixtures(self, mixture: Sequence[Tensor]) -> Sequence[Tensor]:
        """p_it * w_o^(i,t)."""
        return _weighted(mixture)


class AcceleratedSpace(DartsSpace):
    """AGD: DARTS' cell with nine operations and a learned softmax over the incoming edges of each node (Yang).

    Eq. 28 and 29: a node is sum_i p_it o^(i,t)(x_i). The edge weights are part of alpha: after the operations of the
    normal and the reduction cell come, for each node, beta of the normal and of the reduction cell, as one row (1, i)
    over the i nodes before it. So a relaxation makes p of beta just as it makes w of alpha; with softmax it is Eq. 29.
    """

    name: ClassVar[str] = "agd"
    needs_softmax: ClassVar[bool] = True
    partial_channels: ClassVar[bool] = False
    search_settings: ClassVar[dict[str, Any]] = OPTIMISATION_SETTINGS

    def design(self, kind: int, nodes: int = NODES) -> CellDesign:
        """Nine operations on every edge."""
        return complete_cell(nodes, SIGNED_OPERATIONS)

    def alpha_shapes(self, *, nodes: int = NODES, **settings: Any) -> tuple[tuple[int, ...], ...]:
        """(14, 9) for each cell, then (1, 2), (1, 2), (1, 3), (1, 3), ..., (1, 5), (1, 5)."""
        edge_weights = ((1, target) for target in range(INPUTS, INPUTS + nodes) for _ in range(2))
        return (*super().alpha_shapes(nodes=nodes), *edge_weights)

    def edges(self, *, nodes: int = NODES, **settings: Any) -> tuple[tuple[tuple[int, int], ...], ...]:
        """(target, source) of the edges of both cells, then (target, -1) of beta's rows, which have all sources."""
        rows = (((target, -1),) for target in range(INPUTS, INPUTS + nodes) for _ in range(2))
        return (*super().edges(nodes=nodes), *rows)

    def operations_of(self, alpha: int, edge: int) -> tuple[str, ...]:
        """The candidates of an edge, or the names of the edges that a row of beta weighs."""
        if alpha < 2:
            return super().operations_of(alpha, edge)
        return tuple(f"edge from node {source}" for source in range(INPUTS + (alpha - 2) // 2))

    def initial_alpha(self, generator: torch.Generator, **settings: Any) -> list[Tensor]:
        """Zeros (Section 9.3)."""
        return [torch.zeros(shape) for shape in self.alpha_shapes(**settings)]

    def supernet(self, *, classes: int, in_channels: int, nodes: int = NODES, **settings: Any) -> AcceleratedSupernet:
        """The supernet with random weights; settings: `channels` (16), `cells` (8), `nodes` (4)."""
        return AcceleratedSupernet(classes=classes, in_channels=in_channels, designs=self.designs(nodes), **settings)

    def discretise(self, scores: Sequence[Tensor]) -> Genotype:
        """Each node keeps the two edges with the largest p_it * w_o, o other than `none`, and that operation.

        They are its top two operations from distinct nodes, as DARTS has it (Section 9.3); `scores` are shaped like
        the alphas.
        """
        return super().discretise(_weighted(scores))

    def chosen(self, architecture: Genotype) -> tuple[np.ndarray, ...]:
        """1 where the cell has the operation on the edge, and where a node has the edge; shaped like the alphas."""
        operations = super().chosen(architecture)
        rows = [design.rows_to for design in self.designs(architecture.nodes)]
        edge_weights = [
            array[rows[kind](target)].max(axis=1)[None]
            for target in range(INPUTS, INPUTS + architecture.nodes)
            for kind, array in enumerate(operations)
        ]
        return (*operations, *edge_weights)


def _weighted(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The operations' rows times the edges' weights, for the normal and for the reduction cell."""
    return [tensors[kind] * torch.cat(tuple(tensors[2 + kind :: 2]), dim=1).T for kind in range(2)]


__all__ = ["AcceleratedSpace", "AcceleratedSupernet"]

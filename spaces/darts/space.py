"""The DARTS search space for convolutional networks as the harness's methods see it."""

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from spaces.cost import network_cost
from spaces.darts.architecture import Edge, Genotype
from spaces.darts.cell import INPUTS, NODES, OPERATIONS, edges
from spaces.darts.isomorphism import canonical
from spaces.darts.network import DartsNetwork, ImageNetNetwork, is_reduction
from spaces.darts.operations import operation_module
from spaces.darts.supernet import DartsSupernet
from spaces.space import CellEdge, CellSpace, OperationSite

INPUTS_OF_NODE = 2  # edges that every node keeps (Liu et al. 2019, Section 2.4)


class DartsSpace(CellSpace):
    """DARTS: a normal and a reduction cell, two inputs a node, seven operations an edge (Liu et al. 2019)."""

    name: ClassVar[str] = "darts-cnn"
    supernet_settings: ClassVar[dict[str, int]] = {"channels": 16, "cells": 8, "nodes": NODES}  # Section 3.1
    network_settings: ClassVar[dict[str, int]] = {"channels": 36, "cells": 20, "imagenet": 0}  # Section 3.2.1
    auxiliary_head: ClassVar[bool] = True
    search_settings: ClassVar[dict[str, Any]] = {  # Section 3.1 and Appendix A.1.1: 50 epochs of 390 batches
        "steps": 19_500,
        "weight_decay": 3e-4,
        "nesterov": False,
    }

    def alpha_shapes(self, *, nodes: int = NODES, **settings: Any) -> tuple[tuple[int, ...], ...]:
        """Two architecture parameters, for the normal and the reduction cell, (14 edges, 8 operations) each."""
        return ((len(edges(nodes)), len(OPERATIONS)),) * 2

    def edges(self, *, nodes: int = NODES, **settings: Any) -> tuple[tuple[tuple[int, int], ...], ...]:
        """(target, source) of the edges of the normal and of the reduction cell."""
        return (edges(nodes),) * 2

    @property
    def operation_names(self) -> tuple[str, ...]:
        """The eight operations, `none` first."""
        return OPERATIONS

    def supernet(self, *, classes: int, in_channels: int, **settings: Any) -> DartsSupernet:
        """The supernet with random weights; settings: `channels` (16), `cells` (8), `nodes` (4)."""
        return DartsSupernet(classes=classes, in_channels=in_channels, **settings)

    def network(
        self, architecture: Genotype, *, classes: int, in_channels: int, imagenet: int = 0, **settings: Any
    ) -> DartsNetwork:
        """The stand-alone network with random weights, with the stem for CIFAR or, with `imagenet`, for ImageNet.

        Settings: `channels` (36, or 48), `cells` (20, or 14), `auxiliary` (False).
        """
        build = ImageNetNetwork if imagenet else DartsNetwork
        return build(architecture, classes=classes, in_channels=in_channels, **settings)

    def parse(self, text: str) -> Genotype:
        """The architecture of the field's notation or of a published name such as DARTS_V2; raises InputError."""
        return Genotype.parse(text)

    def discretise(self, scores: Sequence[Tensor]) -> Genotype:
        """Each node keeps the two edges with the strongest operation other than `none`, and that operation.

        Liu et al. 2019, Section 2.4; `scores` are two (E, 8) tensors. Edges whose scores are all zero are left out.
        """
        normal, reduction = (_strongest(score) for score in scores)
        return _genotype(normal, reduction)

    def sample(self, generator: np.random.Generator) -> Genotype:
        """One architecture of four nodes, uniformly over (two inputs, their operations) of each node."""
        return _genotype(*(_sample_cell(generator) for _ in range(2)))

    def mutate(self, architecture: Genotype, generator: np.random.Generator) -> Genotype:
        """The architecture with one uniformly drawn edge leading from another node or having another operation."""
        neighbours = self.neighbours(architecture)
        return neighbours[int(generator.integers(len(neighbours)))]

    def neighbours(self, architecture: Genotype) -> list[Genotype]:
        """All architectures with another operation or another source node on exactly one edge."""
        normal, reduction = architecture.normal, architecture.reduce
        return [_replaced(architecture, normal=cell) for cell in _neighbour_cells(normal)] + [
            _replaced(architecture, reduce=cell) for cell in _neighbour_cells(reduction)
        ]

    def canonical(self, architecture: Genotype) -> str:
        """A string equal for two architectures exactly when their cells are isomorphic."""
        return canonical(architecture)

    def cost(self, architecture: Genotype) -> tuple[float, float]:
        """(parameters, multiply-adds), in millions, of the CIFAR-10 network with 20 cells and 36 channels."""
        return _cost(architecture)

    def chosen(self, architecture: Genotype) -> tuple[np.ndarray, ...]:
        """1 where the cell has the operation on the edge: two (E, 8) arrays."""
        index = {edge: row for row, edge in enumerate(edges(architecture.nodes))}
        arrays = []
        for cell in (architecture.normal, architecture.reduce):
            array = np.zeros((len(index), len(OPERATIONS)))
            for operation, source, target in cell:
                array[index[target, source], OPERATIONS.index(operation)] = 1
            arrays.append(array)
        return tuple(arrays)

    def cells(self, architecture: Genotype) -> dict[str, list[CellEdge]]:
        """The normal and the reduction cell; c_{k-2} and c_{k-1} are the outputs of the previous cells."""
        return {
            "normal": _drawn(architecture.normal, architecture.normal_concat),
            "reduction": _drawn(architecture.reduce, architecture.reduce_concat),
        }

    @property
    def without_operations(self) -> Genotype:
        """`none` on every edge."""
        nothing = tuple(Edge("none", source, target) for target, source in edges() if source < INPUTS)
        return _genotype(nothing, nothing)

    def operation_sites(
        self, *, resolution: int, channels: int = 36, cells: int = 20, nodes: int = NODES, **settings: Any
    ) -> list[OperationSite]:
        """Every edge of every cell; edges out of a reduction cell's inputs have stride 2."""
        sites: Counter[tuple[int, int, str, int, int, int]] = Counter()
        for cell in range(cells):
            reduction = is_reduction(cell, cells)
            channels *= 2 if reduction else 1
            for edge, (_, source) in enumerate(edges(nodes)):
                halved = reduction and source >= INPUTS
                stride = 2 if reduction and source < INPUTS else 1
                for operation in OPERATIONS[1:]:
                    side = resolution // 2 if halved else resolution
                    sites[int(reduction), edge, operation, channels, side, stride] += 1
            resolution //= 2 if reduction else 1
        return [OperationSite(*site, count) for site, count in sites.items()]

    def operation_module(self, site: OperationSite) -> nn.Module:
        """The operation as the stand-alone network has it."""
        return operation_module(site.operation, site.channels, stride=site.stride)


def _genotype(normal: Sequence[Edge], reduction: Sequence[Edge]) -> Genotype:
    def concat(cell: Sequence[Edge]) -> tuple[int, ...]:
        return tuple(range(INPUTS, max(edge.target for edge in cell) + 1))

    return Genotype(
        normal=tuple(normal), normal_concat=concat(normal), reduce=tuple(reduction), reduce_concat=concat(reduction)
    )


def _replaced(architecture: Genotype, **cells: tuple[Edge, ...]) -> Genotype:
    fields = {name: getattr(architecture, name) for name in ("normal", "normal_concat", "reduce", "reduce_concat")}
    return Genotype(**(fields | cells))


def _drawn(cell: Sequence[Edge], concat: Sequence[int]) -> list[CellEdge]:
    names = {0: "c_{k-2}", 1: "c_{k-1}"} | {node: str(node) for node in range(INPUTS, max(concat) + 1)}
    edges_ = [CellEdge(names[source], names[target], operation) for operation, source, target in cell]
    return edges_ + [CellEdge(names[node], "output", "") for node in concat]


def _strongest(score: Tensor) -> list[Edge]:
    nodes = next(n for n in range(1, len(score) + 1) if len(edges(n)) == len(score))
    best, operation = score[:, 1:].cpu().max(dim=-1)
    chosen = []
    for target in range(INPUTS, INPUTS + nodes):
        rows = [row for row, (node, _) in enumerate(edges(nodes)) if node == target and best[row] != 0]
        ranked = torch.argsort(best[rows], descending=True, stable=True)[:INPUTS_OF_NODE]
        for source in sorted(ranked.tolist()):
            chosen.append(Edge(OPERATIONS[1 + int(operation[rows[source]])], source, target))
    return chosen


def _sample_cell(generator: np.random.Generator) -> list[Edge]:
    return [
        Edge(OPERATIONS[int(generator.integers(1, len(OPERATIONS)))], source, target)
        for target in range(INPUTS, INPUTS + NODES)
        for source in sorted(generator.choice(target, INPUTS_OF_NODE, replace=False).tolist())
    ]


def _neighbour_cells(cell: tuple[Edge, ...]) -> list[tuple[Edge, ...]]:
    cells = []
    for place, edge in enumerate(cell):
        taken = {other.source for other in cell if other.target == edge.target}
        others = [edge._replace(operation=name) for name in OPERATIONS[1:] if name != edge.operation]
        others += [edge._replace(source=source) for source in range(edge.target) if source not in taken]
        for other in others:
            cells.append(tuple(sorted((*cell[:place], other, *cell[place + 1 :]), key=lambda e: (e.target, e.source))))
    return cells


@lru_cache(maxsize=1024)
def _cost(architecture: Genotype) -> tuple[float, float]:
    cost = network_cost(lambda: DartsNetwork(architecture), (3, 32, 32))
    return cost.parameters_m, cost.flops_m


__all__ = ["DartsSpace"]

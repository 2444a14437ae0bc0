"""The DARTS search space for convolutional networks as the harness's methods see it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from spaces.cost import network_cost
from spaces.darts.architecture import Edge, Genotype
from spaces.darts.cell import ALL_OPERATIONS, INPUTS, NODES, CellDesign, complete_cell, edges
from spaces.darts.isomorphism import canonical
from spaces.darts.network import DartsNetwork, ImageNetNetwork, is_reduction
from spaces.darts.operations import operation_module
from spaces.darts.pairs import neighbour_cells, sample_cell, strongest
from spaces.darts.rows import KINDS, drawn, genotype_of, place_edges
from spaces.darts.supernet import DartsSupernet
from spaces.space import CellEdge, CellSpace, OperationSite


class DartsSpace(CellSpace):
    """DARTS: a normal and a reduction cell, two inputs a node, seven operations an edge (Liu et al. 2019)."""

    name: ClassVar[str] = "darts-cnn"
    supernet_settings: ClassVar[dict[str, int]] = {"channels": 16, "cells": 8, "nodes": NODES}  # Section 3.1
    network_settings: ClassVar[dict[str, int]] = {"channels": 36, "cells": 20, "imagenet": 0}  # Section 3.2.1
    auxiliary_head: ClassVar[bool] = True
    chooses_none: ClassVar[bool] = False
    partial_channels: ClassVar[bool] = True
    search_settings: ClassVar[dict[str, Any]] = {  # Section 3.1 and Appendix A.1.1: 50 epochs of 390 batches
        "steps": 19_500,
        "weight_decay": 3e-4,
        "nesterov": False,
    }

    def design(self, kind: int, nodes: int = NODES) -> CellDesign:
        """The edges of the normal (0) or the reduction cell (1) with so many intermediate nodes, and their candidates.

        The edges of a smaller cell are the first ones of a larger cell.
        """
        return complete_cell(nodes)

    def designs(self, nodes: int = NODES) -> tuple[CellDesign, CellDesign]:
        """Those of the normal and of the reduction cell."""
        return self.design(0, nodes), self.design(1, nodes)

    def alpha_shapes(self, *, nodes: int = NODES, **settings: Any) -> tuple[tuple[int, ...], ...]:
        """Two architecture parameters (edges, operations), of the normal and the reduction cell: for DARTS (14, 8)."""
        return tuple(design.shape for design in self.designs(nodes))

    def edges(self, *, nodes: int = NODES, **settings: Any) -> tuple[tuple[tuple[int, int], ...], ...]:
        """(target, source) of the edges of the normal and of the reduction cell."""
        return tuple(tuple(design.edges) for design in self.designs(nodes))

    @property
    def operation_names(self) -> tuple[str, ...]:
        """The operations that edges choose from, `none` first where there is one."""
        names = {name for design in self.designs() for row in design.operations for name in row}
        return tuple(name for name in ALL_OPERATIONS if name in names)

    def operations_of(self, alpha: int, edge: int) -> tuple[str, ...]:
        """The candidates of an edge of the normal (0) or the reduction cell (1)."""
        return self._design_of_rows(alpha, edge + 1).operations[edge]

    def supernet(self, *, classes: int, in_channels: int, nodes: int = NODES, **settings: Any) -> DartsSupernet:
        """The supernet with random weights; settings: `channels` (16), `cells` (8), `nodes` (4)."""
        return DartsSupernet(classes=classes, in_channels=in_channels, designs=self.designs(nodes), **settings)

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
        genotype = Genotype.parse(text)
        for kind, cell in enumerate((genotype.normal, genotype.reduce)):
            place_edges(self.design(kind, genotype.nodes), cell, space=self.name, kind=KINDS[kind])
        return genotype

    def discretise(self, scores: Sequence[Tensor]) -> Genotype:
        """Each node keeps the two edges with the strongest operation other than `none`, and that operation.

        Liu et al. 2019, Section 2.4; `scores` are shaped like the alphas. Edges whose scores are all zero are left out.
        """
        designs = (self._design_of_rows(kind, len(score)) for kind, score in enumerate(scores))
        return genotype_of(*(strongest(design, score) for design, score in zip(designs, scores, strict=True)))

    def sample(self, generator: np.random.Generator) -> Genotype:
        """One architecture of four nodes, uniformly over (two inputs, their operations) of each node."""
        return genotype_of(*(sample_cell(design, generator) for design in self.designs()))

    def mutate(self, architecture: Genotype, generator: np.random.Generator) -> Genotype:
        """The architecture with one uniformly drawn edge leading from another node or having another operation."""
        neighbours = self.neighbours(architecture)
        return neighbours[int(generator.integers(len(neighbours)))]

    def neighbours(self, architecture: Genotype) -> list[Genotype]:
        """All architectures with another operation or another source node on exactly one edge.

        Where an edge from another source cannot have the operation, it may have any that it can have.
        """
        normal, reduction = self.designs(architecture.nodes)
        return [replace(architecture, normal=cell) for cell in neighbour_cells(normal, architecture.normal)] + [
            replace(architecture, reduce=cell) for cell in neighbour_cells(reduction, architecture.reduce)
        ]

    def canonical(self, architecture: Genotype) -> str:
        """A string equal for two architectures exactly when their cells are isomorphic."""
        return canonical(architecture)

    def cost(self, architecture: Genotype) -> tuple[float, float]:
        """(parameters, multiply-adds), in millions, of the CIFAR-10 network with the paper's cells and channels."""
        return _cost(architecture, self.network_settings["channels"], self.network_settings["cells"])

    def chosen(self, architecture: Genotype) -> tuple[np.ndarray, ...]:
        """1 where the cell has the operation on the edge, shaped like the alphas."""
        arrays = []
        for kind, cell in enumerate((architecture.normal, architecture.reduce)):
            design = self.design(kind, architecture.nodes)
            array = np.zeros(design.shape)
            for (row, column), edge in zip(
                place_edges(design, cell, space=self.name, kind=KINDS[kind]), cell, strict=True
            ):
                if edge.operation in design.operations[row]:
                    array[row, column] = 1
            arrays.append(array)
        return tuple(arrays)

    def cells(self, architecture: Genotype) -> dict[str, list[CellEdge]]:
        """The normal and the reduction cell; c_{k-2} and c_{k-1} are the outputs of the previous cells."""
        return {
            "normal": drawn(architecture.normal, architecture.normal_concat),
            "reduction": drawn(architecture.reduce, architecture.reduce_concat),
        }

    @property
    def without_operations(self) -> Genotype:
        """`none` on every edge."""
        nothing = tuple(Edge("none", source, target) for target, source in edges() if source < INPUTS)
        return genotype_of(nothing, nothing)

    def operation_sites(
        self, *, resolution: int, channels: int = 36, cells: int = 20, nodes: int = NODES, **settings: Any
    ) -> list[OperationSite]:
        """Every edge of every cell; edges out of a reduction cell's inputs have stride 2."""
        sites: Counter[tuple[int, int, str, int, int, int]] = Counter()
        for cell in range(cells):
            reduction = is_reduction(cell, cells)
            channels *= 2 if reduction else 1
            design = self.design(int(reduction), nodes)
            for edge, (_, source) in enumerate(design.edges):
                halved = reduction and source >= INPUTS
                stride = 2 if reduction and source < INPUTS else 1
                for operation in design.choices(edge):
                    side = resolution // 2 if halved else resolution
                    sites[int(reduction), edge, operation, channels, side, stride] += 1
            resolution //= 2 if reduction else 1
        return [OperationSite(*site, count) for site, count in sites.items()]

    def operation_module(self, site: OperationSite) -> nn.Module:
        """The operation as the stand-alone network has it."""
        return operation_module(site.operation, site.channels, stride=site.stride)

    def _design_of_rows(self, kind: int, rows: int) -> CellDesign:
        """The smallest cell that has so many edges."""
        designs = (self.design(kind, nodes) for nodes in range(1, rows + 1))
        return next(design for design in designs if len(design.edges) >= rows)


@lru_cache(maxsize=1024)
def _cost(architecture: Genotype, channels: int, cells: int) -> tuple[float, float]:
    cost = network_cost(lambda: DartsNetwork(architecture, channels=channels, cells=cells), (3, 32, 32))
    return cost.parameters_m, cost.flops_m


__all__ = ["DartsSpace"]

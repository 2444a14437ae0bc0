"""The topology search space of NATS-Bench (NAS-Bench-201) as the harness's methods see it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from torch import Tensor, nn

from spaces.latency import LatencyModel
from spaces.space import CellEdge, CellSpace, OperationSite
from spaces.topology.architecture import EDGES, OPERATIONS, SIZE, TopologyArchitecture
from spaces.topology.cost import flops_m, parameters_m
from spaces.topology.isomorphism import canonical
from spaces.topology.latency import chosen, executed, tabulated_latency
from spaces.topology.network import TopologyNetwork, operation_module
from spaces.topology.supernet import TopologySupernet
from spaces.topology.table import Table, load_table


class TopologySpace(CellSpace):
    """NATS-Bench topology: one of five operations on each of the cell's six edges, 15,625 cells."""

    name: ClassVar[str] = "topology"
    supernet_settings: ClassVar[dict[str, int]] = {"channels": 16, "cells_per_stage": 5}  # NAS-Bench-201, Section 2.1
    network_settings: ClassVar[dict[str, int]] = supernet_settings
    compilable: ClassVar[bool] = True
    partial_channels: ClassVar[bool] = True

    def alpha_shapes(self, **settings: Any) -> tuple[tuple[int, ...], ...]:
        """One architecture parameter, (6 edges, 5 operations)."""
        return ((len(EDGES), len(OPERATIONS)),)

    def edges(self, **settings: Any) -> tuple[tuple[tuple[int, int], ...], ...]:
        """(target, source) of the six edges."""
        return (EDGES,)

    @property
    def operation_names(self) -> tuple[str, ...]:
        """The five operations, `none` first."""
        return OPERATIONS

    @property
    def architectures(self) -> Iterator[TopologyArchitecture]:
        """All 15,625, in the order of their index in the benchmark."""
        return map(TopologyArchitecture.from_index, range(SIZE))

    def sample(self, generator: np.random.Generator) -> TopologyArchitecture:
        """One architecture, uniformly."""
        return TopologyArchitecture.from_index(int(generator.integers(SIZE)))

    def mutate(self, architecture: TopologyArchitecture, generator: np.random.Generator) -> TopologyArchitecture:
        """The architecture with the operation of one uniformly drawn edge replaced by another operation."""
        neighbours = self.neighbours(architecture)  # as many for every edge: uniform over edges and operations
        return neighbours[int(generator.integers(len(neighbours)))]

    def neighbours(self, architecture: TopologyArchitecture) -> list[TopologyArchitecture]:
        """The 24 architectures that differ in exactly one edge."""
        chosen = architecture.operations
        return [
            TopologyArchitecture((*chosen[:edge], operation, *chosen[edge + 1 :]))
            for edge in range(len(EDGES))
            for operation in OPERATIONS
            if operation != chosen[edge]
        ]

    def canonical(self, architecture: TopologyArchitecture) -> str:
        """The architecture's isomorphism class, as the benchmark counts them."""
        return canonical(architecture)

    def parse(self, text: str) -> TopologyArchitecture:
        """The architecture of a string such as `|nor_conv_3x3~0|+|none~0|none~1|+|...|`; raises InputError."""
        return TopologyArchitecture.parse(text)

    def discretise(self, scores: Sequence[Tensor]) -> TopologyArchitecture:
        """The architecture with the operation of the highest score on every edge; `scores` is one (6, 5) tensor."""
        (score,) = scores
        return TopologyArchitecture(tuple(OPERATIONS[best] for best in score.argmax(dim=-1).tolist()))

    def supernet(self, *, classes: int, in_channels: int, **settings: Any) -> TopologySupernet:
        """The supernet with random weights; settings: `channels` (16), `cells_per_stage` (5)."""
        return TopologySupernet(classes=classes, in_channels=in_channels, **settings)

    def network(
        self, architecture: TopologyArchitecture, *, classes: int, in_channels: int, **settings: Any
    ) -> TopologyNetwork:
        """The stand-alone network with random weights; settings: `channels` (16), `cells_per_stage` (5)."""
        return TopologyNetwork(architecture, classes=classes, in_channels=in_channels, **settings)

    def cost(self, architecture: TopologyArchitecture) -> tuple[float, float]:
        """(parameters, multiply-adds), in millions, of the benchmark's CIFAR-10 network."""
        return parameters_m(architecture), flops_m(architecture)

    def table(self, path: Path | None) -> Table:
        """The table of the file, or the default one; raises InputError."""
        return load_table(path)

    def tabulated_latency(self, path: Path | None) -> LatencyModel:
        """The latencies of the table, measured on the benchmark's GPU."""
        return tabulated_latency(load_table(path))

    def chosen(self, architecture: TopologyArchitecture) -> tuple[np.ndarray, ...]:
        """1 where the cell has the operation on the edge, one (6, 5) array."""
        return (chosen(architecture),)

    def executed(self, architecture: TopologyArchitecture) -> tuple[np.ndarray, ...]:
        """`chosen` without the edges that do not lead to the cell's output."""
        return (executed(architecture),)

    def cells(self, architecture: TopologyArchitecture) -> dict[str, list[CellEdge]]:
        """The one cell."""
        names = ("input", "1", "2", "output")
        chosen = zip(EDGES, architecture.operations, strict=True)
        return {"cell": [CellEdge(names[source], names[target], name) for (target, source), name in chosen]}

    @property
    def without_operations(self) -> TopologyArchitecture:
        """`none` on all edges."""
        return TopologyArchitecture(("none",) * len(EDGES))

    def operation_sites(
        self, *, resolution: int, channels: int = 16, cells_per_stage: int = 5, **settings: Any
    ) -> list[OperationSite]:
        """Every edge of the cells of each stage, whose channels double and whose resolution halves."""
        return [
            OperationSite(0, edge, operation, channels * 2**stage, resolution // 2**stage, 1, cells_per_stage)
            for stage in range(3)
            for edge in range(len(EDGES))
            for operation in OPERATIONS[1:]
        ]

    def operation_module(self, site: OperationSite) -> nn.Module:
        """The operation as the stand-alone network has it."""
        return operation_module(site.operation, site.channels)


__all__ = ["TopologySpace"]

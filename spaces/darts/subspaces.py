"""RobustDARTS' subspaces S1 to S4 of the DARTS space, in which DARTS collapses (Zela et al., ICLR 2020, Section 3).

The candidates of S1's edges are those of `src/spaces.py` in github.com/automl/RobustDARTS, the sizes of the stand-alone
networks on CIFAR-10 those of its `src/evaluation/config.yaml`. The search has DARTS' settings (Section 3 there).
"""

from typing import ClassVar

from spaces.darts.cell import NODES, CellDesign, complete_cell, edges
from spaces.darts.space import DartsSpace
from spaces.errors import InputError

SKIP, SEP3, DIL3, DIL5 = "skip_connect", "sep_conv_3x3", "dil_conv_3x3", "dil_conv_5x5"
MAX, AVG = "max_pool_3x3", "avg_pool_3x3"

_NORMAL = (
    (SKIP, DIL3), (SKIP, DIL5),
    (SKIP, DIL5), (SKIP, SEP3), (SKIP, DIL3),
    (MAX, SKIP), (SKIP, SEP3), (SKIP, SEP3), (SKIP, DIL3),
    (SKIP, SEP3), (MAX, SKIP), (SKIP, DIL3), (DIL3, DIL5), (DIL3, DIL5),
)  # fmt: skip
_REDUCTION = (
    (MAX, AVG), (MAX, DIL3),
    (MAX, AVG), (MAX, AVG), (SKIP, DIL5),
    (MAX, AVG), (MAX, SEP3), (SKIP, DIL3), (SKIP, DIL5),
    (MAX, AVG), (MAX, AVG), (SKIP, DIL5), (SKIP, DIL5), (SKIP, DIL5),
)  # fmt: skip


class DartsS1Space(DartsSpace):
    """RobustDARTS' S1: two operations on each edge, others on every edge (Zela et al. 2020).

    They are what was left when the least important operations of a DARTS search were dropped one after the other.
    They are published for four intermediate nodes, so there may be no more of them.
    """

    name: ClassVar[str] = "darts-s1"

    def design(self, kind: int, nodes: int = NODES) -> CellDesign:
        """The published candidates of every edge; raises InputError for more than four nodes."""
        if nodes > NODES:
            raise InputError(f"space '{self.name}' has candidates for {NODES} nodes, not {nodes}: use nodes={NODES}")
        return CellDesign(edges(nodes), (_NORMAL, _REDUCTION)[kind][: len(edges(nodes))])


class DartsS2Space(DartsSpace):
    """RobustDARTS' S2: sep_conv_3x3 or skip_connect on every edge (Zela et al. 2020)."""

    name: ClassVar[str] = "darts-s2"
    network_settings: ClassVar[dict[str, int]] = {**DartsSpace.network_settings, "channels": 16}

    def design(self, kind: int, nodes: int = NODES) -> CellDesign:
        """The two operations on every edge."""
        return complete_cell(nodes, (SKIP, SEP3))


class DartsS3Space(DartsSpace):
    """RobustDARTS' S3: S2 and the zero operation, which no architecture keeps (Zela et al. 2020)."""

    name: ClassVar[str] = "darts-s3"

    def design(self, kind: int, nodes: int = NODES) -> CellDesign:
        """The three operations on every edge."""
        return complete_cell(nodes, ("none", SKIP, SEP3))


class DartsS4Space(DartsSpace):
    """RobustDARTS' S4: sep_conv_3x3 or noise, N(0, 1) in place of the input, on every edge (Zela et al. 2020)."""

    name: ClassVar[str] = "darts-s4"
    network_settings: ClassVar[dict[str, int]] = {**DartsSpace.network_settings, "channels": 16}

    def design(self, kind: int, nodes: int = NODES) -> CellDesign:
        """The two operations on every edge."""
        return complete_cell(nodes, ("noise", SEP3))


__all__ = ["DartsS1Space", "DartsS2Space", "DartsS3Space", "DartsS4Space"]

"""PC-DARTS: operations see a share of the channels, edges have weights of their own (Xu et al., ICLR 2020)."""

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from methods.relaxation import Softmax
from spaces.space import Space


class PartialChannels(Softmax):
    """m = softmax(alpha) times the softmax of beta over the edges into a node (PC-DARTS, Eq. 2-4).

    The supernet takes the sum of an edge's mixture weights for the edge's own weight, which also multiplies the
    channels that pass the operations by.
    """

    class Settings(Softmax.Settings):
        """K: operations see 1 / K of the channels."""

        channel_share: int = Field(4, ge=2)  # PC-DARTS, Section 4.2

    @classmethod
    def misplaced(cls, space: Space) -> str:
        """The supernet has to let channels pass."""
        return (
            ""
            if space.partial_channels
            else "its supernet has no partial channel connections: use topology or darts-cnn"
        )

    @property
    def supernet_settings(self) -> dict[str, int]:
        """K."""
        return {"partial_channels": self.settings.channel_share}

    def parameters(self, alphas: Sequence[Tensor]) -> list[Tensor]:
        """The alphas, and a beta (E, 1) of every alpha: 1e-3 * N(0, 1)."""
        betas = [1e-3 * torch.randn(len(alpha), 1, generator=self.generator).to(alpha.dtype) for alpha in alphas]
        return [*alphas, *betas]

    def masked(self, alphas: Sequence[Tensor]) -> list[Tensor]:
        """Those of the operations."""
        return super().masked(alphas[: len(self.edges)])

    def __call__(self, alphas: Sequence[Tensor], *, for_alpha: bool = True) -> list[Tensor]:
        """The products of both softmaxes."""
        return self.preferences(alphas)

    def preferences(self, alphas: Sequence[Tensor]) -> list[Tensor]:
        """The same: cells are discretised by the product, too (PC-DARTS, Section 3.3)."""
        triples = zip(self.masked(alphas), alphas[len(self.edges) :], self.edges, strict=True)
        return [torch.softmax(alpha, dim=-1) * edge_weights(beta, edges) for alpha, beta, edges in triples]


def edge_weights(beta: Tensor, edges: Sequence[tuple[int, int]]) -> Tensor:
    """The softmax of beta (E, 1) over the edges (target, source) with the same target (PC-DARTS, Eq. 3)."""
    targets = torch.tensor([target for target, _ in edges], device=beta.device)
    together = (targets[:, None] == targets).to(beta)
    exponential = (beta - beta.max().detach()).exp()
    return exponential / (together @ exponential)

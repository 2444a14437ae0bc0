"""ProxylessNAS' gradient form (Cai, Zhu and Han, ICLR 2019): one path a weight step, two paths an alpha step."""

from collections.abc import Sequence

import torch
from torch import Tensor

from methods.relaxation import Relaxation, straight_through
from spaces.space import Space


class TwoPath(Relaxation):
    """Binary gates over one or two sampled paths (ProxylessNAS, Section 3.2.1).

    Weight steps run one operation of each edge, drawn from p = softmax(alpha). Alpha steps draw two, by p and without
    replacement; one of both is then drawn by their rescaled probabilities and its gate is 1, the other one's 0, and the
    gradient of the gates is handed to the rescaled probabilities, so that only the two sampled alphas move; both are
    then shifted by the same amount, so that all other operations keep their probabilities.
    """

    dense = False

    @classmethod
    def misplaced(cls, space: Space) -> str:
        """Two different paths are drawn."""
        return "" if len(space.operation_names) > 1 else "two paths need two candidate operations"

    def mixture(self, alpha: Tensor) -> Tensor:
        """One-hot gates; the path that was sampled and not chosen has the smallest weight that still makes it run."""
        probabilities = torch.softmax(alpha.detach(), dim=-1).cpu()
        if not self.for_alpha:
            chosen = torch.multinomial(probabilities, 1, generator=self.generator).to(alpha.device)
            return torch.zeros_like(alpha).scatter_(-1, chosen, 1.0)
        pair = torch.multinomial(probabilities, 2, generator=self.generator)
        rescaled = probabilities.gather(-1, pair)
        chosen = pair.gather(-1, torch.multinomial(rescaled, 1, generator=self.generator)).to(alpha.device)
        pair = pair.to(alpha.device)
        soft = torch.zeros_like(alpha).scatter(-1, pair, torch.softmax(alpha.gather(-1, pair), dim=-1))
        # Exactly zero would not run, and have no gradient; times this, features vanish in any sum.
        gates = torch.zeros_like(alpha).scatter_(-1, pair, torch.finfo(alpha.dtype).tiny).scatter_(-1, chosen, 1.0)
        return straight_through(soft, gates)

    def settle(self, alphas: Sequence[Tensor], before: Sequence[Tensor]) -> None:
        """Give the alphas that moved the sum of exponentials that they had (Section 3.2.1, last paragraph)."""
        for alpha, was in zip(alphas, before, strict=True):
            moved = alpha != was
            had, have = (
                torch.logsumexp(one.masked_fill(~moved, -torch.inf), dim=-1, keepdim=True) for one in (was, alpha)
            )
            alpha.add_(torch.where(moved, had - have, 0.0))

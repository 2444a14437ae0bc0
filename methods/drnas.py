"""DrNAS: the mixture is drawn from a Dirichlet distribution (Chen et al., "DrNAS", ICLR 2021)."""

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor
from torch.distributions import Dirichlet as DirichletDistribution
from torch.distributions import kl_divergence
from torch.nn.functional import elu

from methods.part import Part
from methods.parts import Parts
from methods.regulariser import Regulariser
from methods.relaxation import Relaxation


def concentration(alpha: Tensor) -> Tensor:
    """elu(alpha) + 1, positive (DrNAS, Section 3.1)."""
    return elu(alpha) + 1


class Dirichlet(Relaxation):
    """m ~ Dirichlet(elu(alpha) + 1) on every edge, with its pathwise gradient (DrNAS, Eq. 3-4)."""

    def mixture(self, alpha: Tensor) -> Tensor:
        """One sample for each edge."""
        # torch's sampler knows the global generator alone, which is lent a seed; on the CPU, so that every device
        # sees the same sample.
        seed = int(torch.randint(2**63 - 1, (), generator=self.generator))
        with torch.random.fork_rng(devices=[]):
            torch.random.default_generator.manual_seed(seed)
            sample = DirichletDistribution(concentration(alpha.cpu())).rsample()
        return sample.to(alpha.device)

    def preference(self, alpha: Tensor) -> Tensor:
        """The distribution's mean."""
        positive = concentration(alpha)
        return positive / positive.sum(dim=-1, keepdim=True)


class DirichletAnchor(Regulariser):
    """lambda KL(Dirichlet(elu(alpha) + 1) || Dirichlet(1)), summed over the edges (DrNAS, Eq. 5)."""

    weight = "dirichlet_anchor"

    class Settings(Part.Settings):
        """lambda."""

        dirichlet_anchor: float = Field(1e-3, ge=0)  # DrNAS, Section 5.1

    @classmethod
    def misfit(cls, parts: Parts) -> str:
        """The anchor is a distribution of the same family."""
        return (
            ""
            if issubclass(parts.relaxation, Dirichlet)
            else "the Dirichlet anchor is a distance between Dirichlet distributions: use it with dirichlet"
        )

    def __call__(self, alphas: Sequence[Tensor], preferences: Sequence[Tensor]) -> Tensor:
        """The sum of all edges' divergences."""
        terms = []
        for alpha in alphas:
            positive = concentration(alpha)
            terms.append(
                kl_divergence(DirichletDistribution(positive), DirichletDistribution(torch.ones_like(positive))).sum()
            )
        penalty: Tensor = self.settings.dirichlet_anchor * torch.stack(terms).sum()
        return penalty

"""SmoothDARTS-RS: weights are trained under randomly perturbed mixtures (Chen and Hsieh, ICML 2020)."""

import torch
from pydantic import Field
from torch import Tensor

from methods.relaxation import Softmax


class SmoothedSoftmax(Softmax):
    """m = softmax(alpha) + U(-epsilon, epsilon), cut to [0, 1], in weight steps; softmax(alpha) in alpha steps (Eq. 5).

    epsilon rises linearly over the search.
    """

    class Settings(Softmax.Settings):
        """The perturbation's range."""

        epsilon_start: float = Field(0.03, ge=0)  # SmoothDARTS, Section 5.1
        epsilon_end: float = Field(0.3, ge=0)  # SmoothDARTS, Section 5.1

    def mixture(self, alpha: Tensor) -> Tensor:
        """The softmax, perturbed where alpha does not move."""
        exact = super().mixture(alpha)
        if self.for_alpha:
            return exact
        start, end = self.settings.epsilon_start, self.settings.epsilon_end
        epsilon = start + (end - start) * self.progress
        noise = torch.rand(alpha.shape, dtype=alpha.dtype, generator=self.generator).to(alpha.device)
        perturbed = (exact + epsilon * (2 * noise - 1)).clamp(0, 1)
        return perturbed.masked_fill(exact == 0, 0)  # operations that were given up stay so

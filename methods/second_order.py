"""Second-order DARTS (Liu et al. 2019, Algorithm 1, Eq. 6-8)."""

from collections.abc import Sequence

import torch
from pydantic import Field
from torch import Tensor

from methods.first_order import FirstOrder
from methods.update_rule import Gradients
from spaces.space import Batch


class SecondOrder(FirstOrder):
    """w <- w - eta_w grad_w L_t(w, a);  a <- a - eta_a d/da L_v(w'(a), a), w'(a) one optimiser step ahead of w.

    d/da L_v(w'(a), a) = grad_a L_v(w', a) - xi [grad_a L_t(w+, a) - grad_a L_t(w-, a)] / (2 epsilon),
    w+- = w +- epsilon grad_{w'} L_v(w', a), xi = eta_w (1 + momentum with Nesterov).
    """

    class Settings(FirstOrder.Settings):
        """The finite difference's step is `difference_scale` / |grad_{w'} L_v|."""

        difference_scale: float = Field(0.01, gt=0)  # DARTS, Section 2.3

    def architecture_gradients(self, train: Batch, validation: Batch) -> tuple[Tensor, Gradients]:
        """(L_v(w', a), its total derivative in alpha)."""
        (network,) = self.networks
        weights = list(network.parameters())
        start = [weight.detach().clone() for weight in weights]
        direction, xi = self._virtual_direction(weights, self.weight_gradients(network, train)[1])
        _assign(weights, [w - self._learning_rate * d for w, d in zip(start, direction, strict=True)])
        loss, vector, direct = self.all_gradients(network, validation)
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(part) for part in vector]))
        epsilon = self.settings.difference_scale / norm.clamp_min(torch.finfo(norm.dtype).tiny)
        sides = []
        for sign in (1.0, -1.0):
            _assign(weights, [w + sign * epsilon * v for w, v in zip(start, vector, strict=True)])
            sides.append(self.alpha_gradients(network, train)[1])
        _assign(weights, start)
        return loss, [d - xi * (plus - minus) / (2 * epsilon) for d, plus, minus in zip(direct, *sides, strict=True)]

    @property
    def _learning_rate(self) -> float:
        return float(self.weight_optimisers[0].param_groups[0]["lr"])

    def _virtual_direction(self, weights: Sequence[Tensor], gradients: Gradients) -> tuple[list[Tensor], float]:
        """(the direction that SGD with its momentum and decay would step along, d w' / d gradient as -xi)."""
        group = self.weight_optimisers[0].param_groups[0]
        momentum, nesterov = group["momentum"], group["nesterov"]
        state = self.weight_optimisers[0].state
        direction = []
        for weight, gradient in zip(weights, gradients, strict=True):
            decayed = gradient + group["weight_decay"] * weight.detach()
            buffer = state[weight].get("momentum_buffer") if weight in state else None
            moving = decayed if buffer is None else momentum * buffer + decayed
            direction.append(decayed + momentum * moving if nesterov else moving)
        return direction, self._learning_rate * (1 + momentum if nesterov else 1.0)


def _assign(weights: Sequence[Tensor], values: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for weight, value in zip(weights, values, strict=True):
            weight.copy_(value)

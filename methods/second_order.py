"""Second-order DARTS (Liu et al. 2019, Algorithm 1, Eq. 6-8)."""

from collections.abc import Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from methods.first_order import FirstOrder
from methods.weight_training import Gradients, gradients
from spaces.space import Batch, SuperNet


class SecondOrder(FirstOrder):
    """w <- w - eta_w grad_w L_t(w, a);  a <- a - eta_a d/da L_v(w'(a), a), w'(a) one optimiser step ahead of w.

    d/da L_v(w'(a), a) = grad_a L_v(w', a) - xi grad_a <grad_w L_t(w, a), v>, v = grad_{w'} L_v(w', a),
    xi = eta_w (1 + momentum with Nesterov). The second term is either DARTS' finite difference of two first-order
    gradients (Eq. 8) or exact, by differentiating twice.
    """

    class Settings(FirstOrder.Settings):
        """The product with the mixed second derivative; a finite difference steps `difference_scale` / |v|."""

        second_derivative: Literal["finite-difference", "exact"] = "finite-difference"
        difference_scale: float = Field(0.01, gt=0)  # DARTS, Section 2.3

    def architecture_gradients(self, train: Batch, validation: Batch) -> tuple[Tensor, Gradients]:
        """(L_v(w', a), its total derivative in alpha)."""
        (network,) = self.networks
        weights = self.weights[network]
        start = [weight.detach().clone() for weight in weights]
        direction, xi = self._virtual_direction(weights, self.weight_gradients(network, train)[1])
        _assign(weights, [w - self._learning_rate * d for w, d in zip(start, direction, strict=True)])
        loss, vector, direct = self.all_gradients(network, validation)
        _assign(weights, start)
        exact = self.settings.second_derivative == "exact"
        mixed = self._exact(network, train, vector) if exact else self._finite_difference(network, train, vector)
        return loss, [d - xi * m for d, m in zip(direct, mixed, strict=True)]

    def _finite_difference(self, network: SuperNet, batch: Batch, vector: Gradients) -> Gradients:
        """[grad_a L_t(w + epsilon v, a) - grad_a L_t(w - epsilon v, a)] / (2 epsilon) (DARTS, Eq. 8)."""
        weights = self.weights[network]
        start = [weight.detach().clone() for weight in weights]
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(part) for part in vector]))
        epsilon = self.settings.difference_scale / norm.clamp_min(torch.finfo(norm.dtype).tiny)
        mixture, sides = self.relaxation(self.alphas), []
        for sign in (1.0, -1.0):
            _assign(weights, [w + sign * epsilon * v for w, v in zip(start, vector, strict=True)])
            sides.append(self.alpha_gradients(network, batch, mixture)[1])
        _assign(weights, start)
        return [(plus - minus) / (2 * epsilon) for plus, minus in zip(*sides, strict=True)]

    def _exact(self, network: SuperNet, batch: Batch, vector: Gradients) -> Gradients:
        """grad_a <grad_w L_t(w, a), v> by double backward."""
        network.fused = False
        try:
            loss = self.loss(network, batch, self.relaxation(self.alphas))
            found = torch.autograd.grad(loss, self.weights[network], create_graph=True, allow_unused=True)
            products = [(g * v).sum() for g, v in zip(found, vector, strict=True) if g is not None]
            return gradients([torch.stack(products).sum()], self.alphas)
        finally:
            network.fused = True

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

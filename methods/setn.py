"""SETN (Dong and Yang, "One-Shot Neural Architecture Search via Self-Evaluated Template Network", ICCV 2019)."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from methods.differentiable import alpha_entropy
from methods.first_order import FirstOrder
from methods.method import Metrics
from methods.one_shot import OneShotMethod
from methods.relaxation import Softmax
from methods.update_rule import UpdateRule
from spaces.space import SuperNet


class Setn(OneShotMethod):
    """w <- w - eta_w grad_w L_t(w, one uniformly drawn path);  a <- a - eta_a grad_a L_v(w, softmax(a)).

    The template's weights see every architecture equally often, while softmax(a) learns which to judge: architectures
    are drawn from it and the best one-shot error wins.
    """

    class Settings(OneShotMethod.Settings, UpdateRule.Settings):
        """The settings of weight sharing, and the optimiser of alpha."""

    def make_training(self, network: SuperNet) -> FirstOrder:
        """Weights and alpha in turn."""
        generator = torch.Generator().manual_seed(self.task.seed)
        alphas = self.space.initial_alpha(generator, **self.task.space_settings)
        self.template = FirstOrder(
            [network],
            [alpha.to(self.task.device).requires_grad_() for alpha in alphas],
            relaxation=Softmax(self.settings, generator),
            regularisers=(),
            settings=self.settings,
        )
        network.dense = False  # single paths leave operations out
        return self.template

    def train_weights(self) -> Metrics:
        """One step of the weights on a uniform path, then one of alpha on the next batch of D_v."""
        metrics = super().train_weights()
        loss, gradient = self.template.alpha_gradients(self.network, self.validation_stream.next())
        self.template.move_alpha(gradient)
        return {**metrics, "validation_loss": loss.item(), "alpha_entropy": alpha_entropy(self.alphas)}

    def path_to_train(self) -> Any:
        """A uniform draw."""
        return self.choices.architecture(self.choices.sample(self.generator))

    def candidate(self) -> Any:
        """A draw from softmax(alpha): the discretisation of softmax(alpha) * exp(Gumbel noise).

        Where one operation of every edge is taken, each is drawn from its softmax. DARTS' discretisation so draws a
        node's two inputs without replacement, in proportion to the softmax's mass other than that of `none`.
        """
        scores = [score.cpu() for score in self.template.relaxation.scores(self.alphas)]
        for score, edges in zip(scores, self.space.edges(**self.task.space_settings), strict=True):
            if all(source >= 0 for _, source in edges):  # others weigh edges, whose operations have noise already
                score *= torch.from_numpy(np.exp(self.generator.gumbel(size=score.shape)))
        return self.space.discretise(scores)

    def guess(self) -> Any:
        """The discretisation of softmax(alpha) itself."""
        return self.space.discretise(self.template.relaxation.scores(self.alphas))

    @property
    def alphas(self) -> Sequence[Tensor]:
        """The template's architecture parameters."""
        return self.template.alphas

    def state_dict(self) -> dict[str, Any]:
        """The search so far and alpha."""
        return {**super().state_dict(), "alphas": [alpha.detach() for alpha in self.alphas]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        super().load_state_dict(state)
        with torch.no_grad():
            for alpha, saved in zip(self.alphas, state["alphas"], strict=True):
                alpha.copy_(saved)


__all__ = ["Setn"]

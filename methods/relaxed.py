"""RARTS: relaxed architecture search (Xue, Qi and Xin 2022, Algorithm 1 and Eq. 4-8).

L(y, w, a) = L_v(y, a) + lambda L_t(w, a) + beta / 2 |y - w|^2 + gamma P(a)
"""

from pydantic import Field

from methods.method import Metrics
from methods.update_rule import UpdateRule
from methods.weight_training import Gradients
from spaces.space import Batch, SuperNet


class Relaxed(UpdateRule):
    """Gauss-Seidel steps on w (auxiliary, D_t), y (primary, D_v) and their shared a; first-order gradients only.

    With `jacobi` the gradients in alpha come from the very passes that moved w and y (L_t(w_t, a), L_v(y_t, a)
    instead of L_t(w_{t+1}, a), L_v(y_{t+1}, a)): half the passes, and no longer Eq. 7.
    """

    networks_needed = 2

    class Settings(UpdateRule.Settings):
        """The weights of Eq. 4. The papers state neither for cell search: these defaults are ours."""

        lambda_: float = Field(1.0, ge=0, alias="lambda")
        beta: float = Field(0.1, ge=0)
        jacobi: bool = False

    def step(self, train: Batch, validation: Batch, *, alpha_moves: bool) -> Metrics:
        """The three updates of Eq. 7 (Eq. 8 with a latency weight gamma > 0)."""
        auxiliary, primary = self.networks
        if self.settings.jacobi and alpha_moves:
            of_auxiliary, of_primary = self.of_every_network(self.all_gradients, train, validation)
            (auxiliary_loss, w_gradients, on_train), (primary_loss, y_gradients, on_validation) = (
                of_auxiliary,
                of_primary,
            )
        else:
            of_auxiliary, of_primary = self.of_every_network(self.weight_gradients, train, validation)
            (auxiliary_loss, w_gradients), (primary_loss, y_gradients) = of_auxiliary, of_primary
        # w <- w - eta_w [lambda grad_w L_t(w, a) + beta (w - y)]
        self.move_weights(0, self._coupled(auxiliary, primary, w_gradients, scale=self.settings.lambda_))
        # y <- y - eta_y [grad_y L_v(y, a) + beta (y - w)], with the w just updated
        self.move_weights(1, self._coupled(primary, auxiliary, y_gradients, scale=1.0))
        if alpha_moves:
            # a <- a - eta_a [lambda grad_a L_t(w, a) + grad_a L_v(y, a) + gamma grad_a P(a)], with both just updated
            if not self.settings.jacobi:
                (_, on_train), (_, on_validation) = self.of_every_network(self.alpha_gradients, train, validation)
            self.move_alpha([self.settings.lambda_ * gradient for gradient in on_train], on_validation)
        return {"train_loss": auxiliary_loss.item(), "validation_loss": primary_loss.item()}

    def _coupled(self, moving: SuperNet, other: SuperNet, loss_gradients: Gradients, *, scale: float) -> Gradients:
        """scale * grad L + beta (moving - other)."""
        return [
            scale * gradient + self.settings.beta * (mine.detach() - theirs.detach())
            for gradient, mine, theirs in zip(loss_gradients, self.weights[moving], self.weights[other], strict=True)
        ]

"""First-order DARTS (Liu et al. 2019, Algorithm 1 with xi = 0; RARTS, Eq. 1)."""

from methods.method import Metrics
from methods.update_rule import UpdateRule
from spaces.space import Batch


class FirstOrder(UpdateRule):
    """w <- w - eta_w grad_w L_t(w, a);  a <- a - eta_a grad_a L_v(w, a)."""

    def step(self, train: Batch, validation: Batch, *, alpha_moves: bool) -> Metrics:
        """Weights on D_t, then alpha on D_v."""
        (network,) = self.networks
        train_loss, weight_gradients = self.weight_gradients(network, train)
        self.move_weights(0, weight_gradients)
        metrics = {"train_loss": train_loss.item()}
        if alpha_moves:
            validation_loss, alpha_gradients = self.alpha_gradients(network, validation)
            self.move_alpha(alpha_gradients)
            metrics["validation_loss"] = validation_loss.item()
        return metrics

"""First-order DARTS (Liu et al. 2019, Algorithm 1 with xi = 0; RARTS, Eq. 1)."""

from torch import Tensor

from methods.method import Metrics
from methods.update_rule import UpdateRule
from methods.weight_training import Gradients
from spaces.space import Batch


class FirstOrder(UpdateRule):
    """w <- w - eta_w grad_w L_t(w, a);  a <- a - eta_a grad_a L_v(w, a)."""

    def step(self, train: Batch, validation: Batch, *, alpha_moves: bool) -> Metrics:
        """Weights on D_t, then alpha with the updated weights."""
        train_loss, weight_gradients = self.weight_gradients(self.networks[0], train)
        self.move_weights(0, weight_gradients)
        metrics = {"train_loss": train_loss.item()}
        if alpha_moves:
            validation_loss, gradients = self.architecture_gradients(train, validation)
            self.move_alpha(gradients)
            metrics["validation_loss"] = validation_loss.item()
        return metrics

    def architecture_gradients(self, train: Batch, validation: Batch) -> tuple[Tensor, Gradients]:
        """(L_v, what alpha descends along): grad_a L_v(w, a)."""
        return self.alpha_gradients(self.networks[0], validation)

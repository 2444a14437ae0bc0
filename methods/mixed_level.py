"""MiLeNAS: mixed-level search (He et al. 2020; RARTS, Eq. 3)."""

from pydantic import Field

from methods.method import Metrics
from methods.update_rule import UpdateRule
from spaces.space import Batch


class MixedLevel(UpdateRule):
    """w <- w - eta_w grad_w L_t(w, a);  a <- a - eta_a (grad_a L_t(w, a) + lambda grad_a L_v(w, a))."""

    class Settings(UpdateRule.Settings):
        """The weight of the validation loss."""

        lambda_: float = Field(1.0, ge=0, alias="lambda")  # MiLeNAS, Section 3.2

    def step(self, train: Batch, validation: Batch, *, alpha_moves: bool) -> Metrics:
        """Weights on D_t, then alpha on both halves with the updated weights."""
        (network,) = self.networks
        train_loss, weight_gradients = self.weight_gradients(network, train)
        self.move_weights(0, weight_gradients)
        metrics = {"train_loss": train_loss.item()}
        if alpha_moves:
            _, on_train = self.alpha_gradients(network, train)
            validation_loss, on_validation = self.alpha_gradients(network, validation)
            self.move_alpha(on_train, [self.settings.lambda_ * gradient for gradient in on_validation])
            metrics["validation_loss"] = validation_loss.item()
        return metrics

"""Single-level training: weights and alpha descend along one loss (SNAS, Xie et al. 2019; SparseNAS' "one-level")."""

from methods.method import Metrics
from methods.update_rule import Gradients, UpdateRule
from spaces.space import Batch


class SingleLevel(UpdateRule):
    """w <- w - eta_w grad_w L(w, a);  a <- a - eta_a grad_a L(w, a), with L = (L_t + L_v) / 2: all training images."""

    def step(self, train: Batch, validation: Batch, *, alpha_moves: bool) -> Metrics:
        """One pass over a batch of each half; both w and a move along what was found before either moved."""
        (network,) = self.networks
        passes = [self.all_gradients(network, batch) for batch in (train, validation)]
        (train_loss, _, _), (validation_loss, _, _) = passes
        self.move_weights(0, _mean([of_weights for _, of_weights, _ in passes]))
        if alpha_moves:
            self.move_alpha(_mean([of_alpha for _, _, of_alpha in passes]))
        return {"train_loss": train_loss.item(), "validation_loss": validation_loss.item()}


def _mean(gradients: list[Gradients]) -> Gradients:
    return [sum(parts) / len(parts) for parts in zip(*gradients, strict=True)]

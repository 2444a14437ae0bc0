"""MiLeNAS: mixed-level search (He et al. 2020; RARTS, Eq. 3)."""

from pydantic import Field
from torch import Tensor

from methods.first_order import FirstOrder
from methods.weight_training import Gradients
from spaces.space import Batch


class MixedLevel(FirstOrder):
    """w <- w - eta_w grad_w L_t(w, a);  a <- a - eta_a (grad_a L_t(w, a) + lambda grad_a L_v(w, a))."""

    class Settings(FirstOrder.Settings):
        """The weight of the validation loss."""

        lambda_: float = Field(1.0, ge=0, alias="lambda")  # MiLeNAS, Section 3.2

    def architecture_gradients(self, train: Batch, validation: Batch) -> tuple[Tensor, Gradients]:
        """(L_v, grad_a L_t(w, a) + lambda grad_a L_v(w, a))."""
        (network,) = self.networks
        _, on_train = self.alpha_gradients(network, train)
        loss, on_validation = self.alpha_gradients(network, validation)
        return loss, [t + self.settings.lambda_ * v for t, v in zip(on_train, on_validation, strict=True)]

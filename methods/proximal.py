"""Hierarchical accelerated proximal gradient descent for the sparse group lasso (SparseNAS, Wu et al. 2021, Eq. 3-10).

    Omega(A) = strength * (mixing * |A|_1 + (1 - mixing) * sum over groups n of sqrt(|A_n|) * |A_n|_2)

G = groups, M = elements of the largest group.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from torch import Tensor


class Groups:
    """A partition of a tensor's elements: those of equal `labels` (integers, shaped like the tensor) form a group."""

    def __init__(self, labels: Tensor) -> None:
        _, self.of = labels.unique(return_inverse=True)  # the group of every element, shaped like the tensor
        flat = self.of.flatten()
        self.sizes = flat.bincount()  # (G,)
        # Padded, so that sums over groups are in a fixed order on every device.
        width = torch.arange(int(self.sizes.max()), device=labels.device)
        self.present = width < self.sizes[:, None]  # (G, M)
        self.members = torch.zeros(self.present.shape, dtype=torch.int64, device=labels.device)
        self.members[self.present] = flat.argsort(stable=True)

    def norms(self, values: Tensor) -> Tensor:
        """The Euclidean norm of every group, (G,)."""
        return torch.linalg.vector_norm(values.flatten()[self.members] * self.present, dim=1)

    def medians(self, values: Tensor) -> Tensor:
        """The median of every group, (G,); of an even number, the mean of the middle two."""
        ordered = values.flatten()[self.members].masked_fill(~self.present, torch.inf).sort(dim=1).values
        middle = torch.stack([(self.sizes - 1) // 2, self.sizes // 2], dim=1)
        return ordered.gather(1, middle).mean(dim=1)


def soft_threshold(values: Tensor, threshold: float | Tensor) -> Tensor:
    """The proximal operator of threshold * |.|_1 (Eq. 9)."""
    return values.sign() * (values.abs() - threshold).clamp_min(0)


def group_soft_threshold(values: Tensor, groups: Groups, threshold: float | Tensor) -> Tensor:
    """The proximal operator of sum over groups of threshold * sqrt(size) * |.|_2 (Eq. 10); threshold: one, or (G,)."""
    norms, limits = groups.norms(values), groups.sizes.to(values.dtype).sqrt() * threshold
    return values * torch.where(norms > limits, 1 - limits / norms, 0)[groups.of]


def sparse_group_prox(
    values: Tensor, groups: Groups, *, step: float | Tensor, strength: float, mixing: float
) -> Tensor:
    """The proximal operator of step * Omega: elements first, then groups (Eq. 5).

    Where every element has a step size of its own, a group's is their median (AdamHAPG).
    """
    shrunk = soft_threshold(values, step * strength * mixing)
    of_group = groups.medians(step) if isinstance(step, Tensor) else step
    return group_soft_threshold(shrunk, groups, of_group * strength * (1 - mixing))


def sparse_group_lasso(values: Tensor, groups: Groups, *, strength: float, mixing: float) -> Tensor:
    """Omega, a scalar; its gradient at zero is zero."""
    of_groups = (groups.sizes.to(values.dtype).sqrt() * groups.norms(values)).sum()
    return strength * (mixing * values.abs().sum() + (1 - mixing) * of_groups)


class Hapg(torch.optim.Optimizer):
    """z_t = A_{t-1} - lr * g;  v_t = Prox(z_t) - A_{t-1} + u_{t-1} v_{t-1};  A_t = Prox(z_t) + u_t v_t (Eq. 6-8).

    u_t = (t - 2) / (t + 1). As A_{t-1} - u_{t-1} v_{t-1} is the result of the Prox before, v_t is the difference of
    two results, and computed so: what both of them prune is exactly zero. `groups` holds the labels of each
    parameter's groups; `strength` (lambda) and `mixing` (alpha) can be changed between steps in `param_groups`.
    In u_t, t counts periods of so many steps: over thousands of steps, u_t comes so near to 1 that the noise of
    mini-batches is amplified a thousandfold, so that t may have to count epochs.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        *,
        groups: Sequence[Tensor],
        strength: float = 0.0,
        mixing: float = 0.5,
        weight_decay: float = 0.0,
        period: int = 1,
        **others: Any,
    ) -> None:
        params = list(params)
        defaults = dict(lr=lr, strength=strength, mixing=mixing, weight_decay=weight_decay, period=period, **others)
        super().__init__(params, defaults)
        self._groups: dict[Tensor, Groups] = {}
        for parameter, labels in zip(params, groups, strict=True):
            if parameter.shape != labels.shape:
                raise ValueError(f"a parameter of shape {tuple(parameter.shape)} needs a group label an element, not "
                                 f"labels of shape {tuple(labels.shape)}")  # fmt: skip
            self._groups[parameter] = Groups(labels.to(parameter.device))

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """One step of every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, group)
        return loss

    def _move(self, parameter: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            state["step"], state["proximal"] = 0, parameter.clone()
        state["step"] += 1
        gradient = parameter.grad + group["weight_decay"] * parameter
        target, size = self._descend(parameter, gradient, state, group)
        proximal = sparse_group_prox(
            target, self._groups[parameter], step=size, strength=group["strength"], mixing=group["mixing"]
        )
        t = (state["step"] - 1) // group["period"] + 1
        momentum = (t - 2) / (t + 1)
        parameter.copy_(proximal + momentum * (proximal - state["proximal"]))
        state["proximal"] = proximal

    def _descend(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> tuple[Tensor, float | Tensor]:
        """(z, the step size that led to it)."""
        return parameter - group["lr"] * gradient, group["lr"]


class AdamHapg(Hapg):
    """HAPG with Adam's step in place of Eq. 6: every element has the step size lr / (sqrt(second moment) + eps).

    The element-wise operator takes each element's own step size, the group-wise one the group's median. Adam's own
    momentum delays the gradient, which u_t near 1 does not bear: betas[0] of 0.5 (DARTS' for alpha) is safer than 0.9.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        *,
        groups: Sequence[Tensor],
        strength: float = 0.0,
        mixing: float = 0.5,
        weight_decay: float = 0.0,
        period: int = 1,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
    ) -> None:
        super().__init__(
            params, lr, groups=groups, strength=strength, mixing=mixing, weight_decay=weight_decay, period=period,
            betas=betas, eps=eps,
        )  # fmt: skip

    def _descend(
        self, parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]
    ) -> tuple[Tensor, float | Tensor]:
        (first, second), t = group["betas"], state["step"]
        mean = state.setdefault("mean", torch.zeros_like(parameter))
        square = state.setdefault("square", torch.zeros_like(parameter))
        mean.lerp_(gradient, 1 - first)
        square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        size = group["lr"] / ((square / (1 - second**t)).sqrt() + group["eps"])
        return parameter - size * mean / (1 - first**t), size


__all__ = [
    "AdamHapg",
    "Groups",
    "Hapg",
    "group_soft_threshold",
    "soft_threshold",
    "sparse_group_lasso",
    "sparse_group_prox",
]

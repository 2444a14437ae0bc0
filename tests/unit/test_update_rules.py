"""Update rules against exact float64 derivatives of the objectives that their papers write down."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from methods import find_method
from methods.discretisation import Argmax
from spaces.space import Batch
from spaces.topology.space import TopologySpace
from tests.unit.tiny_supernet import TinySuperNet, start_tiny

PLAIN = {"momentum": 0.0, "weight_decay": 0.0, "gradient_clip": 1e9, "alpha_optimiser": "sgd",
         "alpha_weight_decay": 0.0, "alpha_learning_rate": 0.1, "steps": 10}  # fmt: skip


def draw_batches(method: object) -> tuple[Batch, Batch]:
    """The batches that the method's first step will see."""
    again = start_tiny(type(method), steps=10)
    return again.task.train.next(), again.task.validation.next()


def weights_of(network: TinySuperNet) -> list[Tensor]:
    return [weight.detach().clone().requires_grad_() for weight in network.weights]


def softmax_loss(network: TinySuperNet, batch: Batch, alpha: Tensor, weights: Sequence[Tensor]) -> Tensor:
    return network.loss(batch, [torch.softmax(alpha, dim=-1)], weights)


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_second_order_gradient_is_the_derivative_of_the_unrolled_loss(momentum: float, nesterov: bool) -> None:
    settings = PLAIN | {"momentum": momentum, "nesterov": nesterov, "weight_decay": 0.01}
    method = start_tiny(find_method("darts-2").implementation, **settings)
    for _ in range(3):  # momentum buffers are filled
        method.step()
    rule, network = method.update_rule, method.network
    train, validation = method.task.train.next(), method.task.validation.next()
    _, found = rule.architecture_gradients(train, validation)

    optimiser = rule.weight_optimisers[0]
    rate = optimiser.param_groups[0]["lr"]
    alpha = method.alphas[0].detach().clone().requires_grad_()
    weights = weights_of(network)
    grads = torch.autograd.grad(softmax_loss(network, train, alpha, weights), weights, create_graph=True)
    unrolled = []
    for parameter, weight, grad in zip(network.weights, weights, grads, strict=True):
        direction = grad + 0.01 * weight
        if momentum:
            buffer = momentum * optimiser.state[parameter]["momentum_buffer"] + direction
            direction = direction + momentum * buffer if nesterov else buffer
        unrolled.append(weight - rate * direction)
    (expected,) = torch.autograd.grad(softmax_loss(network, validation, alpha, unrolled), alpha)
    torch.testing.assert_close(found[0], expected, rtol=1e-5, atol=1e-8)
    first_order = torch.autograd.grad(softmax_loss(network, validation, alpha, [w.detach() for w in unrolled]), alpha)[
        0
    ]
    assert (found[0] - expected).abs().max() < 1e-2 * (first_order - expected).abs().max()


def test_second_order_gradient_leaves_the_weights_as_they_were() -> None:
    method = start_tiny(find_method("darts-2").implementation, **PLAIN)
    before = weights_of(method.network)
    method.update_rule.architecture_gradients(method.task.train.next(), method.task.validation.next())
    for old, new in zip(before, method.network.weights, strict=True):
        assert torch.equal(old, new)


def test_one_step_of_rarts_descends_equation_5_in_gauss_seidel_order() -> None:
    weight, beta, gamma, rate = 0.7, 0.3, 0.2, 0.025
    latency = torch.tensor([[0.1, 2.0, 5.0], [0.3, 1.0, 4.0]], dtype=torch.float64)
    method = start_tiny(
        find_method("rarts").implementation, latency=latency,
        **PLAIN, **{"lambda": weight, "beta": beta, "gamma": gamma},
    )  # fmt: skip
    with torch.no_grad():  # the two networks start equal; a difference makes the coupling visible
        for parameter in method.update_rule.networks[1].weights:
            parameter.add_(0.1)
    auxiliary, primary = method.update_rule.networks
    train, validation = draw_batches(method)
    w, y = weights_of(auxiliary), weights_of(primary)
    a = method.alphas[0].detach().clone().requires_grad_()

    def lagrangian(y: Sequence[Tensor], w: Sequence[Tensor], a: Tensor) -> Tensor:
        distance = sum(((p - q) ** 2).sum() for p, q in zip(y, w, strict=True))
        return (
            softmax_loss(primary, validation, a, y)
            + weight * softmax_loss(auxiliary, train, a, w)
            + 0.5 * beta * distance
            + gamma * (torch.softmax(a, dim=-1) * latency).sum()
        )

    def descend(variables: Sequence[Tensor], step: float) -> list[Tensor]:
        grads = torch.autograd.grad(lagrangian(y, w, a), variables)
        return [(v - step * g).detach().requires_grad_() for v, g in zip(variables, grads, strict=True)]

    w = descend(w, rate)
    y = descend(y, rate)
    (a,) = descend([a], 0.1)
    method.step()
    for found, expected in zip([*auxiliary.weights, *primary.weights, method.alphas[0]], [*w, *y, a], strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_jacobi_takes_the_alpha_gradients_before_the_weights_move() -> None:
    method = start_tiny(find_method("rarts").implementation, jacobi=True, **PLAIN, **{"lambda": 0.7, "beta": 0.3})
    auxiliary, primary = method.update_rule.networks
    train, validation = draw_batches(method)
    a = method.alphas[0].detach().clone().requires_grad_()
    loss = softmax_loss(primary, validation, a, weights_of(primary)) + 0.7 * softmax_loss(
        auxiliary, train, a, weights_of(auxiliary)
    )
    expected = a - 0.1 * torch.autograd.grad(loss, a)[0]
    method.step()
    torch.testing.assert_close(method.alphas[0], expected, rtol=1e-12, atol=1e-12)


def test_mixed_level_moves_alpha_on_both_halves() -> None:
    method = start_tiny(find_method("milenas").implementation, **PLAIN, **{"lambda": 0.4})
    network = method.network
    train, validation = draw_batches(method)
    a = method.alphas[0].detach().clone().requires_grad_()
    w = weights_of(network)
    grads = torch.autograd.grad(softmax_loss(network, train, a, w), w)
    w = [(v - 0.025 * g).detach() for v, g in zip(w, grads, strict=True)]
    loss = softmax_loss(network, train, a, w) + 0.4 * softmax_loss(network, validation, a, w)
    expected = a - 0.1 * torch.autograd.grad(loss, a)[0]
    method.step()
    torch.testing.assert_close(method.alphas[0], expected, rtol=1e-12, atol=1e-12)


def test_alpha_stays_during_warm_up_and_moves_after_it() -> None:
    method = start_tiny(find_method("rarts").implementation, warmup_steps=2, **PLAIN)
    before = method.alphas[0].detach().clone()
    method.step()
    method.step()
    assert torch.equal(before, method.alphas[0])
    method.step()
    assert not torch.equal(before, method.alphas[0])


def test_darts_rule_never_chooses_the_zero_operation() -> None:
    scores = [torch.tensor([[0.9, 0.02, 0.05, 0.02, 0.01]] * 6)]
    space = TopologySpace()
    assert set(Argmax(Argmax.Settings())(space, scores).operations) == {"none"}
    assert set(Argmax(Argmax.Settings(allow_none=False))(space, scores).operations) == {"nor_conv_1x1"}

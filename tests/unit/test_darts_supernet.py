"""The DARTS supernet against the same network in its plain form."""

import copy
from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.darts.cell import OPERATIONS, edges
from spaces.darts.mixed_cell import executed
from spaces.darts.supernet import DartsSupernet
from spaces.space import Batch
from tests.unit.plain_darts_supernet import PlainDartsSupernet, weights_for_supernet

SIZES = {"channels": 4, "cells": 3, "nodes": 2, "classes": 5}


def networks(**sizes: int) -> tuple[DartsSupernet, PlainDartsSupernet]:
    """The two networks with the same weights, in double precision."""
    torch.manual_seed(1)
    plain = PlainDartsSupernet(**{**SIZES, **sizes}).double()
    with torch.no_grad():
        plain.stem[1].weight.uniform_(0.5, 1.5)
        plain.stem[1].bias.uniform_(-0.5, 0.5)
    net = DartsSupernet(**{**SIZES, **sizes}).double()
    net.load_state_dict(weights_for_supernet(plain, net))
    return net, plain


def batch(size: int = 4, pixels: int = 8) -> Batch:
    generator = torch.Generator().manual_seed(2)
    images = torch.randn(size, 3, pixels, pixels, generator=generator, dtype=torch.float64)
    return Batch(images, torch.randint(0, 5, (size,), generator=generator))


def softmax(nodes: int) -> list[Tensor]:
    generator = torch.Generator().manual_seed(3)
    shape = (2, len(edges(nodes)), len(OPERATIONS))
    return [m.requires_grad_() for m in torch.randn(shape, generator=generator).double().softmax(-1)]


def one_hot(nodes: int, seed: int) -> list[Tensor]:
    chosen = torch.randint(len(OPERATIONS), (2, len(edges(nodes))), generator=torch.Generator().manual_seed(seed))
    return [m.requires_grad_() for m in F.one_hot(chosen, len(OPERATIONS)).double()]


def gradients(value: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
    found = torch.autograd.grad(value, inputs, allow_unused=True)
    return [torch.zeros_like(i) if g is None else g for g, i in zip(found, inputs, strict=True)]


def assert_same(net: DartsSupernet, plain: PlainDartsSupernet, data: Batch, mixture: list[Tensor]) -> None:
    """Logits, loss, errors and all gradients; a weight of zero has no gradient in ours."""
    expected = plain(data.inputs, mixture)
    loss = F.cross_entropy(expected, data.targets)
    found = net.loss(data, mixture)
    torch.testing.assert_close(net(data.inputs, mixture), expected)
    torch.testing.assert_close(found, loss)
    assert int(net.errors(data, mixture)) == int((expected.argmax(1) != data.targets).sum())
    ours = gradients(found, [*mixture, *net.parameters()])
    theirs = gradients(loss, [*mixture, *plain.parameters()])
    for index, weights in enumerate(mixture):
        theirs[index] = theirs[index] * weights.detach().ne(0) * torch.tensor([0, 1, 1, 1, 1, 1, 1, 1])
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize(
    "sizes",
    [
        {},
        {"nodes": 1, "cells": 1},
        {"nodes": 4, "cells": 2, "channels": 2},
        {"nodes": 3, "cells": 4, "stem_multiplier": 1},
    ],
)
def test_a_dense_mixture_computes_the_plain_network_and_its_gradients(sizes: dict[str, int]) -> None:
    net, plain = networks(**sizes)
    assert_same(net, plain, batch(), softmax({**SIZES, **sizes}["nodes"]))


@pytest.mark.parametrize("seed", range(4))
def test_a_one_hot_mixture_computes_the_plain_network_and_its_gradients(seed: int) -> None:
    net, plain = networks(nodes=4)
    assert_same(net, plain, batch(), one_hot(4, seed))


def test_images_of_odd_sides_are_taken() -> None:
    net, plain = networks()
    assert_same(net, plain, batch(pixels=11), softmax(2))


def test_operations_of_zero_weight_are_not_run_and_get_no_gradient() -> None:
    net, data, mixture = networks()[0], batch(), one_hot(2, seed=0)
    loss = net.loss(data, mixture)
    found = torch.autograd.grad(loss, list(net.parameters()), allow_unused=True)
    unused = [weight for weight, gradient in zip(net.parameters(), found, strict=True) if gradient is None]
    for cell in net.cells:
        plan = executed(tuple(map(tuple, mixture[int(cell.reduction)].ne(0).tolist())), edges(2))
        for edge, operations in zip(cell.edges, plan, strict=True):
            for operation in range(4, 8):
                for weight in edge.weights(operation):
                    assert any(weight is other for other in unused) == (operation not in operations)
    with torch.no_grad():
        for weight in unused:
            weight.fill_(torch.nan)
    torch.testing.assert_close(net.loss(data, mixture), loss)


def test_a_node_without_operations_is_zero_and_nothing_runs_on_it() -> None:
    net, plain = networks(nodes=3)
    mixture = [weights.detach().clone() for weights in softmax(3)]
    mixture[0][:2] = 0  # node 2 of the normal cells
    mixture[1][2:5] = 0  # node 3 of the reduction cells
    assert_same(net, plain, batch(), [weights.requires_grad_() for weights in mixture])
    active = tuple(map(tuple, mixture[0].ne(0).tolist()))
    plan = executed(active, edges(3))
    assert plan[:2] == ((), ())
    assert [plan[edge] for edge, (_, source) in enumerate(edges(3)) if source == 2] == [(), ()]


@pytest.mark.parametrize("pixels", [8, 22])
def test_single_precision_agrees_with_the_plain_network_in_double_precision(pixels: int) -> None:
    net, plain = networks(channels=16, cells=3, nodes=4)
    net, mixture, data = net.float(), softmax(4), batch(8, pixels)
    single = [weights.detach().float().requires_grad_() for weights in mixture]
    loss = F.cross_entropy(plain(data.inputs, mixture), data.targets)
    theirs = gradients(loss, [*mixture, *plain.parameters()])
    ours = gradients(net.loss(Batch(data.inputs.float(), data.targets), single), [*single, *net.parameters()])
    none = F.one_hot(torch.tensor(0), len(OPERATIONS)).bool()  # is not executed
    theirs[:2] = [found.masked_fill(none, 0) for found in theirs[:2]]
    difference = torch.cat([(found - expected).flatten() for found, expected in zip(ours, theirs, strict=True)])
    # 1e-6, but an activation that is zero in one precision only adds 1e-3, in the plain network as well.
    assert difference.norm() <= 5e-3 * torch.cat([expected.flatten() for expected in theirs]).norm()


def test_the_gradient_in_the_mixture_needs_no_gradients_of_weights() -> None:
    net, data, mixture = networks()[0], batch(), softmax(2)
    expected = torch.autograd.grad(net.loss(data, mixture), mixture)
    net.requires_grad_(False)
    torch.testing.assert_close(torch.autograd.grad(net.loss(data, mixture), mixture), expected)


def test_the_weights_are_the_only_state() -> None:
    net, data, mixture = networks()[0], batch(), softmax(2)
    assert not list(net.buffers())
    again = copy.deepcopy(net).eval()
    torch.testing.assert_close(again(data.inputs, mixture), net.train()(data.inputs, mixture), rtol=0, atol=0)

"""The DARTS supernet against the same network in its plain form."""

from collections.abc import Sequence

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.darts.cell import OPERATIONS, edges
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

"""The topology supernet against plain arithmetic, xautodl's search networks and the stand-alone networks."""

import copy
from collections.abc import Sequence
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from spaces.pooling import average_pool
from spaces.space import Batch
from spaces.topology.architecture import EDGES, OPERATIONS, TopologyArchitecture
from spaces.topology.network import TopologyNetwork
from spaces.topology.supernet import TopologySupernet, executed
from tests.unit.plain_topology_supernet import plain_logits
from tests.unit.xautodl_supernet import copied_to_xautodl

SIZES = {"channels": 4, "cells_per_stage": 1, "classes": 5, "in_channels": 3}
ARCHITECTURES = [
    "|nor_conv_3x3~0|+|nor_conv_1x1~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_1x1~2|",
    "|none~0|+|none~0|nor_conv_3x3~1|+|avg_pool_3x3~0|nor_conv_1x1~1|skip_connect~2|",  # nodes 1 and 2 are zero
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|skip_connect~1|+|none~0|avg_pool_3x3~1|none~2|",  # node 2 leads nowhere
    "|skip_connect~0|+|skip_connect~0|skip_connect~1|+|skip_connect~0|skip_connect~1|skip_connect~2|",
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|none~0|none~1|none~2|",  # the output is zero
]


def network(**sizes: int) -> TopologySupernet:
    torch.manual_seed(1)
    net = TopologySupernet(**{**SIZES, **sizes}).double()
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.weight.uniform_(0.5, 1.5)
                module.bias.uniform_(-0.5, 0.5)
    return net


def batch(size: int = 6, classes: int = 5) -> Batch:
    generator = torch.Generator().manual_seed(2)
    images = torch.randn(size, 3, 8, 8, generator=generator, dtype=torch.float64)
    return Batch(images, torch.randint(0, classes, (size,), generator=generator))


def dense() -> Tensor:
    return torch.randn(len(EDGES), len(OPERATIONS), generator=torch.Generator().manual_seed(3)).double().softmax(-1)


def one_hot(architecture: TopologyArchitecture) -> Tensor:
    chosen = torch.tensor([OPERATIONS.index(operation) for operation in architecture.operations])
    return F.one_hot(chosen, len(OPERATIONS)).double()


def gradients(value: Tensor, inputs: Sequence[Tensor]) -> list[Tensor]:
    found = torch.autograd.grad(value, inputs, allow_unused=True)
    return [torch.zeros_like(i) if g is None else g for g, i in zip(found, inputs, strict=True)]


def test_a_dense_mixture_computes_the_plain_network_and_its_gradients() -> None:
    net, data, mixture = network(cells_per_stage=2), batch(), dense().requires_grad_()
    weights = list(net.parameters())
    expected = plain_logits(net, data.inputs, mixture)
    torch.testing.assert_close(net(data.inputs, [mixture]), expected)
    loss = F.cross_entropy(expected, data.targets)
    ours = gradients(net.loss(data, [mixture]), [mixture, *weights])
    torch.testing.assert_close(ours, gradients(loss, [mixture, *weights]))
    assert int(net.errors(data, [mixture])) == int((expected.argmax(1) != data.targets).sum())


def test_operations_of_zero_weight_change_nothing_are_not_run_and_get_no_gradient() -> None:
    net, data = network(), batch()
    kept = torch.rand(len(EDGES), len(OPERATIONS), generator=torch.Generator().manual_seed(4)) < 0.5
    kept[5, 1:] = torch.tensor([True, False, True, False])  # something reaches the output
    mixture = (dense() * kept).requires_grad_()
    run: list[nn.Module] = []
    convolutions = {}
    for stage in net.skeleton.stages:
        for cell in stage.children():
            for edge in range(len(EDGES)):
                convolutions[cell.convolutions_1x1[edge]] = bool(kept[edge, 2])
                convolutions[cell.convolutions_3x3[edge]] = bool(kept[edge, 3])
    for module in convolutions:
        module.register_forward_hook(lambda module, *_: run.append(module))
    weights = list(net.parameters())
    loss = net.loss(data, [mixture])
    found = torch.autograd.grad(loss, [mixture, *weights], allow_unused=True)
    assert set(run) == {module for module, active in convolutions.items() if active}
    by_weight = dict(zip(weights, found[1:], strict=True))
    assert all((by_weight[module.weight] is not None) == active for module, active in convolutions.items())
    expected_loss = F.cross_entropy(plain_logits(net, data.inputs, mixture), data.targets)
    expected = gradients(expected_loss, [mixture, *weights])
    torch.testing.assert_close(loss, expected_loss)
    torch.testing.assert_close(found[0], expected[0] * kept * torch.tensor([0, 1, 1, 1, 1]))
    for theirs, weight in zip(expected[1:], weights, strict=True):
        ours = by_weight[weight]
        torch.testing.assert_close(torch.zeros_like(theirs) if ours is None else ours, theirs)


def test_only_operations_between_the_input_and_the_output_are_run() -> None:
    skip, conv, pool = (OPERATIONS.index(name) for name in ("skip_connect", "nor_conv_3x3", "avg_pool_3x3"))

    def plan(text: str) -> tuple[tuple[int, ...], ...]:
        return executed(tuple(map(tuple, one_hot(TopologyArchitecture.parse(text)).ne(0).tolist())))

    assert plan(ARCHITECTURES[1]) == ((), (), (), (pool,), (), ())
    assert plan(ARCHITECTURES[2]) == ((conv,), (), (), (), (pool,), ())
    assert plan(ARCHITECTURES[3]) == ((skip,),) * 6
    assert plan(ARCHITECTURES[4]) == ((),) * 6


@pytest.mark.parametrize("text", ARCHITECTURES)
def test_a_one_hot_mixture_is_the_stand_alone_network_on_batch_statistics(text: str) -> None:
    architecture, net, data = TopologyArchitecture.parse(text), network(cells_per_stage=2), batch()
    alone = TopologyNetwork(architecture, **{**SIZES, "cells_per_stage": 2}).double().train()
    for part in ("stem", "reductions", "head"):
        getattr(alone, part).load_state_dict(getattr(net.skeleton, part).state_dict(), strict=False)
    for theirs, ours in zip(alone.stages.children(), net.skeleton.stages.children(), strict=True):
        for cell, mixed in zip(theirs.children(), ours.children(), strict=True):
            for edge, operation in enumerate(architecture.operations):
                if "conv" in operation:
                    source = mixed.convolutions_1x1 if operation.endswith("1x1") else mixed.convolutions_3x3
                    cell.edges[str(edge)][1].load_state_dict(source[edge].state_dict())
    torch.testing.assert_close(net(data.inputs, [one_hot(architecture)]), alone(data.inputs))


def test_darts_logits_and_gradients_are_those_of_xautodl() -> None:
    search = pytest.importorskip("xautodl.models.cell_searchs.search_model_darts")
    net, data = network(), batch()
    theirs = search.TinyNetworkDarts(4, 1, 4, 5, list(OPERATIONS), False, False).double()
    pairs = copied_to_xautodl(net, theirs)
    alpha = theirs.arch_parameters.detach().clone().requires_grad_()
    _, logits = theirs(data.inputs)
    expected = gradients(F.cross_entropy(logits, data.targets), [theirs.arch_parameters, *pairs.values()])
    mixture = alpha.softmax(-1)
    torch.testing.assert_close(net(data.inputs, [mixture]), logits)
    torch.testing.assert_close(gradients(net.loss(data, [mixture]), [alpha, *pairs]), expected)


@pytest.mark.parametrize("text", ARCHITECTURES[:4])
def test_gdas_logits_and_gradients_are_those_of_xautodl(text: str) -> None:
    search = pytest.importorskip("xautodl.models.cell_searchs.search_model_gdas")
    net, data = network(), batch()
    theirs = search.TinyNetworkGDAS(4, 1, 4, 5, list(OPERATIONS), False, False).double()
    pairs = copied_to_xautodl(net, theirs)
    hard = one_hot(TopologyArchitecture.parse(text)).requires_grad_()
    index = hard.argmax(-1, keepdim=True)
    features = theirs.stem(data.inputs)
    for cell in theirs.cells:  # TinyNetworkGDAS.forward after its Gumbel sample
        features = cell.forward_gdas(features, hard, index) if hasattr(cell, "edges") else cell(features)
    logits = theirs.classifier(theirs.lastact(features).mean((2, 3)))
    expected = gradients(F.cross_entropy(logits, data.targets), [hard, *pairs.values()])
    expected[0] = expected[0] * hard.detach()  # it adds the weights of the other operations as constants
    torch.testing.assert_close(net(data.inputs, [hard]), logits)
    ours = gradients(net.loss(data, [hard]), [hard, *pairs])
    ours[0] = ours[0] * hard.detach()
    torch.testing.assert_close(ours, expected)


def test_second_derivatives_agree_with_finite_differences() -> None:
    net, data = network(channels=2), batch(3)
    weight = net.skeleton.stages[1][0].convolutions_3x3[0].weight
    name = "skeleton.stages.1.0.convolutions_3x3.0.weight"

    def loss(mixture: Tensor, changed: Tensor) -> Tensor:
        logits = torch.func.functional_call(net, {name: changed}, (data.inputs, [mixture]))
        return F.cross_entropy(logits, data.targets)

    inputs = (dense().requires_grad_(), weight.detach().clone().requires_grad_())
    assert torch.autograd.gradgradcheck(loss, inputs, fast_mode=True)


class _WeightGradients(TorchDispatchMode):
    """Records of every convolution's backward whether it was asked for the gradient of the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[bool] = []

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if function is torch.ops.aten.convolution_backward.default:
            self.asked.append(args[-1][1])
        return function(*args, **(kwargs or {}))


def test_the_gradient_in_the_mixture_computes_no_gradient_of_weights() -> None:
    net, data, mixture = network(), batch(), dense().requires_grad_()
    loss = net.loss(data, [mixture])
    with _WeightGradients() as record:
        torch.autograd.grad(loss, [mixture])
    assert len(record.asked) > 0
    assert not any(record.asked)


def test_single_precision_agrees_with_double_precision() -> None:
    net, data, mixture = network(channels=16), batch(), dense()
    single = copy.deepcopy(net).float()
    mixtures = mixture.clone().requires_grad_(), mixture.float().requires_grad_()
    small = Batch(data.inputs.float(), data.targets)
    double_found = gradients(net.loss(data, [mixtures[0]]), [mixtures[0], *net.parameters()])
    single_found = gradients(single.loss(small, [mixtures[1]]), [mixtures[1], *single.parameters()])
    for found, expected in zip(single_found, double_found, strict=True):
        assert (found - expected).norm() <= 1e-3 * expected.norm() + 1e-6


def test_average_pooling_leaves_pixels_outside_the_image_out() -> None:
    images = torch.randn(2, 3, 5, 7, requires_grad=True)
    expected = F.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)
    torch.testing.assert_close(average_pool(images), expected)
    direction = torch.randn_like(images)
    ours, theirs = (torch.autograd.grad(out, images, direction) for out in (average_pool(images), expected))
    torch.testing.assert_close(ours, theirs)


def test_the_weights_are_the_only_state() -> None:
    net, data, mixture = network(), batch(), dense()
    assert not list(net.buffers())
    again = copy.deepcopy(net).eval()
    torch.testing.assert_close(again(data.inputs, [mixture]), net.train()(data.inputs, [mixture]), rtol=0, atol=0)

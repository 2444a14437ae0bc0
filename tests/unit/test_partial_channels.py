"""PC-DARTS' supernets against the paper's formulas, written edge by edge with torch's own operations."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from methods import find_method
from methods.pc_darts import PartialChannels, edge_weights
from spaces.darts.cell import complete_cell
from spaces.darts.mixed_cell import MixedCell as DartsCell
from spaces.darts.mixed_cell import executed as darts_plan
from spaces.errors import InputError
from spaces.topology.architecture import EDGES
from spaces.topology.space import TopologySpace
from spaces.topology.supernet import MixedCell, active_operations

SHARE, CHANNELS = 4, 8
SEEN = CHANNELS // SHARE


def shuffle(features: Tensor) -> Tensor:
    """Output channel c * K + g is input channel g * C / K + c, one by one."""
    order = [group * (CHANNELS // SHARE) + place for place in range(CHANNELS // SHARE) for group in range(SHARE)]
    return features[:, order]


def normalised(features: Tensor) -> Tensor:
    return F.batch_norm(features, None, None, training=True)


def test_edge_weights_are_a_softmax_over_the_edges_into_a_node() -> None:
    beta = torch.randn(6, 1, dtype=torch.float64)
    weights = edge_weights(beta, EDGES)[:, 0]
    for rows in ([0], [1, 2], [3, 4, 5]):
        torch.testing.assert_close(weights[rows], torch.softmax(beta[rows, 0], 0))


def test_mixture_is_the_product_of_both_softmaxes() -> None:
    relaxation = PartialChannels(PartialChannels.Settings(), torch.Generator().manual_seed(0), [EDGES])
    alphas = relaxation.parameters([torch.randn(6, 5)])
    assert [tuple(alpha.shape) for alpha in alphas] == [(6, 5), (6, 1)]
    (mixture,) = relaxation(alphas)
    torch.testing.assert_close(mixture.sum(1, keepdim=True), edge_weights(alphas[1], EDGES))
    torch.testing.assert_close(mixture / mixture.sum(1, keepdim=True), torch.softmax(alphas[0], 1))


def test_topology_cell_is_the_papers() -> None:
    torch.manual_seed(0)
    cell = MixedCell(CHANNELS, share=SHARE).double()
    inputs = torch.randn(3, CHANNELS, 6, 6, dtype=torch.float64, requires_grad=True)
    mixture = torch.rand(6, 5, dtype=torch.float64, requires_grad=True)
    plan = active_operations(((True,) * 5,) * 6)
    found = cell(inputs, [row.unbind() for row in mixture.unbind()], plan)
    nodes = [inputs]
    for target in (1, 2, 3):
        total = torch.zeros_like(inputs)
        for row, (to, source) in enumerate(EDGES):
            if to != target:
                continue
            seen, rest = nodes[source][:, :SEEN], nodes[source][:, SEEN:]
            results = [
                torch.zeros_like(seen),
                seen,
                normalised(cell.convolutions_1x1[row](F.relu(seen))),
                normalised(cell.convolutions_3x3[row](F.relu(seen))),
                F.avg_pool2d(seen, 3, 1, 1, count_include_pad=False),
            ]
            operation_weights = mixture[row] / mixture[row].sum()
            mixed = sum(w * result for w, result in zip(operation_weights, results, strict=True))
            total = total + mixture[row].sum() * torch.cat([mixed, rest], 1)
        nodes.append(shuffle(total))
    compare(found, nodes[3], [inputs, mixture, *cell.parameters()])


@pytest.mark.parametrize("reduction", [False, True])
def test_darts_cell_passes_and_shuffles_channels(reduction: bool) -> None:
    """With one node and without operations, all but what passes by is zero; DARTS' operations are tested elsewhere."""
    torch.manual_seed(0)
    design = complete_cell(1)
    cell = DartsCell(design, 6, 6, CHANNELS, reduction=reduction, previous_reduction=False, share=SHARE).double()
    older, newer = (torch.randn(2, 6, 8, 8, dtype=torch.float64) for _ in range(2))
    mixture = torch.rand(2, 8, dtype=torch.float64, requires_grad=True)
    plan = darts_plan(((False,) * 8,) * 2, design.edges, passed_by=True)
    found = cell(older, newer, mixture, plan, True)
    expected: Any = 0
    for row, (state, preprocess) in enumerate([(older, cell.first), (newer, cell.second)]):
        rest = normalised(preprocess.convolution(F.relu(state)))[:, SEEN:]
        rest = F.max_pool2d(rest, 2, 2) if reduction else rest
        expected = expected + mixture[row].sum() * torch.cat([torch.zeros_like(rest[:, :SEEN]), rest], 1)
    compare(found, shuffle(expected), [mixture])


def compare(found: Tensor, expected: Tensor, variables: list[Tensor]) -> None:
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(expected)
    pairs = zip(
        torch.autograd.grad((found * weights).sum(), variables, allow_unused=True),
        torch.autograd.grad((expected * weights).sum(), variables, allow_unused=True),
        strict=True,
    )
    for ours, theirs in pairs:
        torch.testing.assert_close(ours, theirs)


def test_channels_that_cannot_be_shared_are_refused() -> None:
    with pytest.raises(
        InputError, match="1/4 of 6 channels is no whole number: choose a number of channels divisible by 4"
    ):
        TopologySpace().supernet(classes=2, in_channels=1, channels=6, partial_channels=SHARE)


def test_settings_are_the_papers() -> None:
    settings: Any = find_method("pc-darts").implementation.Settings()
    assert (settings.batch_size, settings.weight_learning_rate, settings.channel_share) == (256, 0.1, 4)
    assert settings.warmup_steps / settings.steps == 0.3  # 15 of 50 epochs

"""Passes in bfloat16: how far their gradients may be from single precision's, and what stays in single precision."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from spaces.darts.space import DartsSpace
from spaces.space import Batch, Space
from spaces.topology.space import TopologySpace
from tests.unit.test_fast_search import start

SPACES = pytest.mark.parametrize("space", [TopologySpace(), DartsSpace()], ids=["topology", "darts"])


def flat(parts: Any) -> Tensor:
    return torch.cat([part.flatten() for part in parts])


def batch() -> Batch:
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(16, 3, 16, 16, generator=generator)
    return Batch(images, torch.randint(4, (16,), generator=generator))


@SPACES
def test_gradients_are_those_of_single_precision_to_a_few_percent(space: Space) -> None:
    reduced, single = (
        start("darts-1", space, precision=precision).update_rule for precision in ("bfloat16", "float32")
    )
    for of in ("weight_gradients", "alpha_gradients"):
        (loss, found), (expected_loss, expected) = (
            getattr(rule, of)(rule.networks[0], batch()) for rule in (reduced, single)
        )
        assert float(loss) == pytest.approx(float(expected_loss), rel=0.01)
        assert not torch.equal(flat(found), flat(expected))  # it is not single precision
        assert float(F.cosine_similarity(flat(found), flat(expected), dim=0)) > 0.97


@SPACES
@pytest.mark.parametrize("name", ["rarts", "darts-2", "gdas"])
def test_weights_alpha_and_optimisers_stay_in_single_precision(name: str, space: Space) -> None:
    method = start(name, space, precision="bfloat16")
    for _ in range(2):
        assert all(torch.tensor(value).isfinite() for value in method.step().values())
    rule = method.update_rule
    tensors = [*method.alphas, *(weight for network in rule.networks for weight in network.parameters())]
    for optimiser in (*rule.weight_optimisers, rule.alpha_optimiser):
        tensors += [value for state in optimiser.state.values() for value in state.values() if torch.is_tensor(value)]
    assert {tensor.dtype for tensor in tensors} == {torch.float32}

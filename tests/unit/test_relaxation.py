"""Relaxations against closed forms."""

import pytest
import torch

from methods.relaxation import GumbelSoftmax, HardGumbel


def relaxation(kind: type[GumbelSoftmax], temperature: float) -> GumbelSoftmax:
    settings = GumbelSoftmax.Settings(temperature_start=temperature, temperature_end=temperature)
    return kind(settings, torch.Generator().manual_seed(0))


def test_hard_gumbel_is_one_hot_and_samples_the_softmax() -> None:
    alpha = torch.tensor([0.0, 1.0, 2.0, -1.0], dtype=torch.float64).expand(50_000, 4).clone()
    sample = relaxation(HardGumbel, 1.0).mixture(alpha)
    assert set(sample.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(sample.sum(1), torch.ones(50_000, dtype=torch.float64))
    torch.testing.assert_close(sample.mean(0), torch.softmax(alpha[0], 0), rtol=0, atol=4 * 0.5 / 50_000**0.5)


def test_hard_gumbel_passes_the_gradient_of_the_soft_sample() -> None:
    weights = torch.tensor([[0.3, -1.0, 2.0]], dtype=torch.float64)
    grads = []
    for kind in (GumbelSoftmax, HardGumbel):
        alpha = torch.tensor([[0.1, 0.5, -0.3]], dtype=torch.float64, requires_grad=True)
        (relaxation(kind, 0.7).mixture(alpha) * weights).sum().backward()
        grads.append(alpha.grad)
    torch.testing.assert_close(grads[0], grads[1])


@pytest.mark.parametrize(("progress", "expected"), [(0.0, 10.0), (0.5, 5.05), (1.0, 0.1)])
def test_temperature_falls_linearly(progress: float, expected: float) -> None:
    sampler = GumbelSoftmax(GumbelSoftmax.Settings(), torch.Generator())
    sampler.progress = progress
    assert sampler.temperature == pytest.approx(expected)

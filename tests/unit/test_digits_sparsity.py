"""SparseNAS' ablation on digits: the network, its groups, what is counted, and that HAPG prunes where SGD does not."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from harness.digits_sparsity import CURVES, Curve, Network, _outcome, train
from harness.main import app
from methods.proximal import Groups
from reports.sparsity import sparsity_sheet
from spaces.space import Batch

SGD, _, HAPG, ADAM_HAPG, LASSO, GROUP_LASSO = CURVES


def test_the_network_is_a_plain_one_and_its_groups_are_what_leaves_a_neuron() -> None:
    torch.manual_seed(0)
    network = Network()
    first, first_bias, second, second_bias, third, third_bias = network.parts()
    assert [tuple(part.shape) for part in network.parts()] == [(40, 64), (40,), (20, 40), (20,), (10, 20), (10,)]
    images = torch.rand(3, 1, 8, 8)
    hidden = (images.flatten(1) @ first.T + first_bias).relu()
    hidden = (hidden @ second.T + second_bias).relu()
    torch.testing.assert_close(network.logits(images), hidden @ third.T + third_bias)
    groups = Groups(network.labels())
    assert sorted(groups.sizes.tolist()) == sorted([40] * 64 + [1] * 40 + [20] * 40 + [1] * 20 + [10] * 20 + [1] * 10)
    columns = [torch.linalg.vector_norm(matrix, dim=0) for matrix in (first, second, third)]
    biases = [bias.abs() for bias in (first_bias, second_bias, third_bias)]
    norms = torch.cat([part for pair in zip(columns, biases, strict=True) for part in pair])
    torch.testing.assert_close(groups.norms(network.weights), norms)


def test_features_neurons_and_zeros_are_counted_below_the_threshold() -> None:
    torch.manual_seed(0)
    network = Network()
    with torch.no_grad():
        network.weights.abs_().add_(0.01)
        first, _, second, _, third, _ = network.parts()
        first[:, :7] = 0  # seven features
        second[:, 3] = 1e-4  # a neuron of the first layer, not exactly
        third[:, :2] = 0  # two of the second
        first[5, 30] = -5e-4
    images = torch.zeros(4, 1, 8, 8)
    found = _outcome(network, Batch(images, network.logits(images).argmax(1)), HAPG, strength=0.1, seed=0)
    assert (found.features, found.neurons, found.accuracy) == (57, 57, 100)
    assert found.exact_zeros == pytest.approx(100 * (7 * 40 + 2 * 10) / 3630)
    assert found.sparsity == pytest.approx(100 * (7 * 40 + 2 * 10 + 20 + 1) / 3630)


@pytest.mark.parametrize("curve", [SGD, HAPG, ADAM_HAPG], ids=lambda curve: curve.optimiser)
def test_a_seed_decides_all(curve: Curve) -> None:
    first, again, other = (train(curve, strength=1e-3, seed=seed, epochs=2) for seed in (1, 1, 2))
    assert first == again
    assert first.accuracy != other.accuracy


def test_hapg_has_exact_zeros_and_the_norm_of_groups_prunes_neurons() -> None:
    outcomes = {c.name: train(c, strength=1e-3, seed=0, epochs=60) for c in (SGD, HAPG, LASSO, GROUP_LASSO)}
    assert outcomes[SGD.name].exact_zeros == 0
    assert outcomes[HAPG.name].exact_zeros > 45
    assert outcomes[HAPG.name].neurons < outcomes[LASSO.name].neurons
    assert outcomes[GROUP_LASSO.name].exact_zeros < outcomes[HAPG.name].exact_zeros
    assert min(outcome.accuracy for outcome in outcomes.values()) > 85


def test_command_writes_records_and_the_figure(tmp_path: Path) -> None:
    figure, output = tmp_path / "panels.png", tmp_path / "records.json"
    arguments = ["sparsity", "--seeds", "0-1", "--epochs", "1", "--strength", "1e-4", "--count-steps"]
    result = CliRunner().invoke(app, [*arguments, "--json", "--output", str(output), "--figure", str(figure)])
    assert result.exit_code == 0, result.output
    records = json.loads(output.read_text())["records"]
    assert len(records) == 2 * len(CURVES)
    assert figure.stat().st_size > 10_000
    accuracies = [record["accuracy"] for record in records if record["curve"] == SGD.name]
    (cell,) = sparsity_sheet(records, note="").grids[0].rows[0][1:]
    assert cell.text == f"{np.mean(accuracies):.1f} ± {np.std(accuracies, ddof=1):.1f}"


@pytest.mark.parametrize("arguments", [["--strength", "0"], ["--figure", "panels.txt"], ["--format", "xml"]])
def test_bad_input_is_refused_before_anything_is_trained(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, ["sparsity", "--epochs", "100000", *arguments])
    assert "InputError" in type(result.exception).__name__

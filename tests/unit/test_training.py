from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from torch import nn

from harness.data import Augmentation, ImageDataset, TestDataInSearchError, load_dataset, search_phase
from harness.training import error_percent, train_standalone
from harness.training_settings import TrainingSettings
from spaces.errors import InputError
from spaces.space import Batch


@pytest.fixture(scope="module")
def digits() -> ImageDataset:
    return load_dataset("digits")


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))


def convolutional() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(4),
        nn.Flatten(),
        nn.Linear(128, 10),
    )


def test_linear_classifier_is_as_good_as_an_independent_one(digits: ImageDataset) -> None:
    result = train_standalone(
        linear, digits, settings=TrainingSettings(epochs=30, batch_size=64, augment=False, learning_rate=0.05), seed=1
    )
    test_images, test_labels = digits.test()
    independent = LogisticRegression(max_iter=2000).fit(digits.train_images.flatten(1) / 255, digits.train_labels)
    expected = 100 * (1 - independent.score(test_images.flatten(1) / 255, test_labels))
    assert result.test_error_percent == pytest.approx(expected, abs=2)
    assert result.train_error_percent < 3
    assert result.epochs == 30
    assert result.seconds > 0


def test_result_depends_on_the_seed_alone(digits: ImageDataset) -> None:
    settings = TrainingSettings(epochs=2, batch_size=64)
    losses: list[list[float]] = []

    def train(seed: int) -> tuple[float, float]:
        losses.append([])
        result = train_standalone(
            convolutional, digits, settings=settings, seed=seed, progress=lambda _, __, loss: losses[-1].append(loss)
        )
        return result.test_error_percent, result.train_error_percent

    torch.manual_seed(0)
    first = train(5)
    state = torch.get_rng_state()
    torch.manual_seed(123)
    again = train(5)
    train(6)
    assert first == again
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]
    torch.manual_seed(0)
    assert torch.equal(torch.get_rng_state(), state), "training drew from the caller's generator"


def test_steps_are_those_of_nesterov_momentum_with_a_cosine_rate(digits: ImageDataset) -> None:
    """Against the update written out in NumPy, for softmax regression on one full batch a step."""
    few = replace(digits, train_images=digits.train_images[:40], train_labels=digits.train_labels[:40])
    settings = TrainingSettings(epochs=6, batch_size=40, augment=False, weight_decay=0.01)
    network = linear()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.zero_()
    train_standalone(lambda: network, few, settings=settings, seed=0)

    inputs = few.train_images.flatten(1).double().numpy() / 255
    inputs = (inputs - few.mean[0]) / few.std[0]
    inputs = np.concatenate([inputs, np.ones((40, 1))], axis=1)
    targets = np.eye(10)[few.train_labels.numpy()]
    weights, velocity = np.zeros((65, 10)), np.zeros((65, 10))
    for step in range(6):
        logits = inputs @ weights
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        gradient = inputs.T @ (probabilities - targets) / 40 + 0.01 * weights
        velocity = 0.9 * velocity + gradient
        weights -= 0.05 * (1 + np.cos(np.pi * step / 6)) * (gradient + 0.9 * velocity)
    trained = network[1]
    np.testing.assert_allclose(trained.weight.detach().numpy().T, weights[:64], atol=1e-4)
    np.testing.assert_allclose(trained.bias.detach().numpy(), weights[64], atol=1e-4)


def test_only_the_given_examples_are_trained_on(digits: ImageDataset) -> None:
    """A network that sees two of the classes never names another one."""
    chosen = torch.isin(digits.train_labels, torch.tensor([0, 1])).nonzero()[:, 0]
    result = train_standalone(
        linear, digits, settings=TrainingSettings(epochs=10, batch_size=64), seed=0, train_indices=chosen
    )
    _, labels = digits.test()
    others = 100 * float((labels > 1).double().mean())
    assert result.test_error_percent >= others
    assert result.train_error_percent < 5


def test_training_is_refused_during_a_search(digits: ImageDataset) -> None:
    built = []
    with search_phase(), pytest.raises(TestDataInSearchError):
        train_standalone(lambda: built.append(1) or linear(), digits, settings=TrainingSettings(epochs=1), seed=0)
    assert not built


def test_batch_size_beyond_the_data_is_refused(digits: ImageDataset) -> None:
    with pytest.raises(InputError, match="does not fit 1442"):
        train_standalone(linear, digits, settings=TrainingSettings(epochs=1, batch_size=2000), seed=0)


def test_error_percent_counts_in_evaluation_mode() -> None:
    class OneInEvaluation(nn.Module):
        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return nn.functional.one_hot(torch.full((len(inputs),), 0 if self.training else 1), 3).float()

    batches = [Batch(torch.zeros(4, 1), torch.tensor([1, 1, 1, 0])), Batch(torch.zeros(1, 1), torch.tensor([2]))]
    assert error_percent(OneInEvaluation().train(), batches) == pytest.approx(40)


def test_default_recipe_is_that_of_the_benchmark() -> None:
    settings = TrainingSettings()
    assert (settings.epochs, settings.batch_size, settings.learning_rate) == (200, 256, 0.1)
    assert (settings.momentum, settings.nesterov, settings.weight_decay) == (0.9, True, 5e-4)
    with pytest.raises(ValueError, match="epochs"):
        TrainingSettings(epochs=0)


def test_digits_are_never_mirrored(digits: ImageDataset) -> None:
    assert digits.augmentation == Augmentation(pad=1, flip=False)

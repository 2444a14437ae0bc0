"""What each setting of a training does, against closed forms and other implementations."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.data import ImageDataset, load_dataset
from harness.recipe import list_recipes, load_recipe
from harness.search import InterruptedSearchError
from harness.training import train_standalone
from harness.training_settings import TrainingSettings, learning_rate
from spaces.errors import InputError
from spaces.registry import find_space
from spaces.space import CellSpace

PLAIN: dict[str, Any] = {
    "epochs": 1, "momentum": 0, "nesterov": False, "weight_decay": 0, "augment": False,
}  # fmt: skip


@pytest.fixture(scope="module")
def digits() -> ImageDataset:
    return load_dataset("digits")


class Recorder(nn.Module):
    """A classifier whose weights start at zero, and what it saw on each training step."""

    def __init__(self, heads: int = 1) -> None:
        super().__init__()
        self.heads = nn.ModuleList(nn.Linear(64, 10) for _ in range(heads))
        for parameter in self.parameters():
            nn.init.zeros_(parameter)
        self.drop_path_probability = 0.0
        self.images: list[Tensor] = []
        self.probabilities: list[float] = []
        self.dtypes: list[torch.dtype] = []

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        logits = [head(images.flatten(1)) for head in self.heads]
        if self.training:
            self.images.append(images)
            self.probabilities.append(self.drop_path_probability)
            self.dtypes.append(logits[0].dtype)
            return (logits[0], logits[1]) if len(logits) > 1 else logits[0]
        return logits[0]


def trained(digits: ImageDataset, network: nn.Module, **settings: Any) -> nn.Module:
    train_standalone(lambda: network, digits, settings=TrainingSettings(**PLAIN | settings), seed=3)
    return network


def gradient_at_zero(digits: ImageDataset, smoothing: float = 0.0) -> Tensor:
    """Of the classifier's weights at zero, on the whole training split: mean of (1/10 - target) x image."""
    images = (digits.train_images.flatten(1).double() / 255 - digits.mean[0]) / digits.std[0]
    targets = nn.functional.one_hot(digits.train_labels, 10).double() * (1 - smoothing) + smoothing / 10
    return (0.1 - targets).T @ images / len(images)


def test_one_step_follows_the_smoothed_and_the_auxiliary_loss(digits: ImageDataset) -> None:
    settings = {"batch_size": 1442, "learning_rate": 2.0, "label_smoothing": 0.3, "auxiliary_weight": 0.4}
    network = trained(digits, Recorder(heads=2), **settings)
    expected = -2.0 * gradient_at_zero(digits, smoothing=0.3)
    for head, weight in zip(network.heads, (1.0, 0.4), strict=True):
        torch.testing.assert_close(head.weight.double(), weight * expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("accumulation", [1, 7])
def test_accumulated_gradients_are_those_of_the_whole_batch(digits: ImageDataset, accumulation: int) -> None:
    network = Recorder()
    trained(digits, network, batch_size=1442, learning_rate=1.0, accumulation=accumulation)
    torch.testing.assert_close(network.heads[0].weight.double(), -gradient_at_zero(digits), rtol=1e-4, atol=1e-6)
    assert [len(images) for images in network.images] == [1442 // accumulation] * accumulation


def test_clipping_scales_the_whole_gradient_to_its_norm(digits: ImageDataset) -> None:
    free, clipped = Recorder(), Recorder()
    trained(digits, free, batch_size=1442, learning_rate=1.0, accumulation=7)
    trained(digits, clipped, batch_size=1442, learning_rate=1.0, accumulation=7, gradient_clip=0.05)
    whole, shortened = (nn.utils.parameters_to_vector(network.parameters()) for network in (free, clipped))
    assert whole.norm() > 0.1
    torch.testing.assert_close(shortened, 0.05 * whole / whole.norm(), rtol=1e-4, atol=1e-7)


@pytest.mark.parametrize("augment", [False, True])
def test_cutout_sets_one_square_of_every_image_to_the_mean(digits: ImageDataset, augment: bool) -> None:
    network = Recorder()
    trained(digits, network, batch_size=1442, cutout=3, augment=augment)
    (images,) = network.images
    rows = (images[:, 0] == 0).any(dim=2)
    columns = (images[:, 0] == 0).any(dim=1)
    # The square may reach beyond the border, but its centre does not.
    assert set(rows.sum(dim=1).tolist()) == {2, 3}
    assert set(columns.sum(dim=1).tolist()) == {2, 3}
    assert torch.equal(images[:, 0] == 0, rows[:, :, None] & columns[:, None, :])


def test_drop_path_probability_rises_linearly_from_zero(digits: ImageDataset) -> None:
    network = Recorder()
    trained(digits, network, epochs=4, batch_size=721, drop_path=0.2)
    assert network.probabilities == pytest.approx([0, 0, 0.05, 0.05, 0.1, 0.1, 0.15, 0.15])


@pytest.mark.parametrize("schedule", ["cosine-step", "cosine-epoch", "exponential"])
def test_learning_rates_are_those_of_torch(schedule: str) -> None:
    settings = TrainingSettings(epochs=5, learning_rate=0.3, learning_rate_end=0.02, schedule=schedule, decay=0.8)
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(()))], lr=0.3)
    per_epoch = 4
    if schedule == "exponential":
        theirs: Any = torch.optim.lr_scheduler.ExponentialLR(optimiser, 0.8)
    else:
        count = 20 if schedule == "cosine-step" else 5
        theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, count, eta_min=0.02)
    for step in range(20):
        assert learning_rate(settings, step, per_epoch) == pytest.approx(theirs.get_last_lr()[0], rel=1e-9)
        optimiser.step()
        if schedule == "cosine-step" or step % per_epoch == per_epoch - 1:
            theirs.step()


@pytest.mark.parametrize(("precision", "dtype"), [("bfloat16", torch.bfloat16), ("float16", torch.float16)])
def test_half_precision_computes_in_it_and_learns_as_well(
    digits: ImageDataset, precision: str, dtype: torch.dtype
) -> None:
    errors, seen = [], []
    for chosen in ("float32", precision):
        network = Recorder()
        settings = TrainingSettings(
            **PLAIN | {"epochs": 8, "batch_size": 103, "learning_rate": 0.05, "precision": chosen}
        )
        errors.append(train_standalone(lambda: network, digits, settings=settings, seed=0).test_error_percent)  # noqa: B023
        seen.append(set(network.dtypes))
        assert {parameter.dtype for parameter in network.parameters()} == {torch.float32}
    assert seen == [{torch.float32}, {dtype}]
    assert errors[1] == pytest.approx(errors[0], abs=1.5)


def darts(digits: ImageDataset) -> nn.Module:
    space = find_space("darts-cnn")
    assert isinstance(space, CellSpace)
    return space.network(space.parse("DARTS_V2"), classes=10, in_channels=1, channels=2, cells=3, auxiliary=True)


def test_training_stopped_at_any_step_goes_on_bit_for_bit(digits: ImageDataset, tmp_path: Path) -> None:
    settings = TrainingSettings(
        epochs=3, batch_size=360, learning_rate=0.05, cutout=2, drop_path=0.5, auxiliary_weight=0.4, gradient_clip=5,
        accumulation=2,
    )  # fmt: skip
    whole: list[nn.Module] = []
    losses: list[float] = []
    expected = train_standalone(
        lambda: whole.append(darts(digits)) or whole[-1], digits, settings=settings, seed=1,
        progress=lambda epoch, epochs, loss: losses.append(loss),
    )  # fmt: skip
    checkpoint, again = tmp_path / "training.pt", [0.0] * 3
    for _ in range(12):
        steps = 0

        def third_step() -> bool:
            nonlocal steps
            steps += 1
            return steps > 3  # after three of the twelve steps

        parts: list[nn.Module] = []

        def record(epoch: int, epochs: int, loss: float) -> None:
            again[epoch - 1] = loss

        torch.manual_seed(steps)  # what other work draws is of no account
        try:
            found = train_standalone(
                lambda: parts.append(darts(digits)) or parts[-1], digits, settings=settings, seed=1,  # noqa: B023
                checkpoint=checkpoint, should_stop=third_step, progress=record,
            )  # fmt: skip
            break
        except InterruptedSearchError:
            assert checkpoint.exists()
    assert losses == again
    assert found.test_error_percent == expected.test_error_percent
    for name, value in whole[0].state_dict().items():
        assert torch.equal(value, parts[-1].state_dict()[name]), name


def test_recipes_are_those_of_the_papers() -> None:
    assert list_recipes() == sorted(
        f"{name}{size}" for name in ("nats-bench", "darts-cifar", "darts-imagenet") for size in ("", "-small")
    )
    assert load_recipe("nats-bench").training == TrainingSettings()
    cifar, imagenet = load_recipe("darts-cifar"), load_recipe("darts-imagenet")
    assert (cifar.network, imagenet.network) == (
        {"channels": 36, "cells": 20}, {"channels": 48, "cells": 14, "imagenet": 1},
    )  # fmt: skip
    assert learning_rate(cifar.training, 300 * 520, 520) == pytest.approx(0.0125)
    assert learning_rate(imagenet.training, 249, 1) == pytest.approx(0.1 * 0.97**249)
    published = {"batch_size": 96, "weight_decay": 3e-4, "gradient_clip": 5, "cutout": 16, "drop_path": 0.2}
    assert cifar.training.model_dump(include=set(published)) == published
    assert (imagenet.training.weight_decay, imagenet.training.label_smoothing) == (3e-5, 0.1)
    assert cifar.training.auxiliary_weight == imagenet.training.auxiliary_weight == 0.4


def test_a_recipe_says_all_that_decides_the_result() -> None:
    space = find_space("darts-cnn")
    assert isinstance(space, CellSpace)
    adjusted = load_recipe("darts-cifar").adjusted(space, {"epochs": 3, "channels": 8})
    assert (adjusted.training.epochs, adjusted.network["channels"], adjusted.network["cells"]) == (3, 8, 20)
    for part in ("recipe darts-cifar", "epochs=3", "batch_size=96", "drop_path=0.2", "channels=8", "cells=20"):
        assert part in adjusted.provenance


@pytest.mark.parametrize(
    ("space", "recipe", "overrides", "message"),
    [
        ("darts-cnn", "darts-cifar", {"epoch": 3}, "did you mean epochs"),
        ("darts-cnn", "darts-cifar", {"channels": 0}, "channels=0 is refused"),
        ("darts-cnn", "darts-cifar", {"precision": "float8"}, "precision='float8' is refused"),
        ("topology", "nats-bench", {"auxiliary_weight": 0.4}, "no auxiliary head"),
        ("topology", "darts-cifar", {}, "cells_per_stage"),
    ],
)
def test_settings_that_do_not_fit_are_refused(space: str, recipe: str, overrides: dict[str, Any], message: str) -> None:
    found = find_space(space)
    assert isinstance(found, CellSpace)
    with pytest.raises(InputError, match=message):
        load_recipe(recipe).adjusted(found, overrides)


def test_batch_that_the_accumulation_does_not_divide_is_refused(digits: ImageDataset) -> None:
    with pytest.raises(InputError, match="cannot be split into 3 equal parts"):
        trained(digits, Recorder(), batch_size=64, accumulation=3)

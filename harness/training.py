"""Training one network from nothing, the way that NATS-Bench trained every architecture of its tables."""

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional as F

from harness.data import ImageDataset, ordered_batches
from spaces.space import Batch

Progress = Callable[[int, int, float], None]


class TrainingSettings(BaseModel):
    """The recipe; the defaults are NATS-Bench's (Dong et al., 2021, Section 3.3): 200 epochs on CIFAR-10."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=200, ge=1)  # passes over the training split; NATS-Bench tabulates 12 and 200
    batch_size: int = Field(default=256, ge=1)
    learning_rate: float = Field(default=0.1, gt=0)  # at the start; follows a half cosine to zero, step by step
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = True
    weight_decay: float = Field(default=5e-4, ge=0)
    augment: bool = True  # the data set's own augmentation: pad-crop, and flip where it is safe


@dataclass(frozen=True)
class TrainingResult:
    """How a trained network does."""

    test_error_percent: float  # wrong of the whole test split
    train_error_percent: float  # wrong of the examples trained on, without augmentation, after the last step
    seconds: float  # wall-clock time of training, without building, loading and evaluating
    epochs: int
    seed: int


def train_standalone(
    build: Callable[[], nn.Module],
    dataset: ImageDataset,
    *,
    settings: TrainingSettings,
    seed: int,
    device: torch.device | str | None = None,
    train_indices: Tensor | None = None,
    progress: Progress | None = None,
) -> TrainingResult:
    """Builds a network, trains it on the training split and counts its errors on both splits.

    The network maps images (N, C, H, W) to logits (N, classes). `build` is called with torch's global generator
    seeded, so that the seed fixes the weights as well as the batches; the same seed, device and number of threads
    give the same result, and the caller's generators are left as they were. `device` is the data set's by default
    and must be where its images are. `train_indices` restricts training to a part of the training split. After
    every epoch `progress(epochs done, epochs, mean training loss)` is called.

    Raises InputError when the batch size exceeds the number of training examples, and TestDataInSearchError inside
    `search_phase()`, before any training.
    """
    place = dataset.device if device is None else torch.device(device)
    if place.type != dataset.device.type:
        raise ValueError(f"the data set is on {dataset.device}, not on {place}: load it there")
    test_images, test_labels = dataset.test()
    stream = dataset.stream(
        batch_size=settings.batch_size,
        generator=torch.Generator().manual_seed(seed),
        augment=dataset.augmentation if settings.augment else None,
        indices=train_indices,
    )
    with _own_generators(dataset.device), _deterministic_kernels():
        torch.manual_seed(seed)
        network = build().to(dataset.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = torch.optim.SGD(
            network.parameters(),
            lr=settings.learning_rate,
            momentum=settings.momentum,
            nesterov=settings.nesterov and settings.momentum > 0,
            weight_decay=settings.weight_decay,
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            optimizer, T_max=settings.epochs * stream.batches_per_epoch
        )
        _wait(dataset.device)
        began = time.perf_counter()
        for epoch in range(1, settings.epochs + 1):
            total = torch.zeros((), device=dataset.device)
            network.train()
            for _ in range(stream.batches_per_epoch):
                batch = stream.next()
                loss = F.cross_entropy(network(batch.inputs), batch.targets)
                optimizer.zero_grad(set_to_none=True)
                loss.backward()
                optimizer.step()
                schedule.step()
                total += loss.detach()
            if progress is not None:
                progress(epoch, settings.epochs, float(total) / stream.batches_per_epoch)
        _wait(dataset.device)
        seconds = time.perf_counter() - began
        size = max(settings.batch_size, 256)

        def evaluate(images: Tensor, labels: Tensor, indices: Tensor | None = None) -> float:
            batches = ordered_batches(
                images, labels, batch_size=size, mean=dataset.mean, std=dataset.std, indices=indices
            )
            return error_percent(network, batches)

        return TrainingResult(
            test_error_percent=evaluate(test_images, test_labels),
            train_error_percent=evaluate(dataset.train_images, dataset.train_labels, train_indices),
            seconds=seconds,
            epochs=settings.epochs,
            seed=seed,
        )


@torch.no_grad()
def error_percent(network: nn.Module, batches: Iterable[Batch]) -> float:
    """Wrongly classified examples of all the batches, in percent, with the network in evaluation mode."""
    network.eval()
    wrong, count = 0, 0
    for batch in batches:
        wrong += int((network(batch.inputs).argmax(dim=1) != batch.targets).sum())
        count += len(batch.targets)
    if not count:
        raise ValueError("no examples to evaluate on")
    return 100 * wrong / count


def _own_generators(device: torch.device) -> AbstractContextManager[None]:
    """Within it, seeding and drawing leave no trace in the generators outside."""
    if device.type == "cpu":
        return torch.random.fork_rng(devices=[])
    return torch.random.fork_rng(devices=[device], device_type=device.type)


def _deterministic_kernels() -> AbstractContextManager[None]:
    """Within it, convolutions on a GPU choose algorithms that repeat bit for bit."""
    if not torch.backends.cudnn.is_available():
        return nullcontext()
    return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)


def _wait(device: torch.device) -> None:
    """Lets queued work finish, so that the clock measures it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


__all__ = ["TrainingResult", "TrainingSettings", "error_percent", "train_standalone"]

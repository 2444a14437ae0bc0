"""Training one network from nothing: the loop that every recipe shares, resumable at any step.

Several processes (see `harness.distributed`) train one network together: each takes its share of every global batch, so
that two processes compute what one does with the whole batch.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from harness.checkpoint import load_checkpoint, save_checkpoint
from harness.data import Augmentation, BatchStream, ImageDataset, ordered_batches
from harness.distributed import ALONE, Group
from harness.repeatable import deterministic_kernels, own_generators, seed_generators
from harness.search import CHECKPOINT_SECONDS, InterruptedSearchError
from harness.training_settings import TrainingSettings, learning_rate
from spaces.errors import InputError
from spaces.space import Batch

Progress = Callable[[int, int, float], None]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


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
    train_indices: Tensor | None = None,
    progress: Progress | None = None,
    checkpoint: Path | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
    should_stop: Callable[[], bool] = lambda: False,
    group: Group = ALONE,
) -> TrainingResult:
    """Builds a network, trains it on the training split and counts its errors on both splits.

    The network maps images (N, C, H, W) to logits (N, classes), or in training, with an auxiliary head, to two of
    them; the probability of dropping a path is set as its attribute `drop_path_probability`. `build` is called with
    torch's global generator seeded, so that the seed fixes the weights as well as the batches; the same seed, device
    and number of threads give the same result, and the caller's generators are left as they were. The device is the
    data set's. `train_indices` restricts training to a part of the training split. After every epoch
    `progress(epochs done, epochs, mean training loss)` is called.

    With a `checkpoint` path the training goes on from what is saved there, bit for bit, and saves its state every
    `checkpoint_seconds` and at the end; the caller removes the file when it has recorded the result. Raises
    InterruptedSearchError, its state saved, when `should_stop` says so; InputError for a batch that does not fit the
    training examples, the accumulation or the processes; and TestDataInSearchError inside `search_phase()`, before
    any training.
    """
    test_images, test_labels = dataset.test()
    check_batch(settings, examples=len(dataset.train_images if train_indices is None else train_indices), group=group)
    stream = dataset.stream(
        batch_size=settings.batch_size,
        generator=torch.Generator().manual_seed(seed),
        augment=replace(dataset.augmentation if settings.augment else Augmentation(), cutout=settings.cutout),
        indices=train_indices,
    )
    with own_generators(dataset.device), deterministic_kernels():
        torch.manual_seed(seed)
        network = build().to(dataset.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        seconds = _train(
            network, stream, dataset.device, settings=settings, seed=seed, progress=progress, checkpoint=checkpoint,
            checkpoint_seconds=checkpoint_seconds, should_stop=should_stop, group=group,
        )  # fmt: skip

        def evaluate(images: Tensor, labels: Tensor, indices: Tensor | None = None) -> float:
            batches = ordered_batches(
                images, labels, batch_size=max(settings.batch_size, 256), mean=dataset.mean, std=dataset.std,
                indices=indices,
            )  # fmt: skip
            return error_percent(network, batches, group=group)

        result = TrainingResult(
            test_error_percent=evaluate(test_images, test_labels),
            train_error_percent=evaluate(dataset.train_images, dataset.train_labels, train_indices),
            seconds=seconds,
            epochs=settings.epochs,
            seed=seed,
        )
    return result


def _train(
    network: nn.Module,
    stream: BatchStream,
    device: torch.device,
    *,
    settings: TrainingSettings,
    seed: int,
    progress: Progress | None,
    checkpoint: Path | None,
    checkpoint_seconds: float,
    should_stop: Callable[[], bool],
    group: Group,
) -> float:
    """Train the network in place; returns the seconds that it took, those before an interruption included."""
    wrapped = group.wrap(network)
    optimiser = torch.optim.SGD(
        network.parameters(), lr=settings.learning_rate, momentum=settings.momentum,
        nesterov=settings.nesterov and settings.momentum > 0, weight_decay=settings.weight_decay,
    )  # fmt: skip
    scaler = torch.amp.GradScaler(device.type, enabled=settings.precision == "float16")
    step, total, before = 0, torch.zeros((), device=device), 0.0
    if checkpoint is not None and (state := load_checkpoint(checkpoint)) is not None:
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        scaler.load_state_dict(state["scaler"])
        stream.load_state_dict(state["stream"])
        step, total, before = state["step"], state["total"].to(device), state["seconds"]
    per_epoch = stream.batches_per_epoch
    _wait(device)
    began = saved = time.perf_counter()

    def save() -> None:
        _wait(device)
        state = {
            "network": network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "scaler": scaler.state_dict(),
            "stream": stream.state_dict(),
            "step": step,
            "total": total,
            "seconds": before + time.perf_counter() - began,
        }
        if checkpoint is not None and group.first:
            save_checkpoint(checkpoint, state)

    network.train()
    while step < settings.epochs * per_epoch:
        if group.any(should_stop()):
            save()
            raise InterruptedSearchError
        for parameters in optimiser.param_groups:
            parameters["lr"] = learning_rate(settings, step, per_epoch)
        if settings.drop_path:
            probability = settings.drop_path * (step // per_epoch) / settings.epochs
            network.drop_path_probability = probability  # type: ignore[assignment]
        seed_generators(seed, step, group.rank)  # of dropped paths: a resumed step draws what it would have drawn
        total += _step(wrapped, optimiser, scaler, group.share(stream.next()), settings)
        step += 1
        if step % per_epoch == 0:
            if progress is not None:
                progress(step // per_epoch, settings.epochs, group.mean(total) / per_epoch)
            total = torch.zeros((), device=device)
        if checkpoint is not None and group.any(time.perf_counter() - saved >= checkpoint_seconds):
            save()
            saved = time.perf_counter()
    _wait(device)
    seconds = before + time.perf_counter() - began
    save()  # lest a kill before the result is recorded cost the whole training
    return seconds


def _step(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    scaler: torch.amp.GradScaler,
    batch: Batch,
    settings: TrainingSettings,
) -> Tensor:
    """One step on the batch, which may go through the network in parts; the mean loss."""
    optimiser.zero_grad(set_to_none=True)
    total = torch.zeros((), device=batch.inputs.device)
    parts = zip(batch.inputs.chunk(settings.accumulation), batch.targets.chunk(settings.accumulation), strict=True)
    for images, labels in parts:
        with torch.autocast(
            images.device.type, DTYPES[settings.precision], enabled=settings.precision != "float32", cache_enabled=True
        ):
            loss = _loss(network(images), labels, settings) * (len(labels) / len(batch.targets))
        scaler.scale(loss).backward()
        total += loss.detach()
    if settings.gradient_clip:
        scaler.unscale_(optimiser)
        nn.utils.clip_grad_norm_(network.parameters(), settings.gradient_clip)
    scaler.step(optimiser)
    scaler.update()
    return total


def _loss(outputs: Any, labels: Tensor, settings: TrainingSettings) -> Tensor:
    """Cross entropy with label smoothing, and with its weight that of the auxiliary head (DARTS, Appendix A.2)."""
    logits, *auxiliary = outputs if isinstance(outputs, tuple) else (outputs,)
    loss = F.cross_entropy(logits, labels, label_smoothing=settings.label_smoothing)
    for other in auxiliary:
        loss = loss + settings.auxiliary_weight * F.cross_entropy(
            other, labels, label_smoothing=settings.label_smoothing
        )
    return loss


def check_batch(settings: TrainingSettings, *, examples: int, group: Group) -> None:
    """Raises InputError where a batch does not fit the training examples, the accumulation or the processes."""
    if settings.batch_size > examples:
        raise InputError(
            f"batch size {settings.batch_size} does not fit {examples} training examples: choose 1-{examples}"
        )
    parts = group.size * settings.accumulation
    if settings.batch_size % parts:
        raise InputError(
            f"a batch of {settings.batch_size} cannot be split into {parts} equal parts ({group.size} processes, "
            f"accumulation {settings.accumulation}): choose a batch size that {parts} divides"
        )


@torch.no_grad()
def error_percent(network: nn.Module, batches: Iterable[Batch], *, group: Group = ALONE) -> float:
    """Wrongly classified examples of all the batches, in percent, with the network in evaluation mode.

    Several processes take turns with the batches, so the number is that of one process. Raises ValueError where there
    are no examples.
    """
    network.eval()
    wrong, count = torch.zeros((), dtype=torch.int64), 0
    for place, batch in enumerate(batches):
        count += len(batch.targets)
        if place % group.size == group.rank:
            wrong = wrong.to(batch.targets.device) + (network(batch.inputs).argmax(dim=1) != batch.targets).sum()
    if not count:
        raise ValueError("no examples to evaluate on")
    return 100 * int(group.total(wrong.cpu())) / count


def _wait(device: torch.device) -> None:
    """Lets queued work finish, so that the clock measures it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


__all__ = ["TrainingResult", "check_batch", "error_percent", "train_standalone"]

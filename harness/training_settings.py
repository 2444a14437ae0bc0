"""What a recipe sets of a training: the loop's settings with the papers' values, and the learning rate of a step."""

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class TrainingSettings(BaseModel):
    """The recipe; the defaults are NATS-Bench's (Dong et al., 2021, Section 3.3): 200 epochs on CIFAR-10."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: int = Field(default=200, ge=1)  # passes over the training split; NATS-Bench tabulates 12 and 200
    batch_size: int = Field(default=256, ge=1)  # images a step, of all processes together
    learning_rate: float = Field(default=0.1, gt=0)  # at the start
    learning_rate_end: float = Field(default=0.0, ge=0)  # of the cosine
    schedule: Literal["cosine-step", "cosine-epoch", "exponential"] = "cosine-step"
    decay: float = Field(default=0.97, gt=0, le=1)  # an epoch, of the exponential schedule; DARTS on ImageNet
    momentum: float = Field(default=0.9, ge=0, lt=1)
    nesterov: bool = True
    weight_decay: float = Field(default=5e-4, ge=0)
    gradient_clip: float = Field(default=0.0, ge=0)  # norm of the gradient, 0: not clipped; DARTS: 5
    augment: bool = True  # the data set's own augmentation: pad-crop, and flip where it is safe
    cutout: int = Field(default=0, ge=0)  # side of the square, pixels; DARTS on CIFAR: 16
    drop_path: float = Field(default=0.0, ge=0, lt=1)  # rises from 0 to this over the epochs; DARTS on CIFAR: 0.2
    auxiliary_weight: float = Field(default=0.0, ge=0)  # 0: no auxiliary head; DARTS: 0.4
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)  # DARTS on ImageNet: 0.1
    precision: Literal["float32", "bfloat16", "float16"] = "float32"  # of the forward pass; weights stay float32
    accumulation: int = Field(default=1, ge=1)  # parts that a batch goes through the network in, one after the other


def learning_rate(settings: TrainingSettings, step: int, steps_per_epoch: int) -> float:
    """The learning rate of a step, counted from 0."""
    epoch = step // steps_per_epoch
    if settings.schedule == "exponential":
        return settings.learning_rate * settings.decay**epoch
    steps = settings.epochs * steps_per_epoch
    share = step / steps if settings.schedule == "cosine-step" else epoch / settings.epochs
    start, end = settings.learning_rate, settings.learning_rate_end
    return end + 0.5 * (start - end) * (1 + math.cos(math.pi * share))


__all__ = ["TrainingSettings", "learning_rate"]

"""Searches by weight sharing on supernets of a few channels and random images."""

from typing import Any

import torch

from methods import Task, find_method
from spaces.registry import find_space
from spaces.space import Batch, Space

SMALL = {"channels": 2, "cells": 3, "nodes": 2}
SIZES = {"topology": {"channels": 4, "cells_per_stage": 1}, "darts-cnn": SMALL, "agd": SMALL}
SHORT = {
    "steps": 5, "samples": 4, "judging_batches": 2,
    "controller_interval": 3, "controller_steps": 2, "controller_samples": 3,
}  # fmt: skip


class Images:
    """Random images with random labels; the position is the generator's state."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def next(self) -> Batch:
        images = torch.randn(6, 3, 8, 8, generator=self.generator)
        return Batch(images, torch.randint(5, (6,), generator=self.generator))

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.generator.set_state(state["generator"])


def start(name: str | type, space: str | Space = "topology", *, seed: int = 0, **settings: Any) -> Any:
    """The method, started on batches of Images(1) for training and of Images(2) for validation."""
    method: Any = find_method(name).implementation() if isinstance(name, str) else name()
    space = find_space(space) if isinstance(space, str) else space
    chosen = {key: value for key, value in SHORT.items() if key in method.Settings.model_fields} | settings
    method.start(
        Task(
            space=space, settings=method.Settings(**chosen), seed=seed, device=torch.device("cpu"),
            space_settings=SIZES[space.name], classes=5, in_channels=3, train=Images(1), validation=Images(2),
        )
    )  # fmt: skip
    return method


def run(method: Any) -> list[dict[str, float]]:
    """The metrics of all remaining steps."""
    metrics = []
    while method.progress < 1:
        metrics.append(dict(method.step()))
    return metrics

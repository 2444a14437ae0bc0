"""What makes a search of a method short without leaving out any of what it does."""

from typing import Any

from methods import find_method

STEPS = 12
SETTINGS: dict[str, Any] = {  # of the methods that know them
    "alpha_learning_rate": 0.05,
    "batch_size": 16,
    "samples": 4,
    "judging_batches": 2,
    "controller_interval": 6,
    "controller_steps": 2,
    "controller_samples": 3,
    "warmup_steps": 2,
    "epoch_steps": 3,
    "channel_share": 2,
    "tuning_steps": 1,
    "perturbation_batches": 1,
    "stage_cells": (1, 2),
    "stage_operations": (8, 3),
    "stage_skip_dropout": (0.3, 0.7),
}


def short_settings(name: str, **wanted: Any) -> dict[str, Any]:
    """Settings of the method for a search of a few steps, those wanted first."""
    known = {field.alias or key for key, field in find_method(name).implementation.Settings.model_fields.items()}
    values = SETTINGS | {"steps": STEPS // 2 if "tuning_steps" in known else STEPS} | wanted
    return {key: value for key, value in values.items() if key in known}

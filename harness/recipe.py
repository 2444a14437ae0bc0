"""Recipes of stand-alone training: the papers' settings of the training and of the network, by name."""

from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from harness.training_settings import TrainingSettings
from spaces.errors import InputError, unknown
from spaces.space import CellSpace

FOLDER = Path(__file__).parent / "recipes"


class Recipe(BaseModel):
    """How a network is built and trained; settings that are not named have the space's values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    training: TrainingSettings
    network: dict[str, int] = {}

    @property
    def provenance(self) -> str:
        """The recipe's name and every setting that decides the result, as records keep them."""
        training = self.training.model_dump(exclude_defaults=True) | {"batch_size": self.training.batch_size}
        parts = [f"{name}={value}" for settings in (training, self.network) for name, value in settings.items()]
        return f"recipe {self.name}: {', '.join(parts)}"

    def adjusted(self, space: CellSpace, overrides: dict[str, Any]) -> "Recipe":
        """The recipe for a space with other values of some settings; raises InputError for unknown ones."""
        known = {*TrainingSettings.model_fields, *space.network_settings}
        for name in (*overrides, *self.network):
            if name not in known:
                raise unknown(f"training setting of space {space.name}", name, known)
        network = {**space.network_settings, **self.network}
        network |= {name: value for name, value in overrides.items() if name in network}
        training = {name: value for name, value in overrides.items() if name not in network}
        try:
            adjusted = Recipe(name=self.name, training={**self.training.model_dump(), **training}, network=network)  # type: ignore[arg-type]
        except ValidationError as error:
            first = error.errors()[0]
            raise InputError(f"{first['loc'][-1]}={first['input']!r} is refused: {first['msg']}") from None
        for name, value in adjusted.network.items():
            if value < min(1, space.network_settings[name]):
                raise InputError(f"{name}={value} is refused: a network needs at least 1")
        if adjusted.training.auxiliary_weight and not space.auxiliary_head:
            raise InputError(f"networks of space '{space.name}' have no auxiliary head: use auxiliary_weight=0")
        return adjusted


def list_recipes() -> list[str]:
    """The names of all recipes."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load_recipe(name: str) -> Recipe:
    """The recipe of that name; raises InputError offering the nearest names."""
    if name not in list_recipes():
        raise unknown("recipe", name, list_recipes())
    return Recipe(name=name, **yaml.safe_load((FOLDER / f"{name}.yaml").read_text()))


__all__ = ["Recipe", "list_recipes", "load_recipe"]

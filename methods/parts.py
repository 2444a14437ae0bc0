"""The five independent choices that make a differentiable method."""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import create_model

from methods.discretisation import Argmax, Discretisation
from methods.method import SettingsModel
from methods.part import Part
from methods.regulariser import Regulariser
from methods.relaxation import Relaxation
from methods.schedule import Schedule
from methods.update_rule import UpdateRule
from spaces.space import Space


class SearchSettings(SettingsModel):
    """Settings that every differentiable method has."""

    batch_size: int = 64  # RARTS, Section IV-A


@dataclass(frozen=True)
class Parts:
    """Relaxation x update rule x regularisers x schedule x discretisation."""

    relaxation: type[Relaxation]
    update_rule: type[UpdateRule]
    regularisers: tuple[type[Regulariser], ...] = ()
    schedule: type[Schedule] = Schedule
    discretisation: type[Discretisation] = Argmax
    defaults: Mapping[str, Any] = field(default_factory=dict)  # where the method's paper departs from the parts' own

    def __iter__(self) -> Iterator[type[Part]]:
        """Every part."""
        yield from (self.relaxation, self.update_rule, *self.regularisers, self.schedule, self.discretisation)

    @property
    def dense(self) -> bool:
        """Whether every pass runs all operations from the first step of a search to the last."""
        return self.relaxation.dense and not self.schedule.drops_operations and not self.discretisation.selects

    def misfits(self) -> list[str]:
        """Why the parts make no sense together; empty where they do."""
        return [reason for part in self if (reason := part.misfit(self))]

    def misplaced(self, space: Space) -> str:
        """Why the parts make no sense on the space; empty where they do."""
        reasons = [reason for part in self if (reason := part.misplaced(space))]
        if space.keeps_support and not (self.relaxation.exact_zeros or self.discretisation.exact_zeros):
            reasons.append(
                "it keeps every operation whose weight is not exactly zero, and this method's never are: use a method "
                "with linear weights there, such as sparsenas, or space darts-cnn"
            )
        if space.needs_softmax and (self.relaxation.gates or self.relaxation.exact_zeros):
            reasons.append(
                "its definition has a softmax over every row of alpha, and this method has none: use a method that has "
                "one, such as rarts, or space darts-cnn"
            )
        return next(iter(reasons), "")

    def settings_model(self, name: str) -> type[SettingsModel]:
        """The union of the parts' settings, with the method's own defaults."""
        bases: list[type[SettingsModel]] = [SearchSettings]
        for part in self:
            model = part.Settings
            if not any(issubclass(base, model) for base in bases):
                bases = [*(base for base in bases if not issubclass(model, base)), model]
        union = create_model(f"{name} settings", __base__=tuple(bases))
        return create_model(f"{name} settings", __base__=union, **self._defaults(union))

    def _defaults(self, model: type[SettingsModel]) -> dict[str, Any]:
        fields = {}
        for name, value in self.defaults.items():
            changed = copy.copy(model.model_fields[name])
            changed.default = value
            fields[name] = (changed.annotation, changed)
        return fields

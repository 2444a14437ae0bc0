"""An ablation: which runs say what each choice of a method is worth.

A base, levels for each of some choices, and all combinations of levels (crossed) or one choice changed at a time. A
choice is a setting, `method`, or a kind of part of a differentiable method, such as `relaxation`. Every run is an
ordinary one, so that whatever the store holds is not run again.
"""

import contextlib
import itertools
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from harness.experiment import Experiment, RunSpec
from harness.experiment_file import make_kind, read_experiment
from harness.sensitivity import parse_factor
from methods.composition import SEPARATOR, composed_name, part_of
from methods.named_parts import KINDS
from reports.ablation import Combination
from spaces.errors import InputError, unknown

Levels = dict[str, Any]  # choice -> level
FILES = (".yaml", ".yml")


class Ablation(Experiment):
    """One method on one data set, and the levels of the choices that are made differently."""

    choices: dict[str, tuple[Any, ...]] = Field(default={})
    design: Literal["crossed", "one-at-a-time"] = "crossed"

    @property
    def base(self) -> str:
        """The name of the base method."""
        return next(iter(self.methods))

    def runs(self, *, table: str, latency: str = "") -> list[RunSpec]:
        """All runs, combination by combination; raises InputError where one of them cannot be run."""
        return [spec for _, specs in self.run_lists(table=table, latency=latency) for spec in specs]

    def run_lists(self, *, table: str, latency: str = "") -> list[tuple[Levels, list[RunSpec]]]:
        """The levels and runs of every combination, that of the reference levels first.

        Raises InputError for a combination that cannot be run, and for two that are the same runs.
        """
        self._check_choices()
        seen: dict[str, Levels] = {}
        found = []
        for levels, changed in self._combinations(self.with_references_first(table=table, latency=latency).choices):
            specs = self._runs_at(levels, changed=changed, table=table, latency=latency)
            other = seen.setdefault(specs[0].id, levels)
            if other is not levels:
                raise InputError(
                    f"{levels_text(other)} and {levels_text(levels)} are the same run: leave out one level"
                )
            found.append((levels, specs))
        known = {key for _, specs in found for key in specs[0].all_settings}
        if ignored := self._shared.keys() - known:
            raise unknown("setting", min(ignored), known)
        return found

    def with_references_first(self, *, table: str, latency: str = "") -> "Ablation":
        """The same ablation, every choice beginning with what the base has where that is one of its levels."""
        one_seed = self.model_copy(update={"seeds": self.seeds[:1]})
        base = one_seed._runs_at({}, changed=(), table=table, latency=latency)

        def other_than_base(choice: str, level: Any) -> bool:
            try:
                return one_seed._runs_at({choice: level}, changed=(choice,), table=table, latency=latency) != base
            except InputError:  # told where the combination as a whole is refused
                return True

        ordered = {
            choice: tuple(sorted(levels, key=partial(other_than_base, choice)))
            for choice, levels in self.choices.items()
        }
        return self.model_copy(update={"choices": ordered})

    def _check_choices(self) -> None:
        known = {"method", *KINDS}
        for levels, _ in self._combinations(self.choices):
            with contextlib.suppress(InputError):  # told where the combination as a whole is refused
                known |= self.settings_of(self._method(levels))
        for choice in self.choices:
            if choice not in known:
                raise unknown("choice", choice, known)

    def _combinations(self, choices: Mapping[str, tuple[Any, ...]]) -> Iterator[tuple[Levels, Collection[str]]]:
        """The levels, and the choices that are made by them: all where the design is crossed, else the one changed."""
        if self.design == "crossed":
            for combination in itertools.product(*choices.values()):
                yield dict(zip(choices, combination, strict=True)), choices.keys()
            return
        references = {choice: levels[0] for choice, levels in choices.items()}
        yield references, choices.keys()
        for choice, levels in choices.items():
            for level in levels[1:]:
                yield references | {choice: level}, (choice,)

    @property
    def _shared(self) -> dict[str, Any]:
        """The settings of all combinations; what the method of one of them does not know is not told to it."""
        return self.settings | self.methods[self.base]

    def _method(self, levels: Levels) -> str:
        base, *own = str(levels.get("method", self.base)).split(SEPARATOR)
        parts = {choice: str(level) for choice, level in levels.items() if choice in KINDS}
        kept = [part for part in own if part_of(part)[0] not in parts]  # levels take the place of what the base names
        return composed_name(SEPARATOR.join([base, *kept]), parts)

    def _runs_at(self, levels: Levels, *, changed: Collection[str], table: str, latency: str) -> list[RunSpec]:
        """The runs at these levels; settings among them that are not changed go to a method only if it knows them."""
        chosen = {choice: level for choice, level in levels.items() if choice not in ("method", *KINDS)}
        try:
            method = self._method(levels)
            known = self.settings_of(method)
            shared = self._shared | {choice: level for choice, level in chosen.items() if choice not in changed}
            one = Experiment(
                space=self.space,
                datasets=self.datasets,
                methods={method: {choice: level for choice, level in chosen.items() if choice in changed}},
                seeds=self.seeds,
                settings={key: value for key, value in shared.items() if key in known},
            )
            return one.runs(table=table, latency=latency)
        except InputError as error:
            if not levels:
                raise
            text = levels_text({choice: level for choice, level in levels.items() if choice in changed})
            if self.design == "crossed" and len(changed) > 1:
                raise InputError(f"the crossed design takes {text}, which cannot be run: {error}") from None
            raise InputError(f"{text} cannot be run: {error}") from None


def plan(ablation: Ablation, *, table: str, latency: str = "") -> tuple[dict[str, tuple[str, ...]], list[Combination]]:
    """The levels of every choice as texts, the reference first, and the runs of every combination.

    `table` and `latency` are as in `Experiment.runs`; raises InputError as `Ablation.run_lists` does.
    """
    choices = ablation.with_references_first(table=table, latency=latency).choices
    combinations = [
        Combination(
            {choice: level_text(level) for choice, level in levels.items()},
            {spec.search_seed: spec.id for spec in specs},
        )
        for levels, specs in ablation.run_lists(table=table, latency=latency)
    ]
    return {choice: tuple(map(level_text, levels)) for choice, levels in choices.items()}, combinations


def read_base(base: str) -> dict[str, Any]:
    """What `make_ablation` takes, from a method's name or an experiment file with `choices` and `design` beside."""
    return read_experiment(Path(base)) if base.endswith(FILES) else {"name": "ablation", "methods": {base: {}}}


def make_ablation(content: dict[str, Any], *, source: str) -> Ablation:
    """Validate an ablation; raises InputError naming the first thing that is wrong."""
    ablation = make_kind(Ablation, content, source=source)
    if len(ablation.methods) != 1 or len(ablation.datasets) != 1:
        raise InputError("an ablation has one base method and one data set: name one of each")
    if ablation.factors:
        raise InputError("an ablation has choices rather than factors: write them under the key choices")
    if not ablation.choices:
        raise InputError("nothing varies: give --choice NAME=LEVEL,LEVEL, e.g. --choice lambda=0.1,1")
    for choice, levels in ablation.choices.items():
        texts = [level_text(level) for level in levels]
        if len(levels) < 2:
            raise InputError(f"choice {choice}={','.join(texts)} has a single level: give at least two to compare")
        if twice := next((text for text in texts if texts.count(text) > 1), None):
            raise InputError(f"choice {choice} names the level {twice} twice: leave one out")
    return ablation


def parse_choices(texts: Iterable[str]) -> dict[str, list[Any]]:
    """The choices of texts such as `beta=0.1,1`; raises InputError for another form and for a choice given twice."""
    choices: dict[str, list[Any]] = {}
    for text in texts:
        choice, levels = parse_factor(text, noun="choice")
        if choice in choices:
            raise InputError(f"choice {choice} is given twice: write all of its levels after one {choice}=")
        choices[choice] = levels
    return choices


def level_text(level: Any) -> str:
    """A level as people write it, exactly: `softmax`, `0.0002`, `true`."""
    return level if isinstance(level, str) else json.dumps(level)


def levels_text(levels: Levels) -> str:
    """Such as `relaxation=softmax, beta=0.1`."""
    return ", ".join(f"{choice}={level_text(level)}" for choice, level in levels.items())


__all__ = ["Ablation", "level_text", "levels_text", "make_ablation", "parse_choices", "plan", "read_base"]

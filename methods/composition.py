"""Methods made of named parts: `rarts+hard-concrete+path-depth` is RARTS with gates and one more regulariser."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

from methods.differentiable import DifferentiableMethod
from methods.named_parts import KINDS, REGULARISERS
from methods.part import Part
from methods.parts import Parts
from methods.registry import NamedMethod, compose, find_registered, list_methods
from spaces.errors import InputError, unknown

SEPARATOR = "+"
OWN_SETTINGS = ("relaxation", "schedule", "discretisation")  # kinds whose settings no other part shares


@cache
def find_method(name: str) -> NamedMethod:
    """The method of that name, or the one composed of a named method and named parts; raises InputError."""
    base, *parts = name.split(SEPARATOR)
    if not parts:
        return find_registered(name)
    made = _composed(base, parts)
    canonical = _name(made)
    if SEPARATOR not in canonical:
        return find_registered(canonical)
    nearest, *others = canonical.split(SEPARATOR)
    paper = find_registered(nearest).paper
    return NamedMethod(canonical, f"{nearest} with {', '.join(others)}", paper, compose(canonical, made))


def composed_name(base: str, parts: Mapping[str, str | Iterable[str]]) -> str:
    """The method's name, from a named method and the names of parts by kind; raises InputError.

    A combination that has a name of its own is called by it.
    """
    names = []
    for kind, wanted in parts.items():
        if kind not in KINDS:
            raise unknown("kind of part", kind, KINDS)
        for name in [wanted] if isinstance(wanted, str) else wanted:
            if name not in KINDS[kind]:
                raise unknown(kind.replace("-", " "), name, KINDS[kind])
            names.append(name)
    return find_method(SEPARATOR.join([base, *names])).name


def part_names(parts: Parts) -> dict[str, list[str]]:
    """The names of the parts by kind; one without a name is called by its class."""
    return {kind: [_name_of(kind, part) for part in found] for kind, found in _by_kind(parts).items()}


def part_of(name: str) -> tuple[str, type[Part]]:
    """(kind, part) of the named part; raises InputError offering the nearest names."""
    for kind, named in KINDS.items():
        if name in named:
            return kind, named[name]
    raise unknown("part", name, (part for named in KINDS.values() for part in named))


def _composed(base: str, names: Iterable[str]) -> Parts:
    named = find_registered(base)
    if not issubclass(named.implementation, DifferentiableMethod):
        raise InputError(f"{base} has no parts to replace: compose differentiable methods such as rarts or darts-1")
    parts = named.implementation.parts
    chosen: dict[str, Any] = {}
    regularisers = list(parts.regularisers)
    for name in names:
        kind, part = part_of(name)
        if kind == "regulariser":
            regularisers += [part] if part not in regularisers else []  # type: ignore[list-item]
        elif kind in chosen:
            first = _name_of(kind, chosen[kind])
            raise InputError(f"'{first}' and '{name}' are both a {kind.replace('-', ' ')}: name one of them")
        else:
            chosen[kind] = part
    order = list(REGULARISERS.values())
    chosen["regularisers"] = tuple(sorted(regularisers, key=lambda part: order.index(part) if part in order else -1))
    made = replace(parts, defaults={}, **{kind.replace("-", "_"): part for kind, part in chosen.items()})
    if reasons := made.misfits():
        raise InputError(f"{SEPARATOR.join([base, *names])} makes no sense: {reasons[0]}")
    known = set(made.settings_model("made").model_fields)
    gone = {
        key
        for kind in OWN_SETTINGS
        if kind in chosen and chosen[kind] is not _by_kind(parts)[kind][0]
        for key in _by_kind(parts)[kind][0].Settings.model_fields
        if kind != "schedule" or key not in chosen[kind].Settings.model_fields
    }
    return replace(made, defaults={key: v for key, v in parts.defaults.items() if key in known - gone})


def _name(made: Parts) -> str:
    """The name of the registered method with exactly these parts, else that of the nearest one and what differs.

    So the same product has the same name, whatever it was made from.
    """
    wanted, candidates = _by_kind(made), []
    for other in list_methods():
        if issubclass(other.implementation, DifferentiableMethod):
            own = _by_kind(other.implementation.parts)
            differing = [
                _name_of(kind, part) for kind, found in wanted.items() for part in found if part not in own[kind]
            ]
            if _is_made_by(other.name, differing, made):
                candidates.append((len(differing), SEPARATOR.join([other.name, *differing])))
    return min(candidates, key=lambda one: one[0])[1]


def _is_made_by(base: str, names: list[str], made: Parts) -> bool:
    try:
        return _composed(base, names) == made
    except InputError:
        return False


def _by_kind(parts: Parts) -> dict[str, list[type[Part]]]:
    return {
        "relaxation": [parts.relaxation],
        "update-rule": [parts.update_rule],
        "regulariser": list(parts.regularisers),
        "schedule": [parts.schedule],
        "discretisation": [parts.discretisation],
    }


def _name_of(kind: str, part: type[Part]) -> str:
    return next((name for name, known in KINDS[kind].items() if known is part), part.__name__)

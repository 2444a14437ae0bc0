"""What a method is made of, in words."""

import inspect
from typing import Any

from methods.composition import find_method, part_names
from methods.differentiable import DifferentiableMethod
from methods.named_parts import KINDS
from methods.part import Part
from methods.registry import NamedMethod

Rows = list[dict[str, Any]]


def explain_method(name: str) -> Rows:
    """One row for each part of the method: kind, name, what it is, its settings; raises InputError."""
    named = find_method(name)
    if not issubclass(named.implementation, DifferentiableMethod):
        return [_row("method", named.name, named.implementation, _settings(named, set()))]
    rows: Rows = []
    every = set(named.implementation.Settings.model_fields)
    explained: set[str] = set()
    parts = named.implementation.parts
    by_name = {part: kind for kind, found in part_names(parts).items() for part in found}
    for (part_name, kind), part in zip(by_name.items(), parts, strict=True):
        own = set(part.Settings.model_fields) - explained
        rows.append(_row(kind, part_name, part, _settings(named, every - own)))
        explained |= own
    rest = _settings(named, explained)
    return [*rows, {"kind": "search", "name": "", "what": "The search as a whole.", "settings": rest}]


def list_parts() -> Rows:
    """One row for each part that has a name."""
    return [
        {"kind": kind, "name": name, "what": _first_line(part)}
        for kind, named in KINDS.items()
        for name, part in named.items()
    ]


def _row(kind: str, name: str, described: type, settings: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "name": name, "what": _first_line(described), "settings": settings}


def _settings(named: NamedMethod, left_out: set[str]) -> dict[str, Any]:
    fields = named.implementation.Settings.model_fields
    return {field.alias or key: field.default for key, field in fields.items() if key not in left_out}


def _first_line(described: type) -> str:
    own = described.__doc__ if issubclass(described, Part) else inspect.getdoc(described)
    return (own or "").splitlines()[0]


__all__ = ["explain_method", "list_parts"]

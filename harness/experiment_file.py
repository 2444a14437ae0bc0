"""Experiments as users write them: YAML files and command lines, validated with one sentence an error."""

from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError

from harness.experiment import Experiment
from methods import composed_name
from methods.named_parts import REGULARISERS
from spaces.errors import InputError, unknown

Kind = TypeVar("Kind", bound=Experiment)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file; raises InputError naming the line that is wrong."""
    try:
        content = yaml.safe_load(path.read_text())
    except FileNotFoundError:
        raise InputError(f"there is no experiment file {path}: give the path of a YAML file") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"{path}, line {line}: not valid YAML ({error.problem}); fix that line") from None
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no mapping: write keys such as methods, datasets and seeds")
    return content


def load_experiment(path: Path) -> Experiment:
    """Read an experiment from a YAML file; raises InputError naming the line or the key that is wrong."""
    return make_experiment(read_experiment(path), source=str(path))


def read_experiment(path: Path) -> dict[str, Any]:
    """What `make_experiment` takes, from a YAML file whose methods are a list or a mapping to their settings.

    The key `reproduces`, which `nas-harness reproduce` reads, says nothing of what is run.
    """
    content = read_yaml(path)
    content.pop("reproduces", None)
    methods = content.get("methods")
    if isinstance(methods, list):
        content["methods"] = {name: {} for name in methods}
    elif isinstance(methods, dict):
        content["methods"] = {name: own or {} for name, own in methods.items()}
    return {"name": path.stem} | content


def make_experiment(content: dict[str, Any], *, source: str) -> Experiment:
    """Validate an experiment; raises InputError naming the first wrong key."""
    return make_kind(Experiment, content, source=source)


PARTS = {  # key of an experiment -> kind of part that takes the place of, or is added to, those of all its methods
    "relaxation": "relaxation",
    "update_rule": "update-rule",
    "regularisers": "regulariser",
    "schedule": "schedule",
    "discretisation": "discretisation",
}


def make_kind(kind: type[Kind], content: dict[str, Any], *, source: str) -> Kind:
    """Validate an experiment of a kind of its own; raises InputError naming the first wrong key.

    Parts may stand beside the keys, for all methods: `relaxation: hard-concrete`, `regularisers: {path-depth: 0.005}`,
    where a number is the penalty's weight.
    """
    content = _with_parts(content)
    known = {*kind.model_fields, *PARTS}
    for key in content:
        if key not in known:
            raise unknown(f"key in {source}", str(key), known)
    try:
        return kind(**content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InputError(f"{source}: {key} is refused: {first['msg']}") from None


def _with_parts(content: dict[str, Any]) -> dict[str, Any]:
    """The experiment with methods by the names that their parts give them."""
    methods = content.get("methods")
    if not isinstance(methods, dict):
        return content
    penalties = content.get("regularisers") or {}
    if not isinstance(penalties, dict):
        penalties = dict.fromkeys(penalties if isinstance(penalties, list) else [penalties])
    wanted: dict[str, Any] = {PARTS[key]: content[key] for key in PARTS if content.get(key)}
    if penalties:
        wanted["regulariser"] = list(penalties)
    named = {composed_name(str(name), wanted): own for name, own in methods.items()}
    if len(named) < len(methods):
        raise InputError(f"{' and '.join(map(str, methods))} are the same method with these parts: leave one out")
    weights = {REGULARISERS[name].weight: value for name, value in penalties.items() if value is not None}
    rest = {key: value for key, value in content.items() if key not in PARTS}
    return rest | {
        "methods": {name: {**weights, **own} if isinstance(own, dict) else own for name, own in named.items()}
    }

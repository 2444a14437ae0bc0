"""Methods by their parts: names, settings, refusals, flags and files."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from harness.experiment_file import make_experiment
from harness.main import app
from methods import DifferentiableMethod, composed_name, find_method, list_methods
from methods.composition import part_names
from methods.named_parts import KINDS
from spaces.errors import InputError

COMPOSED = [method for method in list_methods() if issubclass(method.implementation, DifferentiableMethod)]


def parts(name: str) -> dict[str, list[str]]:
    implementation: Any = find_method(name).implementation
    return part_names(implementation.parts)


def test_no_name_stands_for_two_parts() -> None:
    names = [name for named in KINDS.values() for name in named]
    assert len(names) == len(set(names))
    assert not set(names) & {method.name for method in list_methods()}


@pytest.mark.parametrize("method", COMPOSED, ids=lambda method: method.name)
def test_every_named_method_is_made_of_named_parts_that_fit(method: Any) -> None:
    assert not method.implementation.parts.misfits()
    for kind, names in parts(method.name).items():
        assert all(name in KINDS[kind] for name in names)


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ("darts-1+relaxed", "rarts"),
        ("darts-1+mixed-level", "milenas"),
        ("rarts+softmax", "rarts"),
        ("rarts+path-depth+hard-concrete", "rarts+hard-concrete+path-depth"),
        ("rarts+hard-concrete+path-depth", "rarts+hard-concrete+path-depth"),
        ("gdas+softmax+second-order", "darts-2"),
        ("darts-1+relaxed+sigmoid", "rarts+sigmoid"),
        ("darts-2+gumbel-softmax+mixed-level", "milenas+gumbel-softmax"),
        ("darts-1+gumbel-softmax+single-level", "one-level+gumbel-softmax"),  # not snas, whose temperatures differ
        ("snas+softmax", "one-level"),
    ],
)
def test_a_composition_has_one_name(asked: str, name: str) -> None:
    assert find_method(asked).name == name


def test_parts_take_the_place_of_the_bases_own_and_regularisers_are_added() -> None:
    assert parts("pr-darts+relaxed+zero-one+threshold") == {
        "relaxation": ["hard-concrete"],
        "update-rule": ["relaxed"],
        "regulariser": ["latency", "zero-one", "group-sparsity", "path-depth"],
        "schedule": ["cosine"],
        "discretisation": ["threshold"],
    }


def test_settings_are_those_of_the_parts_with_the_methods_own_defaults() -> None:
    def settings(name: str) -> dict[str, Any]:
        return find_method(name).implementation.Settings().model_dump(by_alias=True)

    assert settings("rarts+hard-concrete").keys() == settings("rarts").keys() | {
        "temperature_start", "temperature_end", "sampled_operations"
    }  # fmt: skip
    assert settings("snas")["temperature_start"] == 1.0
    assert settings("snas+first-order")["temperature_start"] == 1.0
    assert settings("snas+hard-concrete")["temperature_start"] == 10.0  # what SNAS says of its own relaxation is gone
    assert settings("beta-darts+relaxed")["alpha_weight_decay"] == 0.0


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("rarts+softmax+sigmoid", "'softmax' and 'sigmoid' are both a relaxation: name one of them"),
        ("rarts+zero-one", "the zero-one loss needs a probability of its own for every operation"),
        ("darts-1+group-sparsity", "group sparsity needs a probability of its own for every operation"),
        ("darts-1+threshold", "a threshold needs a probability of its own for every operation"),
        ("gdas+beta-decay", "beta decay regularises the softmax's divisor: use it with softmax"),
        ("rarts+dirichlet-anchor", "the Dirichlet anchor is a distance between Dirichlet distributions"),
        ("gdas+perturbation", "perturbation asks what a mixture of all operations loses without one"),
        ("rarts+hapg", "HAPG prunes the weights that operations are multiplied with: use it with linear weights"),
        ("rarts+support", "keeping the support needs weights that can be exactly zero"),
        ("random-search+sigmoid", "random-search has no parts to replace"),
        ("rarts+sigmod", "unknown part 'sigmod': did you mean sigmoid"),
        ("rart+sigmoid", "unknown method 'rart': did you mean rarts"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(asked: str, reason: str) -> None:
    with pytest.raises(InputError) as refused:
        find_method(asked)
    assert reason in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_names_by_kind() -> None:
    assert composed_name("darts-1", {"update-rule": "relaxed", "relaxation": "sigmoid"}) == "rarts+sigmoid"
    with pytest.raises(InputError, match="unknown kind of part 'relaxtion': did you mean relaxation"):
        composed_name("darts-1", {"relaxtion": "sigmoid"})
    with pytest.raises(InputError, match="unknown relaxation 'relaxed'"):
        composed_name("darts-1", {"relaxation": "relaxed"})


def test_keys_of_a_file_compose_all_its_methods() -> None:
    content = {
        "methods": {"rarts": {"beta": 0.3}, "darts-2": {}},
        "relaxation": "hard-concrete",
        "regularisers": {"path-depth": 0.02, "group-sparsity": None},
    }
    experiment = make_experiment(content, source="a test")
    assert experiment.methods == {
        "rarts+hard-concrete+group-sparsity+path-depth": {"path_depth": 0.02, "beta": 0.3},
        "darts-2+hard-concrete+group-sparsity+path-depth": {"path_depth": 0.02},
    }
    with pytest.raises(InputError, match="darts-1 and milenas are the same method with these parts: leave one out"):
        make_experiment({"methods": {"darts-1": {}, "milenas": {}}, "update_rule": "relaxed"}, source="a test")


def test_flags_are_the_same_as_a_name_and_settings(tmp_path: Any) -> None:
    common = ["--dataset", "digits", "--seeds", "0", "--set", "steps=1", "--set", "channels=2",
              "--set", "cells_per_stage=1", "--store", str(tmp_path), "--json"]  # fmt: skip
    flags = ["--method", "rarts", "--relaxation", "hard-concrete", "--regulariser", "path-depth=0.005"]
    named = ["--method", "rarts+hard-concrete+path-depth", "--set", "path_depth=0.005"]
    outcomes = [json.loads(CliRunner().invoke(app, ["run", *part, *common]).stdout)["runs"] for part in (flags, named)]
    assert outcomes[0].keys() == outcomes[1].keys()
    assert [*outcomes[0].values(), *outcomes[1].values()] == ["finished", "skipped"]


def test_explanations_tell_all_five_parts_and_every_setting_once() -> None:
    rows = json.loads(CliRunner().invoke(app, ["methods", "--explain", "pr-darts", "--json"]).stdout)
    assert {row["kind"] for row in rows} == {*KINDS, "search"}
    told = [setting for row in rows for setting in row["settings"]]
    fields = find_method("pr-darts").implementation.Settings.model_fields
    assert sorted(told) == sorted(field.alias or name for name, field in fields.items())

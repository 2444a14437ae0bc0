"""Reproducing a table or figure of a paper: the preset that says what is run, and what the paper claims of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, ValidationError

from harness.experiment import Experiment
from harness.experiment_file import load_experiment, read_yaml
from reports.reproduction import Claim, Group, Measurements, ReproductionReport, judge, published_beside_ours
from results.published_tables import load_published
from spaces.errors import InputError, unknown

PRESETS = Path(__file__).parent / "presets"
FIGURE_1 = "rarts:figure-1"  # see harness.quadratic: the solvable model has no runs in a store


class Target(BaseModel):
    """The block `reproduces` of a preset."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    paper: str
    table: str
    rows: dict[int, Group] = {}  # which of our runs a printed row means, where its method does not tell
    claims: tuple[Claim, ...]


@dataclass(frozen=True)
class Reproduction:
    """A preset and what it is to show."""

    name: str  # such as rarts:table-4
    experiment: Experiment
    target: Target
    scaled_down: tuple[str, ...]  # how the preset differs from the paper's size


def reproductions() -> list[str]:
    """The names that `load_reproduction` knows, such as `rarts:table-4`."""
    files = (path.stem for path in sorted(PRESETS.glob("rarts-*.yaml")) if not path.stem.endswith("-small"))
    return [name.replace("-", ":", 1) for name in files]


def load_reproduction(name: str, *, small: bool) -> Reproduction:
    """The reproduction of that name at the paper's size or scaled down; raises InputError."""
    if name not in reproductions():
        raise unknown("reproduction", name, reproductions())
    full = PRESETS / f"{name.replace(':', '-')}.yaml"
    path = full.with_stem(f"{full.stem}-small") if small else full
    content = read_yaml(full).get("reproduces", {}) | (read_yaml(path).get("reproduces", {}))
    try:
        target = Target(**content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{path}: reproduces.{where} is refused: {first['msg']}") from None
    experiment = load_experiment(path)
    scaled = tuple(_differences(load_experiment(full), experiment)) if small else ()
    return Reproduction(name, experiment, target, scaled)


def report(reproduction: Reproduction, measured: Measurements, *, command: str) -> ReproductionReport:
    """The paper's figures beside ours, and the verdicts."""
    target, experiment = reproduction.target, reproduction.experiment
    published = load_published(target.paper, target.table)
    tested = experiment.training.dataset if experiment.training and experiment.training.dataset else None
    datasets = (tested,) if tested else experiment.datasets
    claims = [(claim, each) for claim in target.claims for each in ((claim.dataset,) if claim.dataset else datasets)]
    return ReproductionReport(
        title=f"{target.paper}, {target.table}",
        figures=published_beside_ours(published, measured, rows=target.rows, datasets=datasets),
        verdicts=tuple((f"{claim.says} ({each})", judge(claim, measured, each)) for claim, each in claims),
        scaled_down=reproduction.scaled_down,
        command=command,
    )


def measurements(experiment: Experiment, runs: pd.DataFrame, evaluations: pd.DataFrame) -> Measurements:
    """The experiment's finished runs among those, whatever table and latencies they were made with."""
    finished = runs[(runs["status"] == "finished") & (runs["space"] == experiment.space)]
    wanted: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for spec in experiment.runs(table="any", latency="any"):
        wanted.setdefault((spec.method, spec.dataset, spec.search_seed), []).append(spec.all_settings)
    first = experiment.model_copy(update={"factors": {}}).runs(table="any", latency="any")[0]
    ours = [
        any(_agree(row["settings"], complete) for complete in wanted.get(_key(row), ()))
        for row in finished.to_dict(orient="records")
    ]
    baseline = {name: first.all_settings[name] for name in experiment.factors}
    return Measurements(
        finished[pd.Series(ours, index=finished.index, dtype=bool)], evaluations, baseline, experiment.datasets
    )


def _key(row: dict[Any, Any]) -> tuple[str, str, int]:
    return row["method"], row["dataset"], int(row["search_seed"])


def _agree(recorded: dict[str, Any], complete: dict[str, Any]) -> bool:
    """Whether a record has these settings; one that is older than a setting has that setting's default."""
    return all(recorded.get(name, value) == value for name, value in complete.items())


def _differences(full: Experiment, small: Experiment) -> Iterator[str]:
    """A line for each setting whose value in the small preset is not the full one's."""
    method = next(name for name in full.methods if name in small.methods)
    before, after = _described(full, method), _described(small, method)
    for key in sorted(before.keys() | after.keys()):
        if key != "name" and before.get(key) != after.get(key):
            yield f"{key}: {_shown(after.get(key))} instead of {_shown(before.get(key))}"


def _described(experiment: Experiment, method: str) -> dict[str, Any]:
    """What is run, and the complete settings of the method's runs."""
    content = experiment.model_dump(mode="json")
    runs = experiment.model_copy(update={"factors": {}}).runs(table="any", latency="any")
    first = next(spec for spec in runs if spec.method == method)
    return _flat(content | {"settings": first.all_settings, "methods": sorted(content["methods"])})


def _flat(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        flat |= _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return flat


def _shown(value: Any) -> str:
    return "none" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


__all__ = ["FIGURE_1", "Reproduction", "Target", "load_reproduction", "measurements", "report", "reproductions"]

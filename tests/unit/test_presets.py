"""The experiments that come with the package can be run, and compare what they say."""

from pathlib import Path

import pytest

import harness
from harness.ablation import make_ablation, read_base
from harness.experiment_file import load_experiment
from methods import find_method, list_methods
from spaces.registry import find_space

PRESETS = Path(harness.__file__).parent / "presets"


@pytest.mark.parametrize("size", ["", "-small"])
def test_every_method_that_can_search_the_topology_space_is_on_its_leaderboard(size: str) -> None:
    experiment = load_experiment(PRESETS / f"topology-all-methods{size}.yaml")
    space = find_space("topology")
    able = {method.name for method in list_methods() if not method.implementation.misplaced(space)}
    assert set(experiment.methods) == able
    assert "p-darts" not in able
    specs = experiment.runs(table="a table")
    assert len({spec.id for spec in specs}) == len(specs) == 3 * len(able)


@pytest.mark.parametrize("size", ["", "-small"])
def test_the_ablation_shares_runs_with_the_leaderboard(size: str) -> None:
    path = PRESETS / f"update-rules-and-relaxations{size}.yaml"
    ablation = make_ablation(read_base(str(path)), source=str(path))
    runs = {spec.id: spec for spec in ablation.runs(table="a table")}
    board = {
        spec.id: spec for spec in load_experiment(PRESETS / f"topology-all-methods{size}.yaml").runs(table="a table")
    }
    assert len(runs) == 3 * 4 * 3
    assert {runs[key].method for key in runs.keys() & board.keys()} == {"darts-1", "milenas", "rarts"}
    assert all(find_method(spec.method) for spec in runs.values())

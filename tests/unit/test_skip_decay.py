"""PR-DARTS' Fig. 2: cells with a share of skips, losses that are averaged, differences paired over seeds."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from harness.data import load_dataset
from harness.main import app
from harness.skip_decay import SHARES, Decay, loss_curves, skipping
from reports.skip_decay import skip_decay_sheet

SMALL = ["--dataset", "digits", "--steps", "11", "--channels", "2", "--cells", "3", "--batch-size", "8"]


@pytest.mark.parametrize("seed", range(5))
def test_skips_replace_convolutions_and_nothing_else_changes(seed: int) -> None:
    cells = [skipping(seed, share) for share in SHARES]
    assert [cell.skip_ratio for cell in cells] == list(SHARES)
    for cell in cells:
        assert set(cell.operations) <= {"sep_conv_3x3", "skip_connect"}
        for edges in (cell.normal, cell.reduce):
            assert [edge.target for edge in edges] == [2, 2, 3, 3, 4, 4, 5, 5]
            assert len({edge[1:] for edge in edges}) == 8  # no edge twice
    for fewer, more in itertools.pairwise(cells):
        for before, after in zip(fewer.normal + fewer.reduce, more.normal + more.reduce, strict=True):
            assert before == after or (after.operation == "skip_connect" and before[1:] == after[1:])


def test_seeds_draw_other_cells() -> None:
    assert len({skipping(seed, 0.375) for seed in range(10)}) == 10


def test_a_curve_is_repeatable_and_falls() -> None:
    dataset, decay = load_dataset("digits"), Decay(steps=45, channels=2, cells=3, batch_size=16, learning_rate=0.1)
    (curve,) = loss_curves(dataset, seeds=[3], decay=decay, shares=[0.625])
    (again,) = loss_curves(dataset, seeds=[3], decay=decay, shares=[0.625])
    assert curve == again
    assert curve.ends[-1] == 45
    assert len(curve.losses) == 40
    weights = np.diff([0, *curve.ends])
    assert np.average(curve.losses, weights=weights) == pytest.approx(curve.mean_loss)
    assert curve.final_loss < curve.losses[0]


def test_the_command_pairs_differences_over_seeds(tmp_path: Path) -> None:
    figure, output = tmp_path / "losses.svg", tmp_path / "records.json"
    result = CliRunner().invoke(
        app, ["skip-decay", *SMALL, "--seeds", "0-2", "--json", "--output", str(output), "--figure", str(figure)]
    )
    assert result.exit_code == 0, result.output
    records = json.loads(output.read_text())["records"]
    assert figure.read_text().startswith("<?xml")
    losses = {share: [r["mean_loss"] for r in records if r["skip_share"] == share] for share in SHARES}
    paired = np.subtract(losses[0.625], losses[0.0])
    low, high = stats.t.interval(0.95, 2, paired.mean(), stats.sem(paired))
    row = skip_decay_sheet(records, note="").grids[0].rows[2]
    assert row[0].text == "62.5 %"
    assert row[2].text == f"{paired.mean():+.3f} [{low:+.3f}, {high:+.3f}]"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--share", "1.5"], "choose them from 0 to 1"),
        (["--figure", "losses.txt"], "cannot be written"),
        (["--dataset", "digit"], "digits"),
    ],
)
def test_bad_input_is_refused_before_anything_is_trained(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(app, ["skip-decay", *SMALL, "--steps", "1000000", *arguments])
    assert message in str(result.exception)

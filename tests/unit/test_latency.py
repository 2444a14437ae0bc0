"""Latency models, tables and columns against closed forms, and what validation prints against scipy."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.latency import Protocol, Validation, measure_networks, measure_table, validate
from spaces.darts.space import DartsSpace
from spaces.errors import InputError
from spaces.latency import fit_latency
from spaces.latency_table import LatencyTable, OperationTiming, Timing, check_fits, column_model
from spaces.topology.architecture import OPERATIONS, TopologyArchitecture
from spaces.topology.space import TopologySpace

SPACE = TopologySpace()
SKIP, CONV_1X1, CONV_3X3, POOL = range(1, 5)


def table(**changes: object) -> LatencyTable:
    """Every operation takes its place in OPERATIONS as ms, ten times that in the second stage, hundred in the third."""
    content = {
        "space": "topology", "device": "a phone", "batch_size": 1, "dtype": "float32", "threads": 1,
        "cuda_graph": False, "resolution": 32, "network": {"channels": 16, "cells_per_stage": 5}, "torch": "2",
        "created": "2026-01-01", "fixed": Timing(median_ms=7.0, iqr_ms=0.1, repeats=9),
        "operations": [
            OperationTiming(
                operation=name, channels=16 * 2**stage, resolution=32 // 2**stage, stride=1,
                median_ms=place * 10**stage, iqr_ms=0.0, repeats=9,
            )
            for stage in range(3)
            for place, name in enumerate(OPERATIONS)
            if place
        ],
    }  # fmt: skip
    return LatencyTable.model_validate(content | changes)


def test_a_table_survives_its_file(tmp_path: Path) -> None:
    table().write(tmp_path / "t.json")
    assert LatencyTable.read(tmp_path / "t.json") == table()
    assert [path.name for path in tmp_path.iterdir()] == ["t.json"]


def test_the_model_sums_five_cells_of_three_stages() -> None:
    model = table().model(SPACE)
    assert model.operations_ms[0].tolist() == [[0.0, 555.0, 1110.0, 1665.0, 2220.0]] * 6
    cell = SPACE.parse("|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|")
    assert model.predict(SPACE.executed(cell)) == 7 + 1665 + 555 + 1110 + 2220


def test_edges_that_lead_nowhere_cost_nothing() -> None:
    cell = SPACE.parse("|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|none~1|none~2|")
    assert SPACE.chosen(cell)[0].sum() == 6
    assert SPACE.executed(cell)[0].tolist() == [[0.0] * 5] * 3 + [[0, 1, 0, 0, 0]] + [[0.0] * 5] * 2
    assert table().model(SPACE).predict(SPACE.executed(cell)) == 7 + 555


@pytest.mark.parametrize("space", [TopologySpace(), DartsSpace()])
def test_least_squares_recovers_an_additive_truth(space: TopologySpace | DartsSpace) -> None:
    generator = np.random.default_rng(0)
    truth = [generator.uniform(0.5, 2, shape) * (np.arange(shape[1]) > 0) for shape in space.alpha_shapes()]
    sample = [space.sample(generator) for _ in range(700)]
    executed = [space.executed(a) for a in sample]
    measured = np.array([3.0 + sum((t * e).sum() for t, e in zip(truth, one, strict=True)) for one in executed])
    measured[::10] = np.nan
    model = fit_latency(executed, measured, label="truth", known_ms={})
    assert model.predict(space.executed(space.sample(generator))) > 3
    predicted = [model.predict(one) for one in executed[::10]]
    exact = [3.0 + sum((t * e).sum() for t, e in zip(truth, one, strict=True)) for one in executed[::10]]
    assert predicted == pytest.approx(exact, rel=1e-9)


def test_a_column_knows_what_was_measured_and_fits_the_rest(tmp_path: Path) -> None:
    sample = [TopologyArchitecture.from_index(index) for index in range(200)]
    milliseconds = [1 + SPACE.executed(a)[0][:, CONV_3X3].sum() for a in sample]
    frame = pd.DataFrame({"arch_str": map(str, sample), "phone": milliseconds, "name": "text"})
    frame.loc[3, "phone"] = np.nan
    for path in (tmp_path / "devices.csv", tmp_path / "devices.parquet"):
        frame.to_csv(path) if path.suffix == ".csv" else frame.to_parquet(path)
        model = column_model(SPACE, path, "phone")
        assert model.known_ms[str(sample[5])] == milliseconds[5]
        assert str(sample[3]) not in model.known_ms
        assert model.predict(SPACE.executed(sample[3])) == pytest.approx(milliseconds[3])
        assert model.label.startswith("devices, phone")
    with pytest.raises(InputError, match=r"latency column.*phone"):
        column_model(SPACE, tmp_path / "devices.csv", "phon")
    with pytest.raises(InputError, match=r"devices.csv:COLUMN"):
        column_model(SPACE, tmp_path / "devices.csv", "")


def test_validation_is_scipys() -> None:
    generator = np.random.default_rng(0)
    predicted = generator.uniform(1, 5, 30)
    measured = predicted * generator.uniform(0.9, 1.2, (5, 30))
    made = Validation(predicted, measured)
    median = np.median(measured, axis=0)
    assert made.rank_correlation == stats.spearmanr(predicted, median).statistic
    assert made.correlation == pytest.approx(np.corrcoef(predicted, median)[0, 1])
    assert made.error_percent == pytest.approx(100 * np.mean(abs(predicted / median - 1)))
    assert Validation(predicted, np.stack([predicted] * 4)).ceiling == pytest.approx(1)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"space": "darts-cnn"}, "is of space 'darts-cnn', not 'topology'"),
        ({"network": {"channels": 8, "cells_per_stage": 5}}, "measured with channels=8, the network has channels=16"),
        ({"resolution": 16}, "measured with resolution=16, the network has resolution=32"),
        ({"device": "another phone"}, "measured on 'another phone', this search runs on 'a phone'"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(changes: dict[str, object], sentence: str) -> None:
    check_fits(table(), SPACE, device="a phone")
    with pytest.raises(InputError, match=sentence):
        check_fits(table(**changes), SPACE, device="a phone")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "cannot be read as a latency table"),
        ("[]", "is no latency table"),
        (json.dumps({"format": 2}), "newer than the 1 this version knows"),
        (json.dumps({"format": 1, "space": "topology"}), "is no latency table"),
    ],
)
def test_a_damaged_or_foreign_file_is_refused(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(InputError, match=sentence):
        LatencyTable.read(tmp_path / "t.json")
    with pytest.raises(InputError, match="there is no latency table"):
        LatencyTable.read(tmp_path / "absent.json")


def test_measured_table_of_a_tiny_network_predicts_it() -> None:
    settings = {"channels": 4, "cells_per_stage": 2}
    protocol = Protocol(seconds=0.005)
    made = measure_table(SPACE, protocol, resolution=8, network=settings, rounds=2, progress=lambda done, total: None)
    assert len(made.operations) == 12
    assert all(timing.median_ms > 0 for timing in made.operations)
    empty = SPACE.without_operations
    full = SPACE.parse(
        "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
    )
    measured = measure_networks(
        SPACE, [empty, full], protocol, resolution=8, network=settings, rounds=2, progress=lambda done, total: None
    )
    made_validation = validate(made.model(SPACE), SPACE, [empty, full], measured)
    assert made_validation.predicted[0] == made.fixed.median_ms
    assert made_validation.predicted[1] > made_validation.predicted[0]
    assert (made_validation.median > 0).all()

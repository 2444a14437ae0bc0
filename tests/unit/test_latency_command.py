"""`nas-harness latency` and searches for a device, from the command line, on networks of a few channels."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from harness.machine import device_name
from harness.main import main
from results.store import Store
from spaces.latency_table import LatencyTable, OperationTiming, Timing
from spaces.topology.architecture import OPERATIONS
from spaces.topology.space import TopologySpace

SPACE = TopologySpace()
TINY = ["--set", "channels=2", "--set", "cells_per_stage=1", "--resolution", "8", "--seconds", "0.001"]
SMALL = ["--architectures", "4", "--rounds", "2", "--seconds", "0.001"]
SEARCH = [
    *("run", "--method", "rarts", "--dataset", "digits", "--seeds", "0", "--set", "steps=40", "--set", "channels=2"),
    *("--set", "cells_per_stage=1", "--set", "batch_size=16", "--set", "alpha_learning_rate=0.1"),
]


@pytest.fixture(autouse=True)
def in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def table(capsys: pytest.CaptureFixture[str]) -> LatencyTable:
    """A measured table of tiny networks, in t.json."""
    assert nas_harness("latency", "measure", "--rounds", "1", *TINY, "--output", "t.json") == 0
    capsys.readouterr()
    return LatencyTable.read(Path("t.json"))


def nas_harness(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["nas-harness", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0)


def table_of(milliseconds: dict[str, float]) -> LatencyTable:
    """A table of this machine in which an operation takes as long in all stages."""
    return LatencyTable(
        space="topology", device=device_name("cpu"), batch_size=1, dtype="float32", threads=1, cuda_graph=False,
        resolution=32, network=SPACE.network_settings, torch="2", created="2026-01-01",
        fixed=Timing(median_ms=1, iqr_ms=0, repeats=1),
        operations=tuple(
            OperationTiming(
                operation=name, channels=16 * 2**stage, resolution=32 // 2**stage, stride=1,
                median_ms=milliseconds.get(name, 0.001), iqr_ms=0, repeats=1,
            )
            for stage in range(3)
            for name in OPERATIONS[1:]
        ),
    )  # fmt: skip


def test_a_measured_table_says_how_it_was_measured(table: LatencyTable) -> None:
    assert (table.space, table.resolution, table.threads, table.dtype) == ("topology", 8, 1, "float32")
    assert table.network == {"channels": 2, "cells_per_stage": 1}
    assert {(t.operation, t.channels, t.resolution) for t in table.operations} == {
        (name, 2 * 2**stage, 8 // 2**stage) for name in OPERATIONS[1:] for stage in range(3)
    }
    assert table.label.startswith(f"{device_name('cpu')}, batch 1, float32, 1 threads")


def test_validation_prints_its_figures_and_draws(table: LatencyTable, capsys: pytest.CaptureFixture[str]) -> None:
    assert nas_harness("latency", "validate", "t.json", *SMALL, "--figure", "scatter.png", "--json") == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["architectures"] == 4
    assert figures["table"] == table.label
    assert -1 <= figures["spearman"] <= 1
    assert -1 <= figures["spearman_of_repeats"] <= 1
    assert 0 < figures["measured_ms"][0] <= figures["measured_ms"][1]
    with Image.open("scatter.png") as picture:
        assert picture.size == (750, 690)


def test_rank_correlation_with_columns_of_devices(table: LatencyTable, capsys: pytest.CaptureFixture[str]) -> None:
    generator = np.random.default_rng(0)
    sample = list(dict.fromkeys(SPACE.sample(generator) for _ in range(40)))
    predicted = np.array([table.model(SPACE).predict(SPACE.executed(a)) for a in sample])
    frame = pd.DataFrame({"arch_str": map(str, sample), "slower": predicted**2, "reverse": -predicted, "constant": 1.0})
    frame.loc[:9, "slower"] = np.nan
    frame.to_parquet("devices.parquet")
    compare = ["latency", "validate", "t.json", "--columns", "devices.parquet"]
    assert nas_harness(*compare, "--json") == 0
    assert json.loads(capsys.readouterr().out) == pytest.approx({"slower": 1, "reverse": -1})
    assert nas_harness(*compare, "--column", "slower", "--json") == 0
    assert json.loads(capsys.readouterr().out) == pytest.approx({"slower": 1})


def test_a_runs_record_keeps_its_measured_latency(capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(Path("store"))
    found = "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|"
    store.upsert_run(
        "0123456789ab", experiment="", method="rarts", space="topology", dataset="digits", search_seed=0, settings={},
        status="finished", architecture=found,
    )  # fmt: skip
    assert nas_harness("latency", "network", "0123456789ab", "--store", "store", *TINY, "--json") == 0
    printed = json.loads(capsys.readouterr().out)
    (row,) = store.runs().to_dict("records")
    assert row["latency_ms"] == printed["median_ms"] > 0
    assert row["latency_source"] == printed["source"]
    assert row["status"] == "finished"


def test_a_penalised_search_targets_the_table_it_is_given() -> None:
    table_of({"nor_conv_3x3": 1.0, "nor_conv_1x1": 1.0}).write(Path("a.json"))
    table_of({"avg_pool_3x3": 1.0, "skip_connect": 1.0}).write(Path("b.json"))
    for file in ("a.json", "b.json"):
        assert nas_harness(*SEARCH, "--set", "gamma=10", "--latency", file) == 0
        assert nas_harness(*SEARCH, "--set", "gamma=0", "--latency", file, "--store", f"free-{file}") == 0
    penalised = Store(Path("nas-harness-store")).runs().set_index("predicted_latency_source")
    assert len(penalised) == 2  # the table is part of what identifies a run
    for file, expensive in (("a.json", ("nor_conv_3x3", "nor_conv_1x1")), ("b.json", ("avg_pool_3x3", "skip_connect"))):
        found = penalised.loc[LatencyTable.read(Path(file)).label]
        assert not set(expensive) & set(SPACE.parse(found["architecture"]).operations)
        (free,) = Store(Path(f"free-{file}")).runs().to_dict("records")
        assert found["predicted_latency_ms"] < free["predicted_latency_ms"]


def test_a_penalised_search_targets_a_column_of_a_device() -> None:
    generator = np.random.default_rng(0)
    sample = list(dict.fromkeys(SPACE.sample(generator) for _ in range(300)))
    milliseconds = [2 + sum(name in ("avg_pool_3x3", "skip_connect") for name in a.operations) for a in sample]
    pd.DataFrame({"arch_str": map(str, sample), "phone_ms": milliseconds}).to_csv("devices.csv", index=False)
    assert nas_harness(*SEARCH, "--set", "gamma=100", "--latency", "devices.csv:phone_ms") == 0
    (found,) = Store(Path("nas-harness-store")).runs().to_dict("records")
    assert not {"avg_pool_3x3", "skip_connect"} & set(SPACE.parse(found["architecture"]).operations)
    assert found["predicted_latency_source"].startswith("devices, phone_ms (")


CELL = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
REFUSED = {
    "output in no folder": (["measure", "--output", "nowhere/t.json"], "a folder that exists"),
    "unknown dtype": (["measure", "--output", "x.json", "--dtype", "float61"], "did you mean float16"),
    "unknown setting": (["measure", "--output", "x.json", "--set", "chanels=2"], "did you mean channels"),
    "a setting that is no number": (["measure", "--output", "x.json", "--set", "channels=yes"], "whole number"),
    "graph on a CPU": (["measure", "--output", "x.json", "--cuda-graph"], "leave out --cuda-graph"),
    "odd side": (["network", CELL, "--resolution", "33"], "a multiple of 4"),
    "a space without networks": (["measure", "--output", "x.json", "--space", "quadratic"], "topology"),
    "unknown runtime": (["network", CELL, "--runtime", "onx"], "did you mean onnx"),
    "another device": (["validate", "phone.json"], "--columns"),
    "unknown setting of the table": (["validate", "deeper.json"], "depth"),
    "negative latency": (["validate", "negative.json"], "median_ms"),
    "missing operation": (["validate", "lacking.json"], "has no avg_pool_3x3 with 16 channels"),
    "no picture": (["validate", "whole.json", "--figure", "scatter.txt"], ".png"),
    "column without a file": (["validate", "whole.json", "--column", "phone"], "add --columns"),
    "misspelt column": (["validate", "whole.json", "--columns", "good.csv", "--column", "phon"], "did you mean phone"),
    "nothing to rank": (["validate", "whole.json", "--columns", "good.csv"], "three different"),
    "row without architecture": (["validate", "whole.json", "--columns", "nameless.csv"], "one row an architecture"),
    "architecture twice": (["validate", "whole.json", "--columns", "twice.csv"], "several rows of"),
    "no column of architectures": (["validate", "whole.json", "--columns", "anonymous.csv"], "call it"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_bad_input_is_refused_before_anything_is_measured(case: str, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, fix = REFUSED[case]
    whole = table_of({})
    whole.write(Path("whole.json"))
    whole.model_copy(update={"device": "a phone"}).write(Path("phone.json"))
    whole.model_copy(update={"network": {**whole.network, "depth": 3}}).write(Path("deeper.json"))
    whole.model_copy(update={"operations": whole.operations[:-9]}).write(Path("lacking.json"))
    Path("negative.json").write_text(Path("whole.json").read_text().replace('"median_ms": 1', '"median_ms": -1', 1))
    for name, rows in {
        "good": f"arch_str,phone\n{CELL},1.5\n", "nameless": f"arch_str,phone\n,1.5\n{CELL},2\n",
        "twice": f"arch_str,phone\n{CELL},1\n{CELL},2\n", "anonymous": "cell,phone\nx,1\n",
    }.items():  # fmt: skip
        Path(f"{name}.csv").write_text(rows)
    before = sorted(Path().rglob("*"))
    assert nas_harness("latency", *arguments) == 2
    printed = capsys.readouterr().err.strip()
    assert printed.startswith("Error: ")
    assert "\n" not in printed
    assert fix in printed
    assert sorted(Path().rglob("*")) == before


def test_an_empty_column_is_no_target(capsys: pytest.CaptureFixture[str]) -> None:
    Path("devices.csv").write_text(f"arch_str,phone\n{CELL},\n")
    assert nas_harness(*SEARCH, "--set", "gamma=1", "--latency", "devices.csv:phone") == 2
    assert "column phone of devices.csv is empty" in capsys.readouterr().err

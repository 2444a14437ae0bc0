"""The tabular benchmark against the nats_bench package, and against files that are not what they should be."""

import bz2
import json
import os
import pickle
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nats_bench
import numpy as np
import pandas as pd
import platformdirs
import pytest
from typer.testing import CliRunner

from harness.commands.table import app
from spaces.errors import InputError
from spaces.topology.architecture import SIZE, TopologyArchitecture
from spaces.topology.embedded import embedded_table
from spaces.topology.ingest import FOLDER_NAME, ingest
from spaces.topology.table import Table, default_table, load_table

SAMPLE = (0, 1, 7, 11, 99, 284, 1462, 1835, 6111, 9930, 15624)
DATASETS = ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120")
API_SPLITS = {
    ("cifar10-valid", "x-valid"): "valid",
    ("cifar10-valid", "ori-test"): "test",
    ("cifar10", "ori-test"): "test",
    ("cifar100", "x-valid"): "valid",
    ("cifar100", "x-test"): "test",
    ("cifar100", "ori-test"): "valtest",
    ("ImageNet16-120", "x-valid"): "valid",
    ("ImageNet16-120", "x-test"): "test",
    ("ImageNet16-120", "ori-test"): "valtest",
}


@pytest.fixture(scope="module")
def folder(data_folder: Path) -> Path:
    path = data_folder / FOLDER_NAME
    if not path.is_dir():
        pytest.skip(f"the test data have no folder {FOLDER_NAME}")
    return path


@pytest.fixture(scope="module")
def api(folder: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package leaves files to the garbage collector
        return nats_bench.create(str(folder), "tss", fast_mode=True, verbose=False)


def part_of(folder: Path, part: Path, indices: tuple[int, ...]) -> Path:
    """A folder with the meta file and some architectures."""
    part.mkdir(parents=True)
    for name in ("meta", *(f"{index:06d}" for index in indices)):
        (part / f"{name}.pickle.pbz2").symlink_to(folder / f"{name}.pickle.pbz2")
    return part


@pytest.fixture(scope="module")
def sample_file(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    part = part_of(folder, tmp_path_factory.mktemp("official") / "part", SAMPLE)
    return ingest(part, part.parent / "table.parquet")


@pytest.fixture(scope="module")
def table(sample_file: Path) -> Table:
    return Table.load(sample_file)


@pytest.fixture(scope="module")
def whole_table(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Table:
    reports: list[tuple[int, int]] = []
    written = ingest(
        folder, tmp_path_factory.mktemp("whole") / "t.parquet", progress=lambda *report: reports.append(report)
    )
    assert reports[-1] == (SIZE, SIZE)
    return Table.load(written)


@pytest.mark.filterwarnings("ignore")  # the package leaves files to the garbage collector
@pytest.mark.parametrize("index", SAMPLE)
@pytest.mark.parametrize("epochs", [12, 200])
def test_every_answer_is_that_of_nats_bench(table: Table, api: Any, index: int, epochs: int) -> None:
    for (dataset, split), name in API_SPLITS.items():
        results = api.query_meta_info_by_index(index, str(epochs))
        trained = tuple(results.get_dataset_seeds(dataset))
        for seed in (*trained, "mean"):
            theirs = api.get_more_info(index, dataset, hp=str(epochs), is_random=False if seed == "mean" else seed)
            ours = table.accuracy(index, dataset=dataset, split=split, epochs=epochs, seed=seed, missing="nan")
            np.testing.assert_allclose(ours, theirs[f"{name}-accuracy"], rtol=1e-12)
        np.testing.assert_allclose(
            table.train_seconds(index, dataset=dataset, epochs=epochs), theirs["train-all-time"], rtol=1e-9
        )
    for dataset in DATASETS:
        cost = api.get_cost_info(index, dataset, hp=str(epochs))
        assert table.latency_seconds(index, dataset=dataset) == pytest.approx(cost["latency"], rel=1e-12)
        assert table.parameters_m(index, dataset=dataset) == pytest.approx(cost["params"], rel=1e-12)
        assert table.flops_m(index, dataset=dataset) == pytest.approx(cost["flops"], rel=1e-12)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("epochs", [12, 200])
@pytest.mark.parametrize("dataset", ["cifar10", "cifar100", "ImageNet16-120"])
def test_the_simulated_budget_is_that_of_nats_bench(table: Table, api: Any, dataset: str, epochs: int) -> None:
    api.reset_time()
    for index in SAMPLE:
        accuracy, latency, seconds, _ = api.simulate_train_eval(index, dataset, hp=str(epochs))
        assert table.simulated_seconds(index, dataset=dataset, epochs=epochs) == pytest.approx(seconds, rel=1e-9)
        assert table.latency_seconds(index, dataset=dataset) == pytest.approx(latency, rel=1e-12)
        seeds = table.seeds(index, dataset=dataset, split="validation", epochs=epochs)
        ours = [
            float(table.accuracy(index, dataset=dataset, split="validation", epochs=epochs, seed=seed))
            for seed in seeds
        ]
        assert min(abs(value - accuracy) for value in ours) < 1e-9  # it drew one of the seeds
    charged = table.simulated_seconds(list(SAMPLE), dataset=dataset, epochs=epochs).sum()
    assert charged == pytest.approx(api.used_time, rel=1e-9)


@pytest.mark.parametrize(
    ("dataset", "validation", "test", "all_skip_test"),
    [
        ("cifar10", 91.607, 94.373, 54.297),
        ("cifar100", 73.493, 73.513, 15.607),
        ("ImageNet16-120", 46.733, 47.311, 16.322),
    ],
)
def test_published_figures(
    whole_table: Table, dataset: str, validation: float, test: float, all_skip_test: float
) -> None:
    everything = np.arange(SIZE)
    settings: dict[str, Any] = {"dataset": dataset, "epochs": 200, "seed": "mean"}
    assert whole_table.accuracy(everything, split="validation", **settings).max() == pytest.approx(validation, abs=5e-4)
    assert whole_table.accuracy(everything, split="test", **settings).max() == pytest.approx(test, abs=5e-4)
    all_skip = TopologyArchitecture(("skip_connect",) * 6)
    assert whole_table.accuracy(all_skip, split="test", **settings) == pytest.approx(all_skip_test, abs=5e-4)
    assert whole_table.error(all_skip, split="test", **settings) == pytest.approx(100 - all_skip_test, abs=5e-4)


def test_seed_means_of_the_whole_table_are_means_of_its_seeds(whole_table: Table) -> None:
    everything = np.arange(SIZE)
    for dataset, split in API_SPLITS:
        settings: dict[str, Any] = {"dataset": dataset, "split": split, "epochs": 200, "missing": "nan"}
        frame = pd.DataFrame({s: whole_table.accuracy(everything, seed=s, **settings) for s in (777, 888, 999)})
        mean = whole_table.accuracy(everything, seed="mean", **settings)
        known = ~np.isnan(mean)
        assert known.mean() > 0.8
        np.testing.assert_allclose(mean[known], frame.mean(axis=1)[known], rtol=1e-12)


def test_the_embedded_table_agrees_with_the_official_files(whole_table: Table) -> None:
    embedded, everything = embedded_table(), np.arange(SIZE)
    for dataset in ("cifar10-valid", "cifar10", "cifar100", "ImageNet16-120"):
        for seed in (777, 888, 999, "mean"):
            settings: dict[str, Any] = {"dataset": dataset, "split": "validation", "epochs": 200, "seed": seed}
            ours = embedded.accuracy(everything, **settings, missing="nan")
            official = whole_table.accuracy(everything, **settings, missing="nan")
            np.testing.assert_allclose(ours, official, rtol=1e-12)
        for quantity in ("latency_seconds", "parameters_m"):
            ours = getattr(embedded, quantity)(everything, dataset=dataset)
            np.testing.assert_allclose(ours, getattr(whole_table, quantity)(everything, dataset=dataset), rtol=1e-12)
    for dataset in ("cifar10-valid", "cifar100", "ImageNet16-120"):
        ours = embedded.train_seconds(everything, dataset=dataset, epochs=200)
        np.testing.assert_allclose(ours, whole_table.train_seconds(everything, dataset=dataset, epochs=200), rtol=1e-9)


def test_the_embedded_table_says_what_it_lacks() -> None:
    embedded = embedded_table()
    with pytest.raises(InputError, match=r"the embedded table has no test accuracies: ingest .*table ingest PATH"):
        embedded.accuracy(0, dataset="cifar10", split="test", epochs=200, seed="mean")
    assert not embedded.knows(dataset="cifar10", split="test", epochs=200)
    assert embedded.knows(dataset="cifar10", split="validation", epochs=200)
    with pytest.raises(InputError, match="no networks trained for 12 epochs on cifar100: use 200"):
        embedded.accuracy(0, dataset="cifar100", split="validation", epochs=12, seed="mean")
    with pytest.raises(InputError, match="no flops_m on cifar10"):
        embedded.flops_m(0, dataset="cifar10")


def test_a_damaged_cache_of_the_embedded_table_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    first = embedded_table()
    (cached,) = Path(platformdirs.user_cache_dir("nas-harness")).glob("*.parquet")
    assert tmp_path in cached.parents
    cached.write_bytes(cached.read_bytes()[:1000])
    assert embedded_table().version == first.version


def test_architectures_are_indices_objects_arrays_or_sequences(table: Table) -> None:
    settings: dict[str, Any] = {"dataset": "cifar100", "split": "test", "epochs": 200, "seed": 888}
    architectures = [TopologyArchitecture.from_index(index) for index in SAMPLE]
    values = table.accuracy(np.array(SAMPLE), **settings)
    np.testing.assert_array_equal(table.accuracy(architectures, **settings), values)
    np.testing.assert_array_equal(table.accuracy(SAMPLE, **settings), values)
    np.testing.assert_array_equal(table.accuracy([SAMPLE[0], *architectures[1:]], **settings), values)
    assert table.accuracy(architectures[3], **settings) == table.accuracy(np.int64(11), **settings) == values[3]
    assert table.accuracy(np.array([[0, 11]]), **settings).shape == (1, 2)
    assert table.accuracy([], **settings).shape == (0,)


def test_a_table_does_not_change(table: Table) -> None:
    settings: dict[str, Any] = {"dataset": "cifar100", "split": "test", "epochs": 200, "seed": 888}
    table.accuracy([0, 11], **settings)[:] = 0.0
    assert (table.accuracy([0, 11], **settings) > 1).all()
    assert all(not column.flags.writeable for column in table._columns.values())


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"dataset": "cifar-10"}, "unknown data set 'cifar-10': did you mean .*cifar10"),
        ({"split": "tests"}, "unknown split 'tests': did you mean test"),
        (
            {"dataset": "cifar10", "split": "x-valid"},
            "no 'x-valid' accuracies on cifar10: use ori-test or test or valid",
        ),
        ({"epochs": 90}, "90 epochs on cifar100: use 12 or 200"),
        ({"seed": 1}, "no seed 1 .* use 777 or 888 or 999 or mean"),
        ({"architectures": [0, 2]}, "no test accuracy on cifar100 .* of architecture 2: "),
        ({"architectures": 15625}, "no architecture 15625"),
        ({"architectures": [-1, 3]}, "no architecture -1"),
        ({"architectures": [0.5]}, "whole numbers"),
    ],
)
def test_a_question_without_an_answer_gets_one_sentence(table: Table, asked: dict[str, Any], reason: str) -> None:
    question = {"architectures": 0, "dataset": "cifar100", "split": "test", "epochs": 200, "seed": "mean"} | asked
    with pytest.raises(InputError, match=reason) as raised:
        table.accuracy(question.pop("architectures"), **question)
    assert "\n" not in str(raised.value)


def test_missing_architectures_are_nan_on_demand(table: Table) -> None:
    settings: dict[str, Any] = {"dataset": "cifar100", "split": "test", "epochs": 200, "seed": "mean"}
    values = table.accuracy([0, 2, 11], **settings, missing="nan")
    np.testing.assert_array_equal(np.isnan(values), [False, True, False])
    assert table.seeds(2, dataset="cifar100", split="test", epochs=200) == ()


def test_seeds_are_those_that_were_trained(table: Table, api: Any) -> None:
    assert table.seeds(dataset="cifar10", split="validation", epochs=12) == (111, 777)
    for index in SAMPLE:
        trained = api.query_meta_info_by_index(index, "200").get_dataset_seeds("cifar100")
        assert table.seeds(index, dataset="cifar100", split="test", epochs=200) == tuple(sorted(trained))


def test_workers_read_the_same_as_one_process(folder: Path, tmp_path: Path) -> None:
    part = part_of(folder, tmp_path / "part", tuple(range(0, 15000, 50)))  # more than one worker's share
    one = Table.load(ingest(part, tmp_path / "one.parquet", workers=1))
    two = Table.load(ingest(part, tmp_path / "two.parquet", workers=2))
    assert one.version == two.version  # a digest of the content


def tampered(folder: Path, part: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    part_of(folder, part, (0, 11))
    file = part / "000011.pickle.pbz2"
    state = change(pickle.loads(bz2.decompress(file.read_bytes())))
    file.unlink()
    file.write_bytes(bz2.compress(pickle.dumps(state)))
    return part


class Malicious:
    def __init__(self, witness: Path) -> None:
        self.witness = witness

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (f"touch {self.witness}",)


def test_a_pickle_that_runs_code_is_refused_and_runs_nothing(folder: Path, tmp_path: Path) -> None:
    witness, output = tmp_path / "ran", tmp_path / "t.parquet"
    part = tampered(folder, tmp_path / "part", lambda state: {**state, "extra": Malicious(witness)})
    with pytest.raises(InputError, match=r"refused because it holds more than plain data .*system"):
        ingest(part, output)
    assert not witness.exists()
    pickle.loads(pickle.dumps(Malicious(witness)))  # the attack itself works
    assert witness.exists()
    assert not output.exists()


def test_a_record_that_names_another_pickle_is_refused(folder: Path, tmp_path: Path) -> None:
    """nats_bench unpickles the file that a text in the place of a record names."""
    witness, trap = tmp_path / "ran", tmp_path / "trap.pickle"
    trap.write_bytes(pickle.dumps(Malicious(witness)))
    part = tampered(folder, tmp_path / "part", lambda state: {**state, "12": str(trap)})
    with pytest.raises(InputError, match="not the record of architecture 11"):
        ingest(part, tmp_path / "t.parquet")
    assert not witness.exists()


@pytest.mark.parametrize(
    "change",
    [
        lambda state: {"200": {**state["200"], "arch_str": "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"}},
        lambda state: {"200": {}},
        lambda state: [state],
        lambda state: {"two hundred": state["200"]},
    ],
)
def test_a_wrong_record_is_refused_by_name(folder: Path, tmp_path: Path, change: Callable[[Any], Any]) -> None:
    part = tampered(folder, tmp_path / "part", change)
    output = tmp_path / "t.parquet"
    output.write_text("the table before")
    with pytest.raises(InputError, match=r"000011\.pickle\.pbz2 is not the record of architecture 11") as raised:
        ingest(part, output)
    assert "\n" not in str(raised.value)
    assert output.read_text() == "the table before"
    assert sorted(file.name for file in tmp_path.iterdir()) == ["part", "t.parquet"]


def test_unknown_numbers_become_nan(folder: Path, tmp_path: Path) -> None:
    def without_a_trial(state: dict[str, Any]) -> dict[str, Any]:
        state["200"]["dataset_seed"]["cifar100"].remove(999)
        state["200"]["all_results"]["cifar10", 888]["eval_acc1es"].clear()
        return state

    part = tampered(folder, tmp_path / "part", without_a_trial)
    table = Table.load(ingest(part, tmp_path / "t.parquet"))
    assert table.seeds(11, dataset="cifar100", split="test", epochs=200) == (777, 888)
    settings: dict[str, Any] = {"dataset": "cifar100", "split": "test", "epochs": 200}
    pair = [float(table.accuracy(11, seed=seed, **settings)) for seed in (777, 888)]
    assert table.accuracy(11, seed="mean", **settings) == pytest.approx(sum(pair) / 2)
    with pytest.raises(InputError, match="architecture 11"):
        table.accuracy(11, dataset="cifar10", split="test", epochs=200, seed=888)


@pytest.mark.parametrize("kept", [0, 40, 100_000])
def test_a_truncated_pickle_is_named(folder: Path, tmp_path: Path, kept: int) -> None:
    part = part_of(folder, tmp_path / "part", (0,))
    file = part / "000000.pickle.pbz2"
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[: min(kept, len(content) - 10)])
    with pytest.raises(InputError, match=r"000000\.pickle\.pbz2 is damaged"):
        ingest(part, tmp_path / "t.parquet")


def test_a_folder_of_something_else_is_refused(folder: Path, tmp_path: Path) -> None:
    archive = tmp_path / "NATS-tss-v1_0-3ffb9-simple.tar"
    archive.write_bytes(b"")
    output = tmp_path / "t.parquet"
    with pytest.raises(InputError, match="packed file: unpack it"):
        ingest(archive, output)
    with pytest.raises(InputError, match="no folder"):
        ingest(tmp_path / "nowhere", output)
    with pytest.raises(InputError, match=r"no file meta\.pickle\.pbz2"):
        ingest(tmp_path, output)
    with pytest.raises(InputError, match="no architecture files"):
        ingest(part_of(folder, tmp_path / "empty", ()), output)
    (tmp_path / "meta.pickle.pbz2").write_bytes(bz2.compress(pickle.dumps({"meta_archs": ["64:64:64:64:64"]})))
    with pytest.raises(InputError, match="does not list the 15625 topology architectures"):
        ingest(tmp_path, output)


def test_a_file_that_is_no_table_is_refused(sample_file: Path, tmp_path: Path) -> None:
    content = sample_file.read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 3] ^= 0xFF
    foreign = tmp_path / "foreign"
    pd.DataFrame({"accuracy": [1.0]}).to_parquet(foreign)
    for name, damaged in (
        ("truncated", content[:-500]),
        ("empty", b""),
        ("text", b"accuracy\n1"),
        ("flipped", flipped),
    ):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(InputError, match=f"{name} is not a whole Parquet file: ingest"):
            Table.load(tmp_path / name)
    with pytest.raises(InputError, match="foreign is not a table of NATS-Bench results"):
        Table.load(foreign)
    with pytest.raises(InputError, match="no table file"):
        Table.load(tmp_path / "nothing")


def test_the_default_table_is_the_named_then_the_ingested_then_the_embedded(
    sample_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.delenv("NAS_HARNESS_TABLE", raising=False)
    assert default_table().name == load_table(None).name == "embedded"
    ingested = Path(platformdirs.user_data_dir("nas-harness")) / "nats-tss.parquet"
    ingested.parent.mkdir(parents=True)
    shutil.copy(sample_file, ingested)
    assert default_table().name == load_table(sample_file).name == "nats-tss"
    monkeypatch.setenv("NAS_HARNESS_TABLE", str(tmp_path / "mine"))
    with pytest.raises(InputError, match="mine"):
        default_table()


def test_commands_ingest_query_and_describe(folder: Path, tmp_path: Path, api: Any) -> None:
    part = part_of(folder, tmp_path / "part", (11, 1835))
    output = tmp_path / "new" / "t.parquet"
    done = CliRunner().invoke(app, ["ingest", str(part), "--output", str(output)])
    assert (done.exit_code, done.stdout.strip()) == (0, str(output))

    text = str(TopologyArchitecture.from_index(1835))
    asked = ["query", text, "--dataset", "cifar10", "--table", str(output)]
    found = json.loads(CliRunner().invoke(app, [*asked, "--json"]).stdout)
    assert (found["index"], found["skip_ratio"], found["isomorphism_class"]) == (1835, 1.0, "0+0+0+0")
    known = found["datasets"]["cifar10"]
    (mean,) = (
        row["accuracy"]
        for row in known["accuracies"]
        if (row["split"], row["epochs"], row["seed"]) == ("test", 200, "mean")
    )
    assert mean == pytest.approx(54.297, abs=5e-4)
    assert known["flops_m"] == pytest.approx(api.get_cost_info(1835, "cifar10")["flops"])
    shown = CliRunner().invoke(app, asked).stdout
    assert "54.297" in shown
    assert "7.78305" in shown

    described = json.loads(CliRunner().invoke(app, ["info", "--table", str(output), "--json"]).stdout)
    assert described["provenance"].endswith("2 of 15625 architectures")
    assert {record["dataset"] for record in described["accuracies"]} == set(DATASETS)
    assert "x-valid" in CliRunner().invoke(app, ["info", "--table", str(output)]).stdout


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(["15625"], "no architecture 15625"), (["one"], "instead of 3"), (["1", "--dataset", "svhn"], "unknown data set")],
)
def test_a_wrong_query_is_the_users_error(arguments: list[str], reason: str) -> None:
    done = CliRunner().invoke(app, ["query", *arguments])
    assert isinstance(done.exception, InputError)
    assert reason in str(done.exception)

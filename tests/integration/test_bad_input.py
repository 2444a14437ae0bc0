"""Bad input: one sentence on standard error, exit code 2, no traceback, nothing half-written."""

import errno
import json
import sys
from pathlib import Path

import pytest
from PIL import Image

import harness.checkpoint
from harness.experiment_file import make_experiment
from harness.main import main
from harness.task import Resources
from harness.workers import Job, make_progress, run_all
from results.store import Store

TINY = ["--set", "steps=3", "--set", "channels=2", "--set", "cells_per_stage=1", "--set", "batch_size=16"]


CELL = "Genotype(normal=[('sep_conv_9x9', 0), ('skip_connect', 1)], normal_concat=[2], reduce=[], reduce_concat=[2])"
EDGES = "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|none~1|nor_conv_3x3~2|"
TRAININGS = {
    "elsewhere.yaml": "{epochs: 1, dataset: cifar100}",
    "crowded.yaml": "{epochs: 1, batch_size: 1443}",
    "negative.yaml": "{epochs: 1, seeds: [-1]}",
}
QUICK = ["DARTS_V2", "--recipe", "darts-cifar-small", "--dataset", "digits"]

CASES = {
    "unknown method": (["run", "--method", "rart"], "did you mean rarts"),
    "unknown space": (["run", "--method", "rarts", "--space", "topologie"], "did you mean topology"),
    "unknown data set": (["run", "--method", "rarts", "--dataset", "cifar", *TINY], "cifar10"),
    "absent data set": (["run", "--method", "rarts", "--dataset", "cifar10", *TINY], "cifar-10-batches-bin"),
    "unknown setting": (["run", "--method", "rarts", "--set", "lamda=1"], "did you mean lambda"),
    "negative lambda": (["run", "--method", "rarts", "--set", "lambda=-1"], "lambda=-1"),
    "wrong type": (["run", "--method", "rarts", "--set", "steps=many"], "steps='many'"),
    "no channels": (["run", "--method", "rarts", "--set", "channels=0"], "channels=0"),
    "no equals sign": (["run", "--method", "rarts", "--set", "steps"], "NAME=VALUE"),
    "bad seeds": (["run", "--method", "rarts", "--seeds", "one"], "0-2"),
    "nothing to run": (["run"], "--method"),
    "no such device": (["run", "--method", "rarts", "--device", "tpu9"], "cpu or cuda"),
    "absent experiment": (["run", "absent.yaml"], "absent.yaml"),
    "malformed YAML": (["run", "broken.yaml"], "line 4"),
    "unknown key": (["run", "misspelt.yaml"], "did you mean methods"),
    "store is no database": (["runs", "--store", "notes"], "not a database"),
    "empty store": (["leaderboard", "--store", "nowhere"], "nas-harness run"),
    "unknown run": (["show", "abc", "--store", "nowhere"], "nas-harness run"),
    "missing edge": (["table", "query", "|nor_conv_3x3~0|+|skip_connect~0|+|none~0|none~1|none~2|"], "node 2"),
    "truncated table": (["table", "query", "0", "--table", "truncated.parquet"], "truncated.parquet"),
    "absent table": (["table", "query", "0", "--table", "absent.parquet"], "nas-harness table ingest"),
    "folder is no benchmark": (["table", "ingest", "."], "NATS"),
    "unknown operation": (["evaluate", CELL, "--recipe", "darts-cifar-small"], "did you mean"),
    "unknown genotype": (["evaluate", "DARTS_V9", "--recipe", "darts-cifar-small"], "did you mean DARTS_V"),
    "malformed genotype": (["evaluate", "Genotype(normal=[", "--recipe", "darts-cifar-small"], "write it like"),
    "unknown recipe": (["evaluate", "DARTS_V2", "--recipe", "darts-cifr"], "did you mean darts-cifar"),
    "unknown training setting": (["evaluate", *QUICK, "--set", "epoch=1"], "did you mean epochs"),
    "indivisible batch": (["evaluate", *QUICK, "--set", "accumulation=5"], "choose a batch size that 5 divides"),
    "missing class": (["evaluate", *QUICK, "--dataset", "images", "--resolution", "16"], "cat"),
    "empty range of seeds": (["evaluate", *QUICK, "--seeds", "3-1"], "0-2"),
    "training data absent": (["run", "elsewhere.yaml"], "data set cifar100 was not found"),
    "training batch too large": (["run", "crowded.yaml"], "choose 1-1442"),
    "negative training seed": (["run", "negative.yaml"], "training.seeds.0"),
    "no auxiliary head": (
        ["evaluate", EDGES, "--space", "topology", "--recipe", "nats-bench", "--set", "auxiliary_weight=0.4"],
        "auxiliary_weight=0",
    ),
    "another device's latencies": (["run", "--method", "rarts", "--latency", "phone.json"], "--foreign-latency"),
    "latencies of other shapes": (["run", "--method", "rarts", "--latency", "small.json"], "channels=8"),
    "another space's latencies": (
        ["run", "--method", "rarts", "--space", "darts-cnn", "--latency", "phone.json"],
        "is of space 'topology'",
    ),
    "absent latencies": (["run", "--method", "rarts", "--latency", "absent.json"], "nas-harness latency measure"),
    "no such column": (["run", "--method", "rarts", "--latency", "devices.csv:phon"], "phone"),
    "unknown reproduction": (["reproduce", "rarts:tabel-4"], "did you mean rarts:table-4"),
    "a study without a store": (["tune-report", "study"], "nas-harness tune"),
    "unknown choice": (["ablate", "rarts", "--choice", "lamda=1,2"], "did you mean lambda"),
    "a single level": (["ablate", "rarts", "--choice", "lambda=1"], "at least two"),
    "absent ablation": (["ablate", "absent.yaml"], "absent.yaml"),
    "methods without gradients": (["run", "--method", "random-search", "--dataset", "digits"], "cifar10"),
}


def latency_table(*, channels: int) -> str:
    """The file of a table measured on a phone, with nothing in it."""
    timing = {"median_ms": 1.0, "iqr_ms": 0.0, "repeats": 1}
    return json.dumps(
        {
            "format": 1, "space": "topology", "device": "a phone", "batch_size": 1, "dtype": "float32", "threads": 1,
            "cuda_graph": False, "resolution": 32, "network": {"channels": channels, "cells_per_stage": 5},
            "torch": "2", "created": "2026-01-01", "fixed": timing, "operations": [],
        }
    )  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_bad_input_gets_one_sentence(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, fix = CASES[case]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["nas-harness", *arguments])
    (tmp_path / "broken.yaml").write_text("name: x\nmethods:\n  rarts: {lambda: 1\nseeds: [0]\n")
    (tmp_path / "misspelt.yaml").write_text("methds: [rarts]\n")
    for name, training in TRAININGS.items():
        (tmp_path / name).write_text(f"methods: [rarts]\ntraining: {training}\n")
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "runs.sqlite").write_text(
        "these are my notes, not a database, and quite a lot of them\n" * 50
    )
    (tmp_path / "truncated.parquet").write_bytes(b"PAR1 and then nothing")
    (tmp_path / "phone.json").write_text(latency_table(channels=16))
    (tmp_path / "small.json").write_text(latency_table(channels=8))
    (tmp_path / "devices.csv").write_text(f"arch_str,phone\n{EDGES},1.5\n")
    for place in ("train/dog", "train/cat", "val/dog"):
        (tmp_path / "images" / place).mkdir(parents=True)
        Image.new("RGB", (16, 16)).save(tmp_path / "images" / place / "1.png")
    before = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    printed = capsys.readouterr().err.strip()
    assert printed.startswith("Error: ")
    assert "\n" not in printed
    assert fix in printed
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == before


def test_full_disk_stops_cleanly_and_resumes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = {
        "methods": {"darts-1": {}}, "seeds": [0],
        "settings": {"steps": 12, "channels": 2, "cells_per_stage": 1, "batch_size": 16},
    }  # fmt: skip
    specs = make_experiment(content, source="test").runs(table="embedded")
    job = Job(str(tmp_path), None, "test", None, Resources(), threads=1, checkpoint_seconds=0)
    real, calls = harness.checkpoint.os.fsync, 0

    def full_after_five(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as patch, make_progress(disable=True) as progress:
        patch.setattr(harness.checkpoint.os, "fsync", full_after_five)
        outcomes, failures = run_all(specs, job, workers=1, progress=progress)
    assert not outcomes
    assert "No space left" in str(failures[specs[0].id])
    (row,) = Store(tmp_path).runs().to_dict("records")
    assert row["status"] == "failed"
    with make_progress(disable=True) as progress:
        outcomes, failures = run_all(specs, job, workers=1, progress=progress)
    assert outcomes == {specs[0].id: "finished"}
    assert not failures
    assert Store(tmp_path).runs(status="finished")["steps"].tolist() == [12]

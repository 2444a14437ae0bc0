"""Leaderboards of hand-made runs whose figures are worked out by hand."""

import csv
import io
import json
import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.commands import report
from reports.board import Leaderboard
from reports.leaderboard import leaderboard
from reports.leaderboard_sheet import leaderboard_sheet
from reports.sheet import render
from results import EvaluationRecord, Store, StoreError
from spaces.errors import InputError

COMMAND = "nas-harness leaderboard --space topology --dataset digits"
PUBLISHED = pd.DataFrame(
    [["darts-1", "DARTS & co_1", "test error", 45.7, None, "%", "RARTS", "Table 4", "Titan RTX"]],
    columns=["method", "label", "metric", "value", "spread", "unit", "paper", "table", "hardware"],
)


class Records:
    """A store that is filled one short line at a time."""

    def __init__(self, location: Path) -> None:
        self.store = Store(location)
        self.count = 0

    def add(
        self,
        method: str,
        seed: int,
        *errors: tuple[str, str, int | None, float],
        provenance: str = "{} v1",
        **columns: Any,
    ) -> None:
        """A finished run; an error is (source, dataset, evaluation seed, percent)."""
        run_id = f"{self.count:012x}"
        self.count += 1
        values = {
            "experiment": "demo",
            "space": "topology",
            "dataset": "digits",
            "status": "finished",
            "settings": {"steps": 3},
            "skip_ratio": 1 / 6,
            "zero_ratio": 0.0,
            "connected": True,
        }
        self.store.upsert_run(run_id, method=method, search_seed=seed, **{**values, **columns})
        records = [
            EvaluationRecord(
                source=source,
                dataset=dataset,
                split="test",
                epochs=200,
                evaluation_seed=evaluation_seed,
                error_percent=percent,
                provenance=provenance.format(source),
            )
            for source, dataset, evaluation_seed, percent in errors
        ]
        self.store.add_evaluations(run_id, records)

    def board(self, **options: Any) -> Leaderboard:
        """The board of digits."""
        options = {"space": "topology", "dataset": "digits", "command": COMMAND} | options
        return leaderboard(self.store.runs(), self.store.evaluations(), **options)


@pytest.fixture
def records(tmp_path: Path) -> Records:
    return Records(tmp_path)


def test_search_seeds_and_evaluation_seeds_are_two_axes(records: Records) -> None:
    for seed, pair in enumerate([(10.0, 14.0), (20.0, 22.0), (30.0, 30.0)]):
        errors = [("trained", "digits", number, percent) for number, percent in enumerate(pair)]
        records.add("rarts", seed, *errors)
    board = records.board()
    cell = board.rows[0].cells[board.evaluations[0].key]
    # means inside the runs: 12, 21, 30 -> mean 21, std 9, half width 4.302653 * 9 / sqrt(3)
    assert cell.summary.count == 3
    assert cell.summary.mean == 21.0
    assert cell.summary.std == pytest.approx(9.0)
    assert cell.summary.high == pytest.approx(21 + 4.302652729911275 * 9 / math.sqrt(3))
    # stds inside the runs: 2 sqrt(2), sqrt(2), 0 -> root mean square sqrt((8 + 2 + 0) / 3)
    assert cell.evaluation_spread == pytest.approx(math.sqrt(10 / 3))


def test_a_tables_mean_counts_only_without_its_seeds(records: Records) -> None:
    records.add("rarts", 0, ("tabular", "cifar10", None, 99.0), ("tabular", "cifar10", 777, 6.0))
    records.add("rarts", 1, ("tabular", "cifar10", None, 8.0))
    board = records.board()
    cell = board.rows[0].cells[board.evaluations[0].key]
    assert cell.summary.mean == 7.0
    assert cell.evaluation_spread is None


def test_sources_and_data_sets_are_never_mixed(records: Records) -> None:
    records.add("rarts", 0, ("tabular", "cifar10", None, 6.0), ("trained", "digits", 0, 2.0), ("tabular", "a", 1, 3.0))
    board = records.board()
    assert [column.label for column in board.evaluations] == [
        "digits test, trained, 200 epochs",
        "a test, tabular, 200 epochs",
        "cifar10 test, tabular, 200 epochs",
    ]
    assert [column.source for column in board.evaluations] == ["trained v1", "tabular v1", "tabular v1"]
    assert [board.rows[0].cells[column.key].summary.mean for column in board.evaluations] == [2.0, 3.0, 6.0]


def test_settings_and_latency_sources_are_never_mixed(records: Records) -> None:
    records.add("rarts", 0, settings={"steps": 3}, latency_ms=1.0, latency_source="table")
    records.add("rarts", 1, settings={"steps": 9}, latency_ms=2.0, latency_source="measured")
    board = records.board()
    assert [row.label for row in board.rows] == ["rarts (steps=3)", "rarts (steps=9)"]
    assert [(column.source, len(column.key)) for column in board.properties if column.source] == [
        ("measured", len("latency_ms|measured")),
        ("table", len("latency_ms|table")),
    ]
    assert board.rows[0].cells["latency_ms|table"].summary.mean == 1.0
    assert "latency_ms|measured" not in board.rows[0].cells


def test_collapse_flags_are_counted(records: Records) -> None:
    records.add("rarts", 0, skip_ratio=0.5, zero_ratio=0.5)  # exactly half is not above half
    records.add("rarts", 1, skip_ratio=4 / 6)
    records.add("rarts", 2, zero_ratio=1.0, connected=False)
    collapse = records.board().rows[0].collapse
    assert (collapse.skips, collapse.zeros, collapse.cut_off, collapse.runs) == (1, 1, 1, 3)
    assert collapse.text == "skips 1/3, zeros 1/3, cut off 1/3"


def test_rows_are_sorted_and_judged_by_error(records: Records) -> None:
    for seed in range(3):
        records.add("worse", seed, ("trained", "digits", 0, 9.0 + seed / 100))
        records.add("better", seed, ("trained", "digits", 0, 1.0 + seed / 100))
    board = records.board()
    assert [row.label for row in board.rows] == ["better", "worse"]
    assert board.verdicts[board.evaluations[0].key].winner == "better"
    assert "**1.01 ± 0.01 [0.99, 1.03]**" in render([leaderboard_sheet(board)], "markdown")


def test_a_win_within_noise_is_said_to_be_a_tie(records: Records) -> None:
    for seed, (better, worse) in enumerate([(1.0, 1.2), (4.0, 4.1), (7.0, 7.3)]):
        records.add("worse", seed, ("trained", "digits", 0, worse))
        records.add("better", seed, ("trained", "digits", 0, better))
    text = render([leaderboard_sheet(records.board())], "markdown")
    assert "better is lowest within noise, tied with all others" in text
    assert "**" not in text


def test_twenty_seeds_have_a_bootstrap_interval(records: Records) -> None:
    for seed in range(20):
        records.add("rarts", seed, ("trained", "digits", 0, 90.0 if seed < 2 else 5.0))
    board = records.board()
    assert 5 <= board.rows[0].cells[board.evaluations[0].key].summary.low < 10
    assert "for 20 to 100 values a percentile bootstrap" in render([leaderboard_sheet(board)], "markdown")


def test_two_seeds_have_no_winner(records: Records) -> None:
    for seed in range(2):
        records.add("worse", seed, ("trained", "digits", 0, 9.0 + seed / 100))
        records.add("better", seed, ("trained", "digits", 0, 1.0 + seed / 100))
    text = render([leaderboard_sheet(records.board())], "markdown")
    assert "too few seeds to tell" in text
    assert "**1." not in text


def test_unfinished_runs_are_not_counted_but_named(records: Records) -> None:
    records.add("rarts", 0)
    records.add("rarts", 1, status="failed")
    board = records.board()
    assert board.rows[0].seeds == (0,)
    assert "not finished, and not counted: 1 failed" in board.notes


def test_missing_random_search_is_said_with_the_command(records: Records) -> None:
    records.add("rarts", 0, ("tabular", "cifar10", None, 6.0))
    records.add("rarts", 2, ("tabular", "cifar10", None, 6.0))
    (note,) = records.board().notes
    assert note == (
        "random-search on digits is missing; add it with: "
        "nas-harness run --method random-search --space topology --dataset cifar10 --seeds 0,2"
    )


def test_the_command_asks_a_table_for_what_it_has(records: Records) -> None:
    records.add("rarts", 0, ("tabular", "cifar10", None, 6.0), provenance="embedded 3c9fb4415209")
    (note,) = records.board().notes
    assert note.endswith("--dataset cifar10 --seeds 0 --set reward_epochs=200")
    settings = {"evaluations": 9, "time_budget": None, "reward_epochs": 200, "reward_seed": "mean"}
    records.add("random-search", 0, dataset="cifar10", settings={**settings, "evaluations": 5})
    records.add("regularised-evolution", 0, dataset="cifar10", settings=settings, simulated_seconds=5.0)
    (note,) = records.board(dataset="cifar10").notes
    assert note.endswith('=9 --set time_budget=null --set reward_epochs=200 --set reward_seed="mean"')


def test_random_search_of_another_data_set_is_shown_unranked(records: Records) -> None:
    records.add("rarts", 0, ("tabular", "cifar10", None, 6.0))
    records.add("random-search", 0, ("tabular", "cifar10", None, 1.0), dataset="cifar10")
    board = records.board()
    assert [(row.label, row.reference) for row in board.rows] == [
        ("rarts", False),
        ("random-search [searched cifar10]", True),
    ]
    assert board.verdicts[board.evaluations[0].key].best == "rarts"
    assert "shown for reference" in board.notes[0]


def test_random_search_has_to_have_the_same_budget(records: Records) -> None:
    columns = {"dataset": "cifar10", "simulated_seconds": 5.0}
    records.add("random-search", 0, settings={"evaluations": 5, "time_budget": None}, **columns)
    records.add("regularised-evolution", 0, settings={"evaluations": 5, "time_budget": None, "sample": 3}, **columns)
    assert records.board(dataset="cifar10").notes == ()
    records.add("regularised-evolution", 0, settings={"evaluations": 9, "time_budget": None}, **columns)
    (note,) = records.board(dataset="cifar10").notes
    assert note.endswith("--dataset cifar10 --seeds 0 --set evaluations=9 --set time_budget=null")


def test_an_empty_board(records: Records) -> None:
    board = records.board()
    assert board.rows == ()
    assert "no finished runs" in render([leaderboard_sheet(board)], "markdown")


@pytest.fixture
def full(records: Records) -> Leaderboard:
    for seed in range(3):
        records.add(
            "rarts",
            seed,
            ("trained", "digits", 0, 2.0 + seed),
            ("trained", "digits", 1, 3.0 + seed),
            device="CPU_100%",
            device_days=0.001,
            parameters_m=0.316,
            flops_m=46.0,
        )
        records.add("random-search", seed, ("trained", "digits", 0, 2.5 + seed), device_days=0.0005)
    return records.board(published=PUBLISHED)


def test_markdown_tables_are_well_formed(full: Leaderboard) -> None:
    text = render([leaderboard_sheet(full)], "markdown")
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("|")]
    assert len(blocks) == 4  # errors, found cells, search cost, published
    for lines in blocks:
        assert len({line.replace("\\|", "").count("|") for line in lines}) == 1
    assert COMMAND in text
    assert "Published" in text


def test_json_keeps_everything(full: Leaderboard) -> None:
    (content,) = json.loads(render([leaderboard_sheet(full)], "json"))
    assert content["command"] == COMMAND
    rarts = next(row for row in content["rows"] if row["label"] == "rarts")
    assert rarts["run_ids"] == ["000000000000", "000000000002", "000000000004"]
    assert rarts["cells"][content["columns"][0]["key"]]["mean"] == 3.5
    assert content["published"][0]["spread"] is None


def test_csv_is_tidy(full: Leaderboard) -> None:
    lines = list(csv.DictReader(io.StringIO(render([leaderboard_sheet(full)], "csv"))))
    found = [line for line in lines if line["method"] == "rarts" and line["quantity"].startswith("digits test")]
    assert [(line["mean"], line["runs"], line["origin"]) for line in found] == [("3.5", "3", "measured")]
    (paper,) = [line for line in lines if line["origin"] == "published"]
    assert (paper["mean"], paper["source"]) == ("45.7", "RARTS, Table 4")


def test_latex_is_escaped_and_balanced(full: Leaderboard) -> None:
    text = render([leaderboard_sheet(full)], "latex")
    assert r"DARTS \& co\_1" in text
    assert r"CPU\_100\%" in text
    assert text.count(r"\begin{tabular}") == text.count(r"\end{tabular}") == text.count(r"\toprule") == 4
    table = text.split(r"\begin{tabular}{")[1]
    columns = table.split("}")[0]
    header = table.split("\\toprule\n")[1].split("\\\\")[0]
    assert header.count("&") == len(columns) - 1


def test_terminal_shows_every_method(full: Leaderboard) -> None:
    text = render([leaderboard_sheet(full)], "terminal")
    assert "rarts" in text
    assert "random-search" in text
    assert "Published" in text


def test_an_unknown_format_offers_the_known_ones(full: Leaderboard) -> None:
    with pytest.raises(ValueError, match="terminal, markdown, csv, json, latex"):
        render([leaderboard_sheet(full)], "html")


def test_the_command_prints_the_board_and_refuses_what_is_not_there(
    records: Records, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records.add("rarts", 0, ("trained", "digits", 0, 2.0))
    report.leaderboard(store=records.store.location, format_="csv")
    from_store = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert from_store[0]["command"].startswith("nas-harness leaderboard --store ")
    records.store.export_csv(tmp_path / "csv")
    report.leaderboard(records=tmp_path / "csv", format_="csv", output=tmp_path / "board.csv")
    with (tmp_path / "board.csv").open() as file:
        from_records = list(csv.DictReader(file))
    assert [line["mean"] for line in from_records] == [line["mean"] for line in from_store]
    with pytest.raises(StoreError, match="nas-harness run"):
        report.leaderboard(store=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(StoreError, match="nas-harness run"):
        report.leaderboard(store=tmp_path / "empty")
    with pytest.raises(InputError, match="did you mean digits"):
        report.leaderboard(store=records.store.location, dataset="digit")
    with pytest.raises(InputError, match="did you mean latex"):
        report.leaderboard(store=records.store.location, format_="latexx")


def test_show_tells_settings_provenance_cell_and_errors(
    records: Records, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = "|nor_conv_3x3~0|+|skip_connect~0|none~1|+|none~0|nor_conv_1x1~1|avg_pool_3x3~2|"
    records.add(
        "rarts", 0, ("trained", "digits", 0, 2.25), ("tabular", "cifar10", None, 9.5), architecture=cell,
        git_commit="abc123", versions={"torch": "2.13.0"}, host="box",
    )  # fmt: skip
    report.show(run="0000", store=records.store.location, draw=tmp_path / "cell.svg")
    text = capsys.readouterr().out
    for expected in ("abc123", "2.13.0", "box", "steps", "input --conv 3x3", "2.25", "mean", cell):
        assert expected in text
    assert (tmp_path / "cell.svg").exists()
    report.show(run="0000", store=records.store.location, json_=True)
    content = json.loads(capsys.readouterr().out)
    assert (content["settings"], content["architecture"]) == ({"steps": 3}, cell)
    assert {(line["source"], line["error_percent"]) for line in content["evaluations"]} == {
        ("trained", 2.25),
        ("tabular", 9.5),
    }
    with pytest.raises(StoreError, match="did you mean 000000000000"):
        report.show(run="00000000000f", store=records.store.location)


def test_show_does_not_draw_what_was_not_found(records: Records, tmp_path: Path) -> None:
    records.add("rarts", 0, status="interrupted")
    with pytest.raises(InputError, match="no cell to draw"):
        report.show(run="0", store=records.store.location, draw=tmp_path / "cell.svg")

"""The published figures against the printed papers: figures and row counts below were read from the papers by hand."""

import csv
from pathlib import Path

import pytest

from results.errors import StoreError
from results.published_tables import COLUMNS, FOLDER, LEADERBOARD_COLUMNS, UNITS, load_published, published_rows

PRINTED_ROWS = {
    ("rarts", "Table 1"): 16,
    ("rarts", "Table 2"): 12,
    ("rarts", "Table 3"): 11,
    ("rarts", "Table 4"): 6,
    ("rarts", "Table 5"): 12,
    ("rarts", "Table 6"): 5,
    ("thesis", "Table 4.1"): 12,
    ("thesis", "Table 4.4"): 6,
    ("thesis", "Table 4.5"): 5,
    ("pr-darts", "Table 1"): 14,
    ("pr-darts", "Table 2"): 14,
    ("sparse-nas", "Table 1"): 12,
    ("sparse-nas", "Table 2"): 7,
    ("sparse-nas", "Table 3"): 5,
    ("sparse-nas", "Table 4"): 3,
    ("optimisation-inspired", "Table 2"): 4,
    ("optimisation-inspired", "Table 4"): 12,
    ("optimisation-inspired", "Table 5"): 8,
    ("optimisation-inspired", "Table 7"): 15,
    ("optimisation-inspired", "Table 8"): 10,
}  # fmt: skip
FILES = sorted(FOLDER.glob("*.csv"))
METRIC_UNITS = {
    "test_error": {"percent"},
    "test_error_distilled": {"percent"},
    "top1_error": {"percent"},
    "top5_error": {"percent"},
    "accuracy": {"percent"},
    "validation_accuracy": {"percent"},
    "test_accuracy": {"percent"},
    "skip_ratio": {"percent"},
    "pruned_channels": {"percent"},
    "pruned_dimensions": {"percent"},
    "parameters": {"million"},
    "multiply_adds": {"million"},
    "flops": {"million", "billion"},
    "search_cost": {"gpu_days"},
    "latency": {"ms"},
    "candidate_operations": {"count"},
    "validation_perplexity": {"one"},
    "test_perplexity": {"one"},
    "mean_squared_error": {"one"},
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_file_is_one_table_with_exactly_the_columns(path: Path) -> None:
    with path.open(newline="", encoding="utf-8") as lines:
        header, *body = csv.reader(lines)
    assert tuple(header) == COLUMNS
    assert {len(line) for line in body} == {len(COLUMNS)}
    papers, tables = {line[0] for line in body}, {line[1] for line in body}
    assert len(papers) == len(tables) == 1
    assert path.stem == f"{papers.pop()}-{tables.pop().lower().replace(' ', '-')}"


def test_figures_are_numbers_with_known_metrics_and_units() -> None:
    figures = load_published()
    assert set(figures["unit"]) <= UNITS
    assert set(figures["metric"]) == set(METRIC_UNITS)
    assert all(row.unit in METRIC_UNITS[row.metric] for row in figures.itertuples())
    assert (figures["value"] >= 0).all()
    assert figures.loc[figures["unit"] == "percent", "value"].between(0, 100).all()
    assert (figures["spread"].dropna() > 0).all()
    assert (figures["runs"].dropna() > 1).all()
    for column in ("paper", "table", "space", "dataset", "label", "metric", "unit", "source"):
        assert (figures[column] != "").all(), column


def test_method_names_are_lower_case_words() -> None:
    assert load_published()["method"].str.fullmatch(r"|[a-z]+(-[a-z0-9]+)*").all()


def test_no_figure_is_there_twice() -> None:
    printed_once = [*COLUMNS[:8], "hardware", "note"]
    assert not load_published().duplicated(printed_once).any()


@pytest.mark.parametrize(("paper", "table"), PRINTED_ROWS)
def test_every_printed_row_is_there(paper: str, table: str) -> None:
    rows = load_published(paper, table)["row"]
    assert sorted(set(rows)) == list(range(1, PRINTED_ROWS[paper, table] + 1))
    assert rows.is_monotonic_increasing


def test_no_table_is_left_out_of_the_row_counts() -> None:
    printed = load_published().query("table != 'quoted'")
    assert set(zip(printed["paper"], printed["table"], strict=True)) == set(PRINTED_ROWS)


@pytest.mark.parametrize(
    ("paper", "table", "label", "dataset", "metric", "value", "spread"),
    [
        ("rarts", "1", "RARTS", "cifar10", "test_error", 2.65, 0.07),
        ("rarts", "1", "AmoebaNet-B", "cifar10", "search_cost", 3150, None),
        ("rarts", "1", "RARTS", "cifar10", "search_cost", 1.1, None),
        ("rarts", "3", "RARTS", "imagenet", "top5_error", 8.3, None),
        ("rarts", "4", "RARTS", "cifar10", "test_error", 11.48, None),
        ("rarts", "4", "DARTS-1", "cifar10", "test_error", 40.16, None),
        ("rarts", "4", "DARTS-2", "cifar100", "skip_ratio", 38.9, None),
        ("rarts", "5", "RARTS (40% PRC)", "cifar100", "test_error", 22.64, None),
        ("rarts", "6", "DARTS-2", "imagenet-20", "pruned_channels", 72.6, 2.0),
        ("thesis", "4.1", "RARTS (60% PRC)", "cifar10", "flops", 133, None),
        ("thesis", "4.1", "RARTS (40% PRC)", "cifar100", "test_error_distilled", 21.63, None),
        ("thesis", "4.4", "80%", "cifar100", "parameters", 7.17, None),
        ("thesis", "4.5", "20%", "imagenet-20", "accuracy", 92.5, None),
        ("pr-darts", "1", "PR-DARTS + cutout", "cifar100", "test_error", 16.45, None),
        ("pr-darts", "1", "P-DARTS + cutout", "cifar100", "test_error", 16.55, None),
        ("pr-darts", "2", "Fair DARTS", "imagenet", "multiply_adds", 541, None),
        ("sparse-nas", "1", "FairDARTS", "cifar10", "parameters", 3.32, 0.46),
        ("sparse-nas", "2", "SparseNAS + AdamHAPG", "imagenet", "top1_error", 24.67, None),
        ("sparse-nas", "3", "SparseNAS + AdamHAPG", "penn-treebank", "test_perplexity", 55.37, None),
        ("sparse-nas", "4", "AdamHAPG (alpha=0.3)", "cifar10", "test_error", 3.30, None),
        ("optimisation-inspired", "2", "AGD2 (13), depth 40", "gaussian-pairs", "mean_squared_error", 0.99964, None),
        ("optimisation-inspired", "5", "HBNet-101", "imagenet", "top5_error", 6.07, None),
        ("optimisation-inspired", "7", "Search space-AGD + cutout", "cifar10", "test_error", 2.56, None),
        ("optimisation-inspired", "8", "MnasNet-92", "imagenet", "parameters", 5.5, None),
    ],
)
def test_figure_is_the_printed_one(
    paper: str, table: str, label: str, dataset: str, metric: str, value: float, spread: float | None
) -> None:
    figures = load_published(paper, table)
    chosen = figures[(figures["label"] == label) & (figures["dataset"] == dataset) & (figures["metric"] == metric)]
    assert chosen["value"].tolist() == [value]
    assert chosen["spread"].dropna().tolist() == ([] if spread is None else [spread])


def test_footnotes_are_kept() -> None:
    table = load_published("rarts", "Table 1")
    darts = table[(table["label"] == "DARTS-2") & (table["metric"] == "search_cost")]
    assert darts["value"].tolist() == [4.0, 3.1]  # the second one is printed in parentheses
    assert darts["hardware"].tolist() == ["", "GTX 1080 Ti"]
    diamonds = table[table["note"].str.contains("diamond") & (table["metric"] == "test_error")]
    assert diamonds["value"].tolist() == [2.94, 2.71]
    assert (diamonds["hardware"] == "GTX 1080 Ti").all()


def test_rows_of_the_topology_space() -> None:
    rows = published_rows("topology", "cifar100")
    assert tuple(rows.columns) == LEADERBOARD_COLUMNS
    errors = rows[(rows["paper"] == "rarts") & (rows["metric"] == "test_error")]
    assert dict(zip(errors["method"], errors["value"], strict=True)) == {
        "darts-1": 38.74,
        "darts-2": 39.51,
        "rarts": 32.37,
    }
    assert published_rows("topology", "no-such-data").empty


@pytest.mark.parametrize("dataset", ["cifar10", "cifar100"])
@pytest.mark.parametrize("method", ["darts-1", "darts-2"])
def test_quotation_and_original_add_up_to_all_images(method: str, dataset: str) -> None:
    rows = published_rows("topology", dataset).query("method == @method")
    (error,) = rows.query("paper == 'rarts' and metric == 'test_error'")["value"]
    (accuracy,) = rows.query("paper == 'nats-bench' and metric == 'test_accuracy'")["value"]
    assert error + accuracy == pytest.approx(100)


def test_quotations_that_nobody_confirmed_say_so() -> None:
    gdas = published_rows("topology", "cifar10").query("method == 'gdas'")
    assert gdas["note"].str.startswith("unconfirmed").all()
    assert len(gdas) == 2


def test_a_reproduction_is_not_taken_for_the_paper() -> None:
    evolution = published_rows("topology", "cifar10").query("method == 'regularised-evolution'")
    tests = evolution[evolution["metric"] == "test_accuracy"]
    assert dict(zip(tests["paper"], tests["value"], strict=True)) == {
        "nas-bench-201": 93.92,
        "nas-bench-201-reproduction": 93.80,
    }
    assert tests["note"].str.contains("reproduction").tolist() == [False, True]


def test_changing_a_result_changes_nothing_else() -> None:
    first = load_published("rarts", "Table 4")
    first.loc[0, "value"] = -1.0
    assert (load_published("rarts", "Table 4")["value"] >= 0).all()


@pytest.mark.parametrize(
    ("paper", "table", "message"),
    [("rartz", None, "no published paper 'rartz'"), ("rarts", "9", "no published table 'Table 9'.*Table 6")],
)
def test_unknown_names_are_answered_with_the_known(paper: str, table: str | None, message: str) -> None:
    with pytest.raises(StoreError, match=message):
        load_published(paper, table)

"""From run records to a leaderboard.

    board = leaderboard(store.runs(), store.evaluations(), space="topology", dataset="digits", command="...")
    print(render(leaderboard_sheet(board), "markdown"))          # reports.sheet, reports.leaderboard_sheet

Search seeds and evaluation seeds are two axes: errors are first averaged over the evaluation seeds inside a run,
then summarised over search seeds. Errors from different data sets, splits, sources or provenances are different
columns.
"""

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from reports.baseline import random_search_notes
from reports.board import Cell, Collapse, Column, Leaderboard, Row
from reports.statistics import summarise, verdict_of

_PROPERTIES = (
    Column("skip_ratio", "skip ratio", "1"),
    Column("zero_ratio", "zero ratio", "1"),
    Column("parameters_m", "parameters", "M"),
    Column("flops_m", "multiply-adds", "M"),
)
_COSTS = (
    Column("device_days", "search cost", "device-days", cost=True),
    Column("simulated_seconds", "search cost, simulated by a table", "s", cost=True),
)
RUN_COLUMNS = (
    "id", "experiment", "method", "space", "dataset", "search_seed", "settings", "status", "connected", "latency_ms",
    "latency_source", "device", *(column.key for column in (*_PROPERTIES, *_COSTS)),
)  # fmt: skip
"""The columns of the runs that a leaderboard is made of."""


class _EvaluationKey(NamedTuple):
    """What two errors must share to be averaged."""

    dataset: str
    split: str
    source: str
    epochs: int
    provenance: str


EVALUATION_KEY = list(_EvaluationKey._fields)
Errors = Mapping[str, pd.DataFrame]  # key of an evaluation column -> mean and std, indexed as the runs are


def leaderboard(
    runs: pd.DataFrame,
    evaluations: pd.DataFrame,
    *,
    space: str,
    dataset: str,
    command: str,
    baseline: str = "random-search",
    published: pd.DataFrame | None = None,
) -> Leaderboard:
    """The board of one space and one search data set, from `Store.runs()` and `Store.evaluations()`.

    Only finished runs count. Where the baseline never searched `dataset`, its runs on other data sets of the space
    are shown for reference. Rows are sorted by the first error column, best first.
    """
    of_space = runs[runs["space"] == space]
    here = of_space[of_space["dataset"] == dataset]
    finished = here[here["status"] == "finished"]
    notes = _unfinished_notes(here)
    reference = of_space[(of_space["status"] == "finished") & (of_space["method"] == baseline)]
    if (finished["method"] == baseline).any() or finished.empty:
        reference = reference.iloc[:0]
    shown = pd.concat([finished, reference]) if len(reference) else finished
    known = evaluations[evaluations["run_id"].isin(shown["id"])]
    errors = errors_inside_runs(known)
    columns = (*evaluation_columns(errors, dataset=dataset), *_property_columns(shown))
    by_column = {
        str(key): part.set_index("run_id")[["mean", "std"]].reindex(shown["id"]).set_index(shown.index)
        for key, part in errors.groupby("column")
    }
    rows = [
        _row(group, by_column, columns, label=label, reference=group["dataset"].iloc[0] != dataset)
        for label, group in labelled_groups(shown, dataset=dataset)
    ]
    rows.sort(key=lambda row: _rank(row, columns))
    verdicts = {
        column.key: verdict_of(
            {row.label: row.cells[column.key].summary for row in rows if not row.reference and column.key in row.cells}
        )
        for column in columns
        if column.evaluation
    }
    notes += random_search_notes(finished, known, reference=reference, space=space, dataset=dataset, baseline=baseline)
    return Leaderboard(
        space=space,
        dataset=dataset,
        columns=columns,
        rows=tuple(rows),
        verdicts=verdicts,
        notes=tuple(notes),
        command=command,
        published=pd.DataFrame() if published is None else published,
    )


def _unfinished_notes(runs: pd.DataFrame) -> list[str]:
    counts = runs.loc[runs["status"] != "finished", "status"].value_counts().sort_index()
    if counts.empty:
        return []
    listed = ", ".join(f"{count} {status}" for status, count in counts.items())
    return [f"not finished, and not counted: {listed}"]


def errors_inside_runs(evaluations: pd.DataFrame) -> pd.DataFrame:
    """One row a run and evaluation column: `mean` and `std` over the evaluation seeds inside the run.

    A table's own mean over seeds counts only where the run has no error of a single seed.
    """
    keys = ["run_id", *EVALUATION_KEY]
    seeded = evaluations.groupby(keys)["evaluation_seed"].transform("count") > 0
    used = evaluations[evaluations["evaluation_seed"].notna() | ~seeded]
    errors = used.groupby(keys)["error_percent"].agg(["mean", "std"]).reset_index()
    kinds = errors[EVALUATION_KEY].drop_duplicates()
    names = kinds.assign(column=[_key(values) for values in kinds.itertuples(index=False)])
    return errors.merge(names, on=EVALUATION_KEY, how="left")


def _key(values: Iterable[Any]) -> str:
    return "error|" + "|".join(str(value) for value in values)


def evaluation_columns(errors: pd.DataFrame, *, dataset: str) -> list[Column]:
    """The search's own data set first, then trained before tabular before one-shot, test before validation."""
    keyed = [_EvaluationKey(*values) for values in errors[EVALUATION_KEY].drop_duplicates().to_numpy().tolist()]
    sources = {"trained": 0, "tabular": 1, "one-shot": 2}

    def place(key: _EvaluationKey) -> tuple[Any, ...]:
        last = key.source == "one-shot"  # an error of shared weights ranks supernets rather than cells
        return last, key.dataset != dataset, sources[key.source], key.dataset, key.split, -key.epochs, key.provenance

    return [
        Column(
            key=_key(key),
            label=f"{key.dataset} {key.split}, {key.source}" + (f", {key.epochs} epochs" if key.epochs else ""),
            unit="% error",
            source=key.provenance,
            evaluation=True,
        )
        for key in sorted(keyed, key=place)
    ]


def _property_columns(runs: pd.DataFrame) -> list[Column]:
    latencies = [
        Column(f"latency_ms|{source}", "latency", "ms", source=str(source))
        for source in sorted(runs.loc[runs["latency_ms"].notna(), "latency_source"].fillna("unknown").unique())
    ]
    present = [column for column in (*_PROPERTIES, *_COSTS) if runs[column.key].notna().any()]
    return [
        *(column for column in present if column in _PROPERTIES),
        *latencies,
        *(column for column in present if column in _COSTS),
    ]


def labelled_groups(runs: pd.DataFrame, *, dataset: str) -> list[tuple[str, pd.DataFrame]]:
    """Runs by search data set, method and settings: different settings are different rows."""
    groups = []
    for (searched, method), group in runs.groupby(["dataset", "method"], sort=True):
        texts = comparable_texts(group["settings"])
        variants = {text: json.loads(text) for text in sorted(texts.unique())}
        differing = _differing(list(variants.values()))
        for text, settings in variants.items():
            chosen = ", ".join(f"{name}={_short(settings.get(name))}" for name in differing)
            label = f"{method} ({chosen})" if chosen else str(method)
            if searched != dataset:
                label += f" [searched {searched}]"
            groups.append((label, group[texts == text]))
    return groups


def comparable_texts(settings: pd.Series) -> pd.Series:
    """Settings or versions as texts; those that are one object in memory, most of a store's, are written once."""
    objects = {id(one): one for one in settings}
    texts = {key: json.dumps(one, sort_keys=True) for key, one in objects.items()}
    return settings.map(lambda one: texts[id(one)])


def _differing(variants: list[dict[str, Any]]) -> list[str]:
    names = sorted({name for settings in variants for name in settings})
    return [name for name in names if len({json.dumps(settings.get(name)) for settings in variants}) > 1]


def _short(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _row(group: pd.DataFrame, errors: Errors, columns: Iterable[Column], *, label: str, reference: bool) -> Row:
    cells = {}
    for column in columns:
        if column.evaluation:
            chosen = errors[column.key].loc[group.index]
            values, spreads = chosen["mean"].dropna(), chosen["std"].dropna()
            spread = math.sqrt((spreads**2).mean()) if len(spreads) else None
        else:
            name, _, source = column.key.partition("|")
            of_source = group[group["latency_source"].fillna("unknown") == source] if source else group
            values, spread = of_source[name].dropna(), None
        if len(values):
            cells[column.key] = Cell(summarise(values.tolist(), within=column.within), spread)
    return Row(
        method=group["method"].iloc[0],
        label=label,
        seeds=tuple(sorted(int(seed) for seed in group["search_seed"])),
        run_ids=tuple(sorted(group["id"])),
        cells=cells,
        collapse=Collapse(
            skips=int((group["skip_ratio"] > 0.5).sum()),
            zeros=int((group["zero_ratio"] > 0.5).sum()),
            cut_off=int((group["connected"] == False).sum()),  # noqa: E712 - unknown is neither
            runs=len(group),
        ),
        devices=tuple(sorted(group["device"].dropna().unique())),
        reference=reference,
    )


def _rank(row: Row, columns: Iterable[Column]) -> tuple[bool, list[float], str]:
    means = [row.cells[c.key].summary.mean if c.key in row.cells else math.inf for c in columns if c.evaluation]
    return row.reference, means, row.label

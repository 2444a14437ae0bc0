"""What each choice of a method is worth: error and skip ratio of an ablation's runs, and the effects in them.

table = ablation(store.runs(), store.evaluations(), combinations, choices=choices, crossed=True, dataset="digits",
                 title="...", command="...")
print(render(ablation_sheet(table), "markdown"))          # reports.sheet, reports.ablation_sheet
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from reports.board import Column
from reports.effects import Choices, Effects, estimate_effects
from reports.leaderboard import errors_inside_runs, evaluation_columns

SKIP_RATIO = Column("skip_ratio", "skip ratio", "1")


@dataclass(frozen=True)
class Combination:
    """One level of every choice, and the run of every search seed."""

    levels: Mapping[str, str]  # choice -> level
    runs: Mapping[int, str]  # search seed -> run id


@dataclass(frozen=True)
class AblationTable:
    """The effects on every quantity, and the runs that they were estimated from."""

    title: str
    choices: Choices  # the reference level first
    crossed: bool  # all combinations of levels, or one choice changed at a time
    columns: tuple[Column, ...]  # error and skip ratio; a quantity that no run has is absent
    effects: Mapping[str, Effects]  # column key -> effects
    runs: pd.DataFrame  # id, seed, a column a choice, a column a quantity; finished runs only
    notes: tuple[str, ...]
    command: str


def ablation(
    runs: pd.DataFrame,
    evaluations: pd.DataFrame,
    combinations: Sequence[Combination],
    *,
    choices: Choices,
    crossed: bool,
    dataset: str,
    title: str,
    command: str,
) -> AblationTable:
    """The table of an ablation from `Store.runs()` and `Store.evaluations()`; only finished runs count.

    The error is the first error column of a leaderboard, and of those that most runs have.
    """
    planned = pd.DataFrame(
        [{"id": run, "seed": seed, **one.levels} for one in combinations for seed, run in one.runs.items()]
    )
    finished = runs[runs["id"].isin(planned["id"]) & (runs["status"] == "finished")]
    errors = errors_inside_runs(evaluations[evaluations["run_id"].isin(finished["id"])])
    shown = planned[planned["id"].isin(finished["id"])].set_index("id")
    columns = []
    if len(errors):
        known = errors["column"].value_counts()
        error = max(evaluation_columns(errors, dataset=dataset), key=lambda column: known[column.key])
        columns.append(error)
        shown[error.key] = errors[errors["column"] == error.key].set_index("run_id")["mean"]
    if finished["skip_ratio"].notna().any():
        columns.append(SKIP_RATIO)
        shown[SKIP_RATIO.key] = finished.set_index("id")["skip_ratio"]
    return AblationTable(
        title=title,
        choices=choices,
        crossed=crossed,
        columns=tuple(columns),
        effects={column.key: _effects_on(column, shown, choices, crossed=crossed) for column in columns},
        runs=shown.reset_index(),
        notes=tuple(_notes(len(planned), finished, shown, columns)),
        command=command,
    )


def _effects_on(column: Column, runs: pd.DataFrame, choices: Choices, *, crossed: bool) -> Effects:
    measured = runs.rename(columns={column.key: "value"}).dropna(subset="value")
    return estimate_effects(measured, choices, crossed=crossed)


def _notes(planned: int, finished: pd.DataFrame, shown: pd.DataFrame, columns: Sequence[Column]) -> list[str]:
    notes = []
    if missing := planned - len(finished):
        notes.append(f"{missing} of {planned} runs are not finished, and not counted")
    if cut_off := int((finished["connected"] == False).sum()):  # noqa: E712 - unknown is neither
        notes.append(f"{cut_off} of {len(finished)} runs found a cell that is cut off; its error is that of guessing")
    for column in columns:
        if unknown := int(shown[column.key].isna().sum()):
            notes.append(
                f"{unknown} of {len(finished)} finished runs have no value of {column.label}, and do not count"
            )
    return notes


__all__ = ["SKIP_RATIO", "AblationTable", "Combination", "ablation"]

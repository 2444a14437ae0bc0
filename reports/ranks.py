"""Average ranks of methods over data sets, and which of them differ (Demšar 2006).

    ranks = rank_methods(store.runs(), store.evaluations(), over="data-sets", command="...")
    print(render(ranks_sheet(ranks), "markdown"))          # reports.sheet, reports.ranks_sheet

In each block, a data set, the methods are ranked by their mean error over search seeds: 1 is the lowest, ties share
the mean of their ranks. Friedman's test asks whether the average ranks differ at all, and if they do, Nemenyi's test
which pairs do. With search seeds as blocks the same test is about one data set: under its null hypothesis, that all
methods have the same distribution of errors, the methods are as exchangeable within a seed as within a data set.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal, get_args

import pandas as pd
import scikit_posthocs
from scipy import stats

from reports.leaderboard import errors_inside_runs, evaluation_columns, labelled_groups
from reports.statistics import CONFIDENCE
from results.errors import StoreError

Over = Literal["data-sets", "seeds"]
OVER: tuple[str, ...] = get_args(Over)
FEWEST_METHODS = 3  # Friedman's test of two is a sign test
FEWEST_BLOCKS = 6  # in fewer, a method that wins every one of them is not told by a sign test: 2 * 0.5^5 = 0.06


@dataclass(frozen=True)
class Ranks:
    """Methods by average rank, and what the tests say of them."""

    over: Over
    errors: pd.DataFrame  # (blocks, methods): mean errors in %, methods by average rank
    average: pd.Series  # method -> average rank, 1 is the best
    friedman_p: float | None  # None where there are too few blocks or methods for the test
    p_values: pd.DataFrame | None  # (methods, methods), Nemenyi; None where Friedman's test finds no difference
    critical_difference: float | None  # of average ranks, Nemenyi at 5 %
    verdict: str
    notes: tuple[str, ...]
    command: str

    @property
    def tied(self) -> tuple[str, ...]:
        """The methods that cannot be told from the one with the best rank."""
        others = self.average.index[1:]
        if self.p_values is None:
            return tuple(others)
        best = self.p_values[self.average.index[0]]
        return tuple(name for name in others if best[name] >= 1 - CONFIDENCE)


def rank_methods(runs: pd.DataFrame, evaluations: pd.DataFrame, *, over: Over, command: str) -> Ranks:
    """The ranks of the finished runs; raises StoreError where fewer than two methods can be compared.

    Errors are test errors where there are any, else validation errors; those of shared weights are never ranked.
    Until no error is missing, the method or block that lacks most of them is left out.
    """
    finished = runs[runs["status"] == "finished"]
    known = evaluations[evaluations["run_id"].isin(finished["id"]) & (evaluations["source"] != "one-shot")]
    spaces = finished["space"].nunique() > 1
    blocks = _seed_blocks(finished, known) if over == "seeds" else _dataset_blocks(finished, known, name_space=spaces)
    found = pd.DataFrame(dict(blocks)).T
    errors, notes = _complete(found)
    if errors.shape[1] < 2:
        raise StoreError(
            f"fewer than two methods share {_words(over)} with known errors: "
            "run the same methods on the same data sets and seeds, with `nas-harness run --method A --method B`"
        )
    return _tested(errors, over=over, notes=[*notes, _caution(finished, errors, over)], command=command)


def _dataset_blocks(
    runs: pd.DataFrame, evaluations: pd.DataFrame, *, name_space: bool
) -> Iterator[tuple[str, pd.Series]]:
    """(block, method -> mean error): a block a space, searched data set and data set of the errors."""
    for (space, searched), group in runs.groupby(["space", "dataset"], sort=True):
        labels = _labels(group, str(searched))
        for judged, values in _errors_by_dataset(evaluations[evaluations["run_id"].isin(group["id"])], str(searched)):
            name = judged if judged == searched else f"{judged} (searched {searched})"
            means = values.groupby(labels.reindex(values.index)).mean()
            yield f"{space}: {name}" if name_space else name, means


def _seed_blocks(runs: pd.DataFrame, evaluations: pd.DataFrame) -> Iterator[tuple[str, pd.Series]]:
    """(block, method -> error): a block a search seed, errors of the data set that was searched, or else the first."""
    searched = sorted(set(zip(runs["space"], runs["dataset"], strict=True)))
    if len(searched) > 1:
        listed = ", ".join(f"{dataset} ({space})" for space, dataset in searched)
        raise StoreError(f"seeds are compared on one data set: choose one of {listed} with --space and --dataset")
    if not searched:
        return
    labels = _labels(runs, searched[0][1])
    _, values = next(_errors_by_dataset(evaluations, searched[0][1]), ("", pd.Series(dtype=float)))
    seeds = runs.set_index("id")["search_seed"].reindex(values.index)
    for seed, of_seed in values.groupby(seeds):
        yield f"seed {seed}", of_seed.groupby(labels.reindex(of_seed.index)).mean()


def _labels(runs: pd.DataFrame, dataset: str) -> pd.Series:
    """run id -> the method as the leaderboard calls it."""
    groups = labelled_groups(runs, dataset=dataset)
    return pd.Series({run: label for label, group in groups for run in group["id"]}, dtype=object)


def _errors_by_dataset(evaluations: pd.DataFrame, searched: str) -> Iterator[tuple[str, pd.Series]]:
    """(data set, run id -> error) of the evaluation column, of a data set, that most runs have."""
    errors = errors_inside_runs(evaluations)
    datasets = dict(zip(errors["column"], errors["dataset"], strict=True))
    known = errors["column"].value_counts()
    keys = [column.key for column in evaluation_columns(errors, dataset=searched)]
    for dataset in dict.fromkeys(datasets[key] for key in keys):
        most = max((key for key in keys if datasets[key] == dataset), key=known.__getitem__)  # the first of equals
        yield dataset, errors[errors["column"] == most].set_index("run_id")["mean"]


def _complete(errors: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The errors without missing ones, and a note that names what was left out."""
    kept = errors
    while kept.isna().to_numpy().any():
        by_method, by_block = kept.isna().mean(), kept.isna().mean(axis=1)
        if by_method.max() >= by_block.max():
            kept = kept.drop(columns=str(by_method.idxmax()))
        else:
            kept = kept.drop(index=str(by_block.idxmax()))
    left_out = [*errors.columns.difference(kept.columns), *errors.index.difference(kept.index)]
    return kept, [f"left out, because errors are missing: {', '.join(left_out)}"] if left_out else []


def _tested(errors: pd.DataFrame, *, over: Over, notes: list[str], command: str) -> Ranks:
    ranks = errors.rank(axis=1)
    average = ranks.mean().sort_values(kind="stable")
    errors, ranks = errors[average.index], ranks[average.index]
    blocks, methods = errors.shape
    counts = f"{blocks} {_words(over)} and {methods} methods"
    friedman = pairs = difference = None
    if blocks < FEWEST_BLOCKS or methods < FEWEST_METHODS:
        verdict = f"too few to test: {counts}, and the test takes {FEWEST_BLOCKS} and {FEWEST_METHODS}; all are tied"
    else:
        same = (ranks.nunique(axis=1) == 1).all()  # the statistic is 0 / 0
        friedman = 1.0 if same else float(stats.friedmanchisquare(*errors.to_numpy().T).pvalue)
        studentized = stats.studentized_range.ppf(CONFIDENCE, methods, math.inf) / math.sqrt(2)
        difference = float(studentized * math.sqrt(methods * (methods + 1) / (6 * blocks)))
        verdict = f"{counts} do not tell any two methods apart (Friedman, p = {friedman:.2g}); all are tied"
        if friedman < 1 - CONFIDENCE:
            pairs = scikit_posthocs.posthoc_nemenyi_friedman(errors)
    found = Ranks(over, errors, average, friedman, pairs, difference, verdict, tuple(filter(None, notes)), command)
    return found if pairs is None else replace(found, verdict=_told(found, counts))


def _told(ranks: Ranks, counts: str) -> str:
    best, others = ranks.average.index[0], len(ranks.average) - 1
    start = f"{counts} differ (Friedman, p = {ranks.friedman_p:.2g}); {best} has the best rank"
    if len(ranks.tied) == others:
        return f"{start}, within noise of all others"
    return f"{start}, tied with {', '.join(ranks.tied)}" if ranks.tied else f"{start}, told from all others"


def _caution(runs: pd.DataFrame, errors: pd.DataFrame, over: Over) -> str:
    """What the blocks are not, in a sentence; empty where they are independent data sets."""
    if over == "seeds":
        return "over search seeds the test is about this one data set, and says nothing of others"
    if len(errors) > len(runs.groupby(["space", "dataset"])):
        return "architectures of one search were judged on several data sets: these blocks are not independent"
    return ""


def _words(over: Over) -> str:
    return over.replace("-", " ")


__all__ = ["FEWEST_BLOCKS", "FEWEST_METHODS", "OVER", "Over", "Ranks", "rank_methods"]

"""What a handful of search seeds allows to say: means, Student-t intervals, and which methods are tied.

A search costs too much to be repeated often, so everything here is meant for 3 to 5 values a method.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

CONFIDENCE = 0.95
FEWEST_SEEDS = 3  # with 2 values the t interval is 12.7 standard errors wide to each side


@dataclass(frozen=True)
class Summary:
    """Values of one quantity over search seeds; std, low and high are NaN for fewer than two values."""

    count: int
    mean: float
    std: float  # with n - 1 in the denominator
    low: float  # of the 95 % Student-t interval of the mean
    high: float


@dataclass(frozen=True)
class Verdict:
    """Which method a quantity speaks for."""

    best: str | None  # the method with the best mean, None where there is nothing to compare
    tied: tuple[str, ...]  # methods that cannot be told from the best one
    enough: bool  # whether at least one comparison could be decided
    text: str

    @property
    def winner(self) -> str | None:
        """The one best method, or None where no method can be told from all others."""
        return self.best if self.enough and not self.tied else None


def summarise(values: Sequence[float]) -> Summary:
    """Mean, standard deviation and 95 % Student-t interval; raises ValueError for no values at all."""
    numbers = np.asarray(values, dtype=float)
    count = len(numbers)
    if count == 0:
        raise ValueError("there is nothing to summarise: give at least one value")
    mean = float(numbers.mean())
    if count == 1:
        return Summary(1, mean, math.nan, math.nan, math.nan)
    if (numbers == numbers[0]).all():  # rounding in the mean must not show up as a spread
        return Summary(count, float(numbers[0]), 0.0, float(numbers[0]), float(numbers[0]))
    std = float(numbers.std(ddof=1))
    half = float(stats.t.ppf((1 + CONFIDENCE) / 2, count - 1)) * std / math.sqrt(count)
    return Summary(count, mean, std, mean - half, mean + half)


def welch(first: Summary, second: Summary) -> float:
    """Two-sided p-value of Welch's t-test (unequal variances); each summary of two values or more."""
    if first.std == 0 and second.std == 0:  # no spread at all: the means differ or they do not
        return 1.0 if first.mean == second.mean else 0.0
    result = stats.ttest_ind_from_stats(
        first.mean, first.std, first.count, second.mean, second.std, second.count, equal_var=False
    )
    return float(result.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down adjusted p-values, in the order given (Holm 1979): max over i <= k of (m - i) * p_(i)."""
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values, dtype=float)[order] * np.arange(len(order), 0, -1)
    adjusted = np.empty(len(order))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return adjusted.tolist()


def verdict(values: Mapping[str, Sequence[float]], *, level: float = 1 - CONFIDENCE) -> Verdict:
    """The method with the lowest mean, and those that Welch's test with Holm's correction cannot tell from it.

    A method with fewer than three values is never told from another; where nothing can be told, or only
    one method is there, the text says so and there is no winner.
    """
    summaries = {name: summarise(numbers) for name, numbers in values.items() if len(numbers)}
    if not summaries:
        return Verdict(None, (), False, "no values")
    best = min(summaries, key=lambda name: summaries[name].mean)
    others = [name for name in summaries if name != best]
    if not others:
        return Verdict(best, (), False, "nothing to compare with")
    decidable = [name for name in others if min(summaries[name].count, summaries[best].count) >= FEWEST_SEEDS]
    adjusted = holm([welch(summaries[best], summaries[name]) for name in decidable])
    told = {name for name, p in zip(decidable, adjusted, strict=True) if p < level}
    tied = tuple(name for name in others if name not in told)
    if not told:
        return Verdict(best, tied, False, "too few seeds to tell")
    if tied:
        return Verdict(best, tied, True, f"{best} is lowest, tied with {', '.join(tied)}")
    return Verdict(best, (), True, f"{best} is lowest")

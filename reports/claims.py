"""Whether a paper's claim holds in the runs at hand: one verdict a claim, honest about how few seeds there are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy import stats

from reports.statistics import CONFIDENCE, FEWEST_SEEDS, summarise, welch

Answer = Literal["holds", "does not hold", "too few seeds to tell", "nothing measured"]
Direction = Literal["lower", "higher"]
LEVEL = 1 - CONFIDENCE


@dataclass(frozen=True)
class ClaimVerdict:
    """The answer, and the figures behind it in one line."""

    answer: Answer
    evidence: str


def judge_order(first: Sequence[float], second: Sequence[float], direction: Direction) -> ClaimVerdict:
    """Whether the first group's mean is lower (or higher) than the second's, by Welch's t-test at 5 %."""
    if not first or not second:
        return ClaimVerdict("nothing measured", "")
    one, other = summarise(first), summarise(second)
    shown = f"{one.mean:.4g} (n = {one.count}) against {other.mean:.4g} (n = {other.count})"
    if min(one.count, other.count) < FEWEST_SEEDS:
        return ClaimVerdict("too few seeds to tell", shown)
    p = welch(one, other)
    if p >= LEVEL:
        return ClaimVerdict("too few seeds to tell", f"{shown}, p = {p:.2g}")
    right = one.mean < other.mean if direction == "lower" else one.mean > other.mean
    return ClaimVerdict("holds" if right else "does not hold", f"{shown}, p = {p:.2g}")


def judge_value(values: Sequence[float], expected: float, tolerance: float) -> ClaimVerdict:
    """Whether every run has the expected value, to the tolerance; one run that has not refutes it."""
    if not values:
        return ClaimVerdict("nothing measured", "")
    strays = [value for value in values if abs(value - expected) > tolerance]
    shown = f"{len(values) - len(strays)} of {len(values)} runs at {expected:g}"
    if strays:
        return ClaimVerdict("does not hold", f"{shown}; others at {', '.join(f'{value:.4g}' for value in strays)}")
    return ClaimVerdict("holds" if len(values) >= FEWEST_SEEDS else "too few seeds to tell", shown)


def judge_change(changed: Sequence[float], baseline: Sequence[float], percent: float) -> ClaimVerdict:
    """Whether the mean moves by at most `percent` of the baseline's, by the 95 % interval of the difference."""
    if not changed or not baseline:
        return ClaimVerdict("nothing measured", "")
    one, other = summarise(changed), summarise(baseline)
    moved = 100 * (one.mean / other.mean - 1)
    shown = f"{moved:+.1f} % (n = {one.count} and {other.count})"
    if min(one.count, other.count) < FEWEST_SEEDS:
        return ClaimVerdict("too few seeds to tell", shown)
    low = high = moved
    if one.std or other.std:
        interval = stats.ttest_ind(changed, baseline, equal_var=False).confidence_interval(CONFIDENCE)
        low, high = (100 * end / other.mean for end in interval)
    shown += f" [{low:+.1f}, {high:+.1f}]"
    if -percent <= low and high <= percent:
        return ClaimVerdict("holds", shown)
    outside = high < -percent or low > percent
    return ClaimVerdict("does not hold" if outside else "too few seeds to tell", shown)


def judge_trend(settings: Sequence[float], values: Sequence[float], direction: Direction) -> ClaimVerdict:
    """Whether the quantity falls (`lower`) or rises with the setting: Spearman's rank correlation at 5 %."""
    if len(set(settings)) < 2:
        return ClaimVerdict("nothing measured", "")
    means = {
        setting: summarise([v for s, v in zip(settings, values, strict=True) if s == setting]) for setting in settings
    }
    shown = ", ".join(f"{setting:g}: {means[setting].mean:.4g}" for setting in sorted(means))
    if min(summary.count for summary in means.values()) < FEWEST_SEEDS:
        return ClaimVerdict("too few seeds to tell", shown)
    if len(set(values)) == 1:
        return ClaimVerdict("does not hold", f"{shown}; no change at all")
    rank = stats.spearmanr(settings, values)
    shown += f"; rank correlation {rank.statistic:+.2f}, p = {rank.pvalue:.2g}"
    if rank.pvalue >= LEVEL:
        return ClaimVerdict("too few seeds to tell", shown)
    right = rank.statistic < 0 if direction == "lower" else rank.statistic > 0
    return ClaimVerdict("holds" if right else "does not hold", shown)


__all__ = ["Answer", "ClaimVerdict", "Direction", "judge_change", "judge_order", "judge_trend", "judge_value"]

"""Verdicts on claims, against scipy's tests and cases whose answer is plain."""

import numpy as np
import pytest
from scipy import stats

from reports.claims import Direction, judge_change, judge_order, judge_trend, judge_value

LOW, HIGH = [1.0, 1.1, 1.2], [5.0, 5.2, 5.1]


@pytest.mark.parametrize(
    ("first", "second", "direction", "answer"),
    [
        (LOW, HIGH, "lower", "holds"),
        (LOW, HIGH, "higher", "does not hold"),
        (HIGH, LOW, "higher", "holds"),
        (LOW, [0.0, 1.0, 9.0], "lower", "too few seeds to tell"),
        (LOW[:2], HIGH, "lower", "too few seeds to tell"),
        ([], HIGH, "lower", "nothing measured"),
    ],
)
def test_order_is_told_only_when_the_seeds_can_tell(
    first: list[float], second: list[float], direction: Direction, answer: str
) -> None:
    assert judge_order(first, second, direction).answer == answer


def test_order_agrees_with_welch_at_five_percent() -> None:
    generator = np.random.default_rng(0)
    answers = set()
    for _ in range(200):
        first, second = generator.normal(0, 1, 3), generator.normal(1.5, 1, 4)
        p = stats.ttest_ind(first, second, equal_var=False).pvalue
        lower = first.mean() < second.mean()
        expected = "too few seeds to tell" if p >= 0.05 else "holds" if lower else "does not hold"
        assert judge_order(list(first), list(second), "lower").answer == expected
        answers.add(expected)
    assert len(answers) >= 2


def test_value_is_refuted_by_one_stray() -> None:
    assert judge_value([0.0, 0.0, 0.0], 0.0, 0.0).answer == "holds"
    assert judge_value([0.0, 0.0, 16.7], 0.0, 1.0).answer == "does not hold"
    assert judge_value([0.0], 0.0, 0.0).answer == "too few seeds to tell"


@pytest.mark.parametrize(
    ("changed", "answer"),
    [
        ([101.0, 102.0, 101.5], "holds"),
        ([150.0, 151.0, 152.0], "does not hold"),
        ([90.0, 100.0, 125.0], "too few seeds to tell"),
    ],
)
def test_change_within_ten_percent(changed: list[float], answer: str) -> None:
    assert judge_change(changed, [100.0, 100.5, 99.5], 10).answer == answer


def test_change_without_any_spread() -> None:
    assert judge_change([105.0] * 3, [100.0] * 3, 10).answer == "holds"
    assert judge_change([120.0] * 3, [100.0] * 3, 10).answer == "does not hold"


def test_trend_is_spearmans() -> None:
    gammas = [1e-3] * 3 + [1e-2] * 3 + [1e-1] * 3
    falling = [23.0, 22.0, 24.0, 21.0, 20.0, 20.5, 12.0, 13.0, 11.0]
    verdict = judge_trend(gammas, falling, "lower")
    assert verdict.answer == "holds"
    assert f"{stats.spearmanr(gammas, falling).statistic:+.2f}" in verdict.evidence
    assert judge_trend(gammas, falling, "higher").answer == "does not hold"
    assert judge_trend(gammas, [1.0, 3.0, 2.0] * 3, "lower").answer == "too few seeds to tell"
    assert judge_trend(gammas, [1.0] * 9, "lower").answer == "does not hold"
    assert judge_trend(gammas[:2], falling[:2], "lower").answer == "nothing measured"

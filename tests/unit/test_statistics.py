"""Statistics of a few seeds, against closed forms and scipy's own routines on the raw values."""

import gc
import math

import numpy as np
import pytest
from scipy import stats

from reports.statistics import Summary, bootstrap_interval, holm, pairwise, summarise, verdict, verdict_of, welch


def test_summary_of_three_values_by_hand() -> None:
    # mean 2, variance ((-1)^2 + 0 + 1^2) / 2 = 1; t(0.975, 2) = 4.302652729911275 (printed tables: 4.303)
    found = summarise([1.0, 2.0, 3.0])
    assert (found.count, found.mean, found.std) == (3, 2.0, 1.0)
    assert found.high - found.mean == pytest.approx(4.302652729911275 / math.sqrt(3))
    assert found.mean - found.low == pytest.approx(4.302652729911275 / math.sqrt(3))


def test_t_quantile_with_two_values_has_a_closed_form() -> None:
    # One degree of freedom is the Cauchy distribution, whose quantile is tan(pi (q - 1/2)).
    found = summarise([0.0, 2.0])
    assert found.high == pytest.approx(1 + math.tan(math.pi * 0.475))


@pytest.mark.parametrize("seed", range(5))
def test_interval_is_scipys(seed: int) -> None:
    values = np.random.default_rng(seed).normal(5, 2, size=4)
    found = summarise(values.tolist())
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_degenerate_summaries() -> None:
    wide, cut = summarise([0.05, 0.9, 0.1]), summarise([0.05, 0.9, 0.1], within=(0.0, 1.0))
    assert wide.low < 0
    assert wide.high > 1
    assert (cut.low, cut.high, cut.mean, cut.std) == (0.0, 1.0, wide.mean, wide.std)
    single = summarise([4.0])
    assert single.mean == 4.0
    assert math.isnan(single.std)
    assert math.isnan(single.low)
    constant = summarise([0.1, 0.1, 0.1])
    assert (constant.mean, constant.std, constant.low, constant.high) == (0.1, 0.0, 0.1, 0.1)
    with pytest.raises(ValueError, match="at least one value"):
        summarise([])


@pytest.mark.parametrize("seed", range(5))
def test_welch_is_scipys_on_the_values(seed: int) -> None:
    generator = np.random.default_rng(seed)
    first, second = generator.normal(0, 1, 3), generator.normal(1, 3, 5)
    expected = stats.ttest_ind(first, second, equal_var=False).pvalue
    assert welch(summarise(first.tolist()), summarise(second.tolist())) == pytest.approx(expected)


def test_welch_without_spread() -> None:
    constant, other, spread = summarise([1, 1, 1]), summarise([2, 2, 2]), summarise([1, 2, 3])
    assert welch(constant, constant) == 1.0
    assert welch(constant, other) == 0.0
    # With one constant sample the test is the one-sample test against that constant.
    assert welch(constant, spread) == pytest.approx(stats.ttest_1samp([1, 2, 3], 1).pvalue)


def test_holm_by_hand() -> None:
    # sorted 0.01, 0.03, 0.04 -> 3 * 0.01, 2 * 0.03, max(0.06, 1 * 0.04)
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]).tolist() == [1.0, 1.0]
    assert holm([]).tolist() == []


@pytest.mark.parametrize("seed", range(5))
def test_holm_rejects_what_the_step_down_procedure_rejects(seed: int) -> None:
    p_values = np.random.default_rng(seed).uniform(0, 0.1, 6)
    rejected = set()
    for step, index in enumerate(np.argsort(p_values)):
        if p_values[index] > 0.05 / (6 - step):
            break
        rejected.add(int(index))
    assert {index for index, p in enumerate(holm(p_values)) if p <= 0.05} == rejected


def test_a_clear_winner() -> None:
    found = verdict({"a": [1.0, 1.1, 0.9], "b": [5.0, 5.1, 4.9], "c": [9.0, 9.2, 9.1]})
    assert (found.best, found.tied, found.winner) == ("a", (), "a")


def test_a_tie_has_no_winner() -> None:
    found = verdict({"a": [1.0, 1.1, 0.9], "b": [1.05, 1.15, 0.95], "c": [9.0, 9.2, 9.1]})
    assert (found.best, found.tied, found.winner) == ("a", ("b",), None)
    assert found.text == "a is lowest, tied with b"


@pytest.mark.parametrize(
    "values",
    [
        {"a": [1.0, 1.1], "b": [5.0, 5.1]},  # two seeds, however far apart
        {"a": [1.0], "b": [5.0, 5.1, 4.9]},
        {"a": [1.0, 4.0, 7.0], "b": [2.0, 5.0, 8.0]},  # everything overlaps
        {"a": [1.0, 1.0, 1.0], "b": [1.0, 1.0, 1.0]},
    ],
)
def test_too_few_seeds_to_tell(values: dict[str, list[float]]) -> None:
    found = verdict(values)
    assert found.winner is None
    assert found.text.startswith("too few seeds to tell")
    assert set(found.tied) == set(values) - {found.best}


def test_a_win_within_noise_is_a_tie() -> None:
    found = verdict({"a": [1.0, 4.0, 7.0], "b": [2.0, 5.0, 8.0]})
    assert found.text == "too few seeds to tell: a is lowest within noise, tied with all others"
    assert found.p_values == {"b": pytest.approx(stats.ttest_ind([1, 4, 7], [2, 5, 8], equal_var=False).pvalue)}


def test_the_correction_is_for_all_pairs() -> None:
    # The best of ten equal methods was chosen among them: of 45 pairs, not of the 9 that it is part of.
    generator = np.random.default_rng(1)
    values = {str(method): generator.normal(0, 1, 4).tolist() for method in range(10)}
    names = list(values)
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    raw = [stats.ttest_ind(values[a], values[b], equal_var=False).pvalue for a, b in pairs]
    order = sorted(range(45), key=raw.__getitem__)
    expected = {
        pairs[index]: min(1.0, max(raw[other] * (45 - place) for place, other in enumerate(order[: rank + 1])))
        for rank, index in enumerate(order)
    }
    table = pairwise({name: summarise(numbers) for name, numbers in values.items()})
    assert {(a, b): table.loc[a, b] for a, b in pairs} == pytest.approx(expected)
    assert (table.to_numpy() == table.to_numpy().T).all()
    best = verdict(values).best
    assert verdict(values).p_values == pytest.approx(
        {name: expected[pair] for pair in pairs if best in pair for name in pair if name != best}
    )


def test_false_winners_among_equal_methods_are_rare() -> None:
    generator = np.random.default_rng(2)
    rounds = 300
    gc.freeze()  # statsmodels collects garbage at every correction, and would walk over all that the tests imported
    told = sum(
        verdict({str(method): generator.normal(0, 1, 5).tolist() for method in range(5)}).enough for _ in range(rounds)
    )
    gc.unfreeze()
    assert told <= stats.binom.ppf(0.999, rounds, 0.05)


def test_pairs_need_three_values() -> None:
    with pytest.raises(ValueError, match="'b' has fewer than 3 values"):
        pairwise({"a": summarise([1, 2, 3]), "b": summarise([1, 2])})


def test_thousands_of_methods_are_corrected_by_bonferroni() -> None:
    summaries = {str(method): Summary(5, float(method), 1.0, math.nan, math.nan) for method in range(1200)}
    found = verdict_of(summaries)
    raw = stats.ttest_ind_from_stats(0, 1, 5, 9, 1, 5, equal_var=False).pvalue
    assert found.p_values["9"] == pytest.approx(min(1.0, raw * 1200 * 1199 / 2))
    assert (found.best, found.tied[0], found.enough) == ("0", "1", True)


@pytest.mark.parametrize("count", [20, 100])
def test_many_seeds_have_a_bootstrap_interval(count: int) -> None:
    values = np.random.default_rng(count).exponential(2, count)
    found = summarise(values.tolist())
    means = np.random.default_rng(9).choice(values, (20_000, count)).mean(axis=1)  # the same, resampled by hand
    assert (found.low, found.high) == pytest.approx(np.quantile(means, [0.025, 0.975]), abs=0.08 * found.std)
    assert (found.low, found.high) == bootstrap_interval(values)  # the same bits every time


@pytest.mark.parametrize("count", [19, 101])
def test_other_counts_have_a_t_interval(count: int) -> None:
    values = np.random.default_rng(count).exponential(2, count)
    found = summarise(values.tolist())
    assert (found.low, found.high) == pytest.approx(tuple(stats.ttest_1samp(values, 0).confidence_interval(0.95)))


def test_a_bootstrap_interval_stays_within_the_values() -> None:
    # Student's t around two collapsed searches (90 % error) among twenty reaches below the lowest value.
    values = [5.0] * 18 + [90.0] * 2
    assert stats.ttest_1samp(values, 0).confidence_interval(0.95).low < 5
    assert summarise(values).low >= 5


def test_nothing_to_compare() -> None:
    assert verdict({}).best is None
    alone = verdict({"a": [1.0, 2.0, 3.0], "b": []})
    assert (alone.winner, alone.text) == (None, "nothing to compare with")

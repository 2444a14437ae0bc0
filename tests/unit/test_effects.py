"""Effects of an ablation: against closed forms, against textbook formulas, and against statsmodels fitted by hand."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from reports.effects import Effect, Effects, estimate_effects

CHOICES = {"update-rule": ("relaxed", "first-order", "mixed-level"), "lambda": ("1", "10"), "relaxation": ("s", "g")}
TWO = {"a": ("0", "1"), "b": ("0", "1")}
MAIN = {"first-order": 4.0, "mixed-level": -1.5, "10": 2.0, "g": 0.25}


def crossed(choices: dict[str, tuple[str, ...]], *, seeds: int) -> pd.DataFrame:
    rows = [(*levels, seed) for levels in itertools.product(*choices.values()) for seed in range(seeds)]
    return pd.DataFrame(rows, columns=[*choices, "seed"])


def by_name(effects: tuple[Effect, ...]) -> dict[tuple[str, ...], Effect]:
    return {effect.levels: effect for effect in effects}


def additive(runs: pd.DataFrame) -> pd.Series:
    parts = (runs[choice].map(lambda level: MAIN.get(level, 0.0)) for choice in CHOICES)
    return 10.0 + sum(parts) + 3.0 * runs["seed"]


def test_an_additive_model_has_its_main_effects_and_no_interactions() -> None:
    runs = crossed(CHOICES, seeds=3)
    runs["value"] = additive(runs)
    found = estimate_effects(runs, CHOICES, crossed=True)
    assert {effect.levels[0]: effect.difference for effect in found.main} == pytest.approx(MAIN)
    assert [effect.difference for effect in found.interactions] == [0.0] * 5
    assert found.intervals == "none"  # an exact fit leaves nothing to judge by
    assert all(math.isnan(effect.p_value) for effect in (*found.main, *found.interactions))
    assert found.means["lambda", "10"] == pytest.approx(runs.loc[runs["lambda"] == "10", "value"].mean())


def test_a_known_interaction() -> None:
    runs = crossed(CHOICES, seeds=2)
    both = (runs["update-rule"] == "first-order") & (runs["lambda"] == "10")
    runs["value"] = additive(runs) + 6.0 * both
    found = estimate_effects(runs, CHOICES, crossed=True)
    interactions = {effect.levels: effect.difference for effect in found.interactions}
    assert interactions == pytest.approx(
        {("first-order", "10"): 6, ("mixed-level", "10"): 0, ("first-order", "g"): 0, ("mixed-level", "g"): 0,
         ("10", "g"): 0}, abs=1e-9
    )  # fmt: skip
    main = {effect.levels[0]: effect.difference for effect in found.main}
    assert main == pytest.approx(MAIN | {"first-order": 4 + 6 / 2, "10": 2 + 6 / 3})


def test_runs_that_are_missing_do_not_bias_the_effects() -> None:
    runs = crossed(CHOICES, seeds=3)
    runs["value"] = additive(runs)
    lacking = runs.drop(index=[0, 1, 5, 17])
    found = estimate_effects(lacking, CHOICES, crossed=True)
    assert {effect.levels[0]: effect.difference for effect in found.main} == pytest.approx(MAIN)


def noisy() -> pd.DataFrame:
    runs = crossed(TWO, seeds=3)
    spread = np.where(runs["a"] == "1", 8.0, 0.5)  # unequal, as with cells that are cut off
    runs["value"] = 20 + np.random.default_rng(1).normal(size=len(runs)) * spread + 5 * (runs["b"] == "1")
    return runs


def test_hc3_intervals_agree_with_a_model_built_by_hand() -> None:
    """Columns of -1/2 and 1/2: the coefficients are the averaged difference and the difference of differences."""
    runs = noisy()
    a, b = (np.where(runs[name] == "1", 0.5, -0.5) for name in "ab")
    blocks = [(runs["seed"] == seed) * 1.0 for seed in range(3)]
    fit = sm.OLS(runs["value"].to_numpy(), np.column_stack([a, b, a * b, *blocks])).fit(cov_type="HC3", use_t=True)
    found = estimate_effects(runs, TWO, crossed=True)
    assert found.intervals == "HC3"
    effects = (*found.main, *found.interactions)
    assert [one.difference for one in effects] == pytest.approx(fit.params[:3])
    assert [(one.low, one.high) for one in effects] == [pytest.approx(row) for row in fit.conf_int()[:3]]
    first, second = sorted(fit.pvalues[:2])
    assert sorted(one.p_value for one in found.main) == pytest.approx([min(1, 2 * first), max(second, 2 * first)])
    assert found.interactions[0].p_value == pytest.approx(fit.pvalues[2])
    # A term of one degree of freedom: F is the square of t.
    assert [term.f for term in found.terms[:3]] == pytest.approx((fit.params[:3] / fit.bse[:3]) ** 2)


def test_with_many_seeds_the_seeds_are_resampled() -> None:
    """Each seed's effect is a difference of its own four runs, and the interval is scipy's of their mean."""
    runs = crossed(TWO, seeds=20)
    generator = np.random.default_rng(3)
    runs["value"] = np.where(generator.random(len(runs)) < 0.1, 90.0, 12 + generator.normal(size=len(runs)))
    found = estimate_effects(runs, TWO, crossed=True)
    assert found.intervals == "bootstrap"
    of = {at: runs[(runs["a"] == at[0]) & (runs["b"] == at[1])].sort_values("seed")["value"].to_numpy()
          for at in itertools.product("01", "01")}  # fmt: skip
    expected = {
        ("a",): (of["1", "0"] + of["1", "1"] - of["0", "0"] - of["0", "1"]) / 2,
        ("b",): (of["0", "1"] + of["1", "1"] - of["0", "0"] - of["1", "0"]) / 2,
        ("a", "b"): of["1", "1"] - of["1", "0"] - of["0", "1"] + of["0", "0"],
    }
    for effect in (*found.main, *found.interactions):
        values = expected[effect.choices]
        assert effect.difference == pytest.approx(values.mean())
        interval = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=1999, rng=0).confidence_interval
        assert (effect.low, effect.high) == pytest.approx((interval.low, interval.high))
    for fewer in (runs[runs["seed"] > 0], runs[1:]):  # 19 seeds; 20, one of which lacks a run
        assert estimate_effects(fewer, TWO, crossed=True).intervals == "HC3"


def test_shares_of_the_sums_of_squares_by_their_textbook_formula() -> None:
    runs = noisy()
    grand, cells = runs["value"].mean(), runs.groupby(["a", "b"])["value"].mean()
    of = {name: runs.groupby(name)["value"].mean() for name in ("a", "b", "seed")}
    sums = {name: len(runs) / len(means) * ((means - grand) ** 2).sum() for name, means in of.items()}
    interaction = 3 * ((cells - grand) ** 2).sum() - sums["a"] - sums["b"]
    total = ((runs["value"] - grand) ** 2).sum()
    found = {term.choices: term for term in estimate_effects(runs, TWO, crossed=True).terms}
    assert found["a",].share == pytest.approx(sums["a"] / total)
    assert found["b",].share == pytest.approx(sums["b"] / total)
    assert found["a", "b"].share == pytest.approx(interaction / total)
    assert found[()].share == pytest.approx(1 - (sums["a"] + sums["b"] + interaction + sums["seed"]) / total)
    assert [(term.choices, term.degrees) for term in found.values()] == [
        (("a",), 1), (("b",), 1), (("a", "b"), 1), ((), 12 - 4 - 2)
    ]  # fmt: skip


def test_one_choice_at_a_time_gives_differences_to_the_base() -> None:
    runs = crossed(CHOICES, seeds=3)
    references = {choice: levels[0] for choice, levels in CHOICES.items()}
    differing = runs[list(references)].ne(pd.Series(references)).sum(axis=1)
    runs = runs.loc[differing <= 1].reset_index(drop=True)
    runs["value"] = np.random.default_rng(2).normal(size=len(runs)) + additive(runs)
    found = estimate_effects(runs, CHOICES, crossed=False)
    base = runs[(runs[list(references)] == pd.Series(references)).all(axis=1)]["value"].mean()
    assert not found.interactions
    assert len(found.main) == 4
    for effect in found.main:
        (choice,), (level,) = effect.choices, effect.levels
        there = runs.loc[runs[choice] == level, "value"].mean()
        assert effect.difference == pytest.approx(there - base)
        assert found.means[choice, level] == pytest.approx(there)
        assert effect.low < effect.difference < effect.high


def test_a_run_alone_of_its_kind_pools_the_spread() -> None:
    """One value against five of another level: the textbook two-sample t-test with pooled variance."""
    values = [3.0, 4.5, 3.5, 5.0, 4.0]
    runs = pd.DataFrame({"a": ["0"] * 5 + ["1"], "seed": 0, "value": [*values, 9.0]})
    found = estimate_effects(runs, {"a": ("0", "1")}, crossed=True)
    assert found.intervals == "pooled"
    (effect,) = found.main
    expected = stats.ttest_ind([9.0], values)
    assert effect.p_value == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (effect.low, effect.high) == pytest.approx((interval.low, interval.high))


def test_what_the_runs_cannot_tell_is_not_a_number() -> None:
    runs = noisy()
    no_corner = runs[(runs["a"] == "0") | (runs["b"] == "0")]
    found = estimate_effects(no_corner, TWO, crossed=True)
    assert all(math.isnan(effect.difference) for effect in (*found.main, *found.interactions))
    assert not found.terms
    only_one_level = estimate_effects(runs[runs["a"] == "0"], TWO, crossed=True)
    assert list(by_name(only_one_level.main)) == [("1",)]
    assert only_one_level.main[0].choices == ("b",)
    without_reference = estimate_effects(
        runs.assign(a=runs["a"].replace("0", "2")), TWO | {"a": ("0", "1", "2")}, crossed=True
    )
    assert [effect.choices for effect in without_reference.main] == [("b",)]
    assert estimate_effects(runs[:1], TWO, crossed=True) == Effects({}, (), (), (), "none", 1)


def test_a_choice_without_any_effect_has_exactly_none() -> None:
    runs = noisy()
    runs["value"] = np.where(runs["a"] == "1", 0.1, 0.7) + np.tile([0.1, 0.3, 0.7, 0.1, 0.7, 0.3], 2)
    found = estimate_effects(runs, TWO, crossed=True)
    assert found.main[1].difference == 0.0
    (term,) = (term for term in found.terms if term.choices == ("b",))
    assert (term.share, term.f) == (0.0, 0.0)


@pytest.mark.parametrize("seeds", [1, 3])
def test_values_that_are_all_alike(seeds: int) -> None:
    runs = crossed(TWO, seeds=seeds).assign(value=0.5)
    found = estimate_effects(runs, TWO, crossed=True)
    assert [effect.difference for effect in (*found.main, *found.interactions)] == [0.0, 0.0, 0.0]
    assert found.intervals == "none"
    assert not found.terms


def test_no_spread_around_one_difference_gives_it_no_interval() -> None:
    runs = pd.DataFrame(
        {"a": list("000111222"), "seed": [0, 1, 2] * 3, "value": [90.0, 90, 90, 20, 20, 20, 11, 15, 28]}
    ).assign(seed=0)
    found = by_name(estimate_effects(runs, {"a": ("0", "1", "2")}, crossed=True).main)
    assert found["1",].difference == pytest.approx(-70)
    assert math.isnan(found["1",].low)
    assert math.isnan(found["1",].p_value)
    assert found["2",].low < -72 < found["2",].high


def test_intervals_hold_what_they_promise_for_cells_that_are_cut_off() -> None:
    """A quarter of the runs at chance level, three seeds: 95 % intervals cover a true effect of 0 often enough."""
    generator = np.random.default_rng(0)
    runs, covered, trials = crossed({"a": ("0", "1"), "b": ("0", "1", "2")}, seeds=3), 0, 60
    for _ in range(trials):
        cut_off = generator.random(len(runs)) < 0.25
        runs["value"] = np.where(cut_off, 90.0, 12 + generator.normal(size=len(runs)))
        effect = estimate_effects(runs, {"a": ("0", "1"), "b": ("0", "1", "2")}, crossed=True).main[0]
        covered += not (effect.low > 0 or effect.high < 0)
    assert stats.binomtest(covered, trials, 0.95, alternative="less").pvalue > 0.001

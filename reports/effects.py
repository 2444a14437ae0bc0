"""Main effects and two-way interactions of categorical choices on one quantity, from a linear model.

    y = mean + search seed + choices + interactions of two choices + noise

A main effect is the difference between a level and the reference level, averaged over all combinations of the other
choices. An interaction is a difference of differences: how much larger the effect of one choice's level is at another
choice's level than at its reference, averaged over the rest. Search seeds are blocks, because the runs of a seed share
their data order and first weights.

Intervals: errors of cells that are cut off lie at chance level, far from the rest, so that neither normal nor equally
spread residuals can be assumed. Standard errors are HC3 (MacKinnon and White, J. Econometrics 1985), which hold for
unequal spreads and lean to the wide side for few runs; where a run is the only one of its kind, HC3 is not defined and
the pooled standard error takes its place. With as many seeds as a leaderboard needs for a bootstrap
(`reports.statistics`), each with the same combinations, the interval is a percentile bootstrap over the seeds: every
seed has an effect of its own there, and the estimate is their mean.
"""

import itertools
import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
import patsy
import statsmodels.formula.api as smf
from statsmodels.stats.anova import anova_lm
from statsmodels.tools.sm_exceptions import SingularMatrixWarning

from reports.statistics import BOOTSTRAP_SEEDS, CONFIDENCE, bootstrap_interval, holm

Intervals = Literal["bootstrap", "HC3", "pooled", "none"]
Choices = Mapping[str, tuple[str, ...]]  # choice -> levels, the reference first
_NEGLIGIBLE = 1e-9  # what rounding leaves of an exact fit, relative to the values


@dataclass(frozen=True)
class Effect:
    """A main effect (one choice) or an interaction (two), in the unit of the quantity; NaN where nothing is known."""

    choices: tuple[str, ...]
    levels: tuple[str, ...]
    difference: float
    low: float  # of the 95 % interval
    high: float
    p_value: float  # of no effect, by Student's t; Holm-corrected over all main effects or all interactions


@dataclass(frozen=True)
class Term:
    """A line of the analysis of variance."""

    choices: tuple[str, ...]  # empty: what the model leaves over; seeds are no choice
    degrees: int  # degrees of freedom
    share: float  # of the type II sums of squares of all lines
    f: float  # of no effect of the term at all: the differences of all its levels tested at once
    p_value: float  # Holm-corrected over the terms


@dataclass(frozen=True)
class Effects:
    """Everything the model says of one quantity."""

    means: Mapping[tuple[str, str], float]  # (choice, level) -> mean over all combinations of the other choices
    main: tuple[Effect, ...]
    interactions: tuple[Effect, ...]
    terms: tuple[Term, ...]  # empty where the runs do not tell all terms apart
    intervals: Intervals
    runs: int


def estimate_effects(runs: pd.DataFrame, choices: Choices, *, crossed: bool) -> Effects:
    """The effects from a column `value`, a column `seed` and a column of levels a choice; one row a run.

    Where the design is not crossed, one choice at a time differs from its reference: there are no interactions, and
    means are those at the references of the other choices. A choice of which only one level has runs is left out; what
    the runs at hand cannot tell is NaN.
    """
    present = {
        choice: tuple(level for level in levels if (runs[choice] == level).any()) for choice, levels in choices.items()
    }
    varied = {choice: levels for choice, levels in present.items() if len(levels) > 1}
    if not varied:
        return Effects({}, (), (), (), "none", len(runs))
    model = _Model(runs, varied, crossed=crossed)
    comparable = {choice: levels for choice, levels in varied.items() if levels[0] == choices[choice][0]}
    main = [((choice,), (level,)) for choice, levels in comparable.items() for level in levels[1:]]
    pairs = [
        ((first, second), levels)
        for first, second in itertools.combinations(comparable, 2)
        for levels in itertools.product(comparable[first][1:], comparable[second][1:])
        if crossed
    ]
    return Effects(
        means={(choice, level): model.mean(choice, level) for choice, levels in varied.items() for level in levels},
        main=model.effects(main),
        interactions=model.effects(pairs),
        terms=model.terms(),
        intervals=model.intervals,
        runs=len(runs),
    )


class _Model:
    """The fitted model. R runs of S seeds, P coefficients, K contrasts."""

    def __init__(self, runs: pd.DataFrame, choices: Choices, *, crossed: bool) -> None:
        self._choices, self._crossed = choices, crossed
        self._names = {choice: f"choice_{index}" for index, choice in enumerate(choices)}  # any text names a choice
        data = pd.DataFrame({"value": runs["value"].astype(float), "seed": runs["seed"].astype(str)})
        for choice, name in self._names.items():
            data[name] = pd.Categorical(runs[choice], categories=list(choices[choice]))
        self._data, self._seeds = data, [str(seed) for seed in sorted(runs["seed"].unique())]
        blocks = "seed + " if len(self._seeds) > 1 else ""
        power = 2 if crossed else 1
        formula = f"value ~ {blocks}({' + '.join(self._names.values())})**{power}"
        with warnings.catch_warnings(action="ignore", category=SingularMatrixWarning):  # see _value
            self._fit: Any = smf.ols(formula, data).fit()
        exog = self._fit.model.exog  # (R, P)
        self._projector = np.linalg.pinv(exog) @ exog  # onto what the runs can tell
        self._full_rank = np.linalg.matrix_rank(exog) == exog.shape[1]
        self._scale = float(np.abs(self._fit.model.endog).max()) or 1.0
        self.intervals = self._kind()
        robust = self.intervals in ("HC3", "bootstrap")
        self._spread = self._fit.get_robustcov_results("HC3", use_t=True) if robust else self._fit

    def _kind(self) -> Intervals:
        if self._fit.df_resid < 1 or np.abs(self._fit.resid).max() < _NEGLIGIBLE * self._scale:
            return "none"
        leverages = self._fit.get_influence().hat_matrix_diag
        if leverages.max() > 1 - 1e-6:
            return "pooled"
        return "bootstrap" if self._has_seeds_to_resample() else "HC3"

    def _has_seeds_to_resample(self) -> bool:
        fewest, most = BOOTSTRAP_SEEDS
        if not fewest <= len(self._seeds) <= most:
            return False
        combinations = self._data.groupby("seed")[list(self._names.values())].value_counts().unstack("seed")
        return bool(combinations.nunique(axis=1, dropna=False).eq(1).all())

    def mean(self, choice: str, level: str) -> float:
        """The mean at a level; NaN where the runs do not tell."""
        return self._value(self._mean_row({choice: level}))

    def effects(self, wanted: Iterable[tuple[tuple[str, ...], tuple[str, ...]]]) -> tuple[Effect, ...]:
        """The differences with their intervals, corrected as one family."""
        found = [self._effect(choices, levels) for choices, levels in wanted]
        p_values = _corrected([effect.p_value for effect in found])
        return tuple(replace(effect, p_value=p) for effect, p in zip(found, p_values, strict=True))

    def terms(self) -> tuple[Term, ...]:
        """The analysis of variance; F takes the standard errors of the intervals."""
        if not self._full_rank or self.intervals == "none":
            return ()
        squares = anova_lm(self._fit, typ=2)
        shares = squares["sum_sq"] / squares["sum_sq"].sum()
        chosen = {
            name: tuple(choice for choice, column in self._names.items() if column in name.split(":"))
            for name in squares.index
            if name != "seed"
        }
        tests = [self._joint_test(choices) for choices in chosen.values()]
        p_values = _corrected([p_value for _, p_value in tests])
        return tuple(
            Term(choices, int(squares.loc[name, "df"]), _rounded(shares[name]), f, p_value)
            for (name, choices), (f, _), p_value in zip(chosen.items(), tests, p_values, strict=True)
        )

    def _joint_test(self, choices: tuple[str, ...]) -> tuple[float, float]:
        """F and p; NaN of the residual, and where no spread is left around some difference."""
        if not choices:
            return math.nan, math.nan
        levels = itertools.product(*(self._choices[choice][1:] for choice in choices))
        contrasts = np.stack([self._contrast(choices, at) for at in levels])
        covariance = contrasts @ self._spread.cov_params() @ contrasts.T
        if np.linalg.matrix_rank(covariance, tol=(_NEGLIGIBLE * self._scale) ** 2) < len(contrasts):
            return math.nan, math.nan
        test = self._spread.f_test(contrasts)
        return _rounded(test.fvalue), float(test.pvalue)

    def _effect(self, choices: tuple[str, ...], levels: tuple[str, ...]) -> Effect:
        contrast = self._contrast(choices, levels)
        value = self._value(contrast)
        low = high = p_value = math.nan
        if not math.isnan(value) and self.intervals != "none":
            with np.errstate(all="ignore"):  # where there is no spread around a difference, there is no interval either
                test = self._spread.t_test(contrast)
            if float(np.squeeze(test.sd)) > _NEGLIGIBLE * self._scale:
                if self.intervals == "bootstrap":
                    low, high = bootstrap_interval(self._params_of_seeds @ contrast)
                else:
                    low, high = test.conf_int(alpha=1 - CONFIDENCE)[0].tolist()
                p_value = float(np.squeeze(test.pvalue))
        return Effect(choices, levels, value, low, high, p_value)

    @cached_property
    def _params_of_seeds(self) -> np.ndarray:
        """(S, P), the model of each seed's runs alone."""
        exog, endog, seeds = self._fit.model.exog, self._fit.model.endog, self._data["seed"].to_numpy()
        return np.stack([np.linalg.pinv(exog[seeds == seed]) @ endog[seeds == seed] for seed in self._seeds])

    def _contrast(self, choices: tuple[str, ...], levels: tuple[str, ...]) -> np.ndarray:
        """(P,), a level less the reference; of two choices (a, b) - (reference, b) - (a, reference) + (both)."""
        contrast = np.zeros(len(self._fit.params))
        options = [(level, self._choices[choice][0]) for choice, level in zip(choices, levels, strict=True)]
        for at in itertools.product(*options):
            replaced = sum(level != wanted for level, wanted in zip(at, levels, strict=True))
            contrast += (-1) ** replaced * self._mean_row(dict(zip(choices, at, strict=True)))
        return contrast

    def _mean_row(self, fixed: Mapping[str, str]) -> np.ndarray:
        """(P,), averaged over seeds, and over the other choices' levels where the design is crossed."""
        others = {choice: levels if self._crossed else levels[:1] for choice, levels in self._choices.items()}
        axes = [(fixed[choice],) if choice in fixed else levels for choice, levels in others.items()]
        grid = pd.DataFrame(itertools.product(self._seeds, *axes), columns=["seed", *self._names.values()])
        (rows,) = patsy.build_design_matrices([self._fit.model.data.model_spec], grid)
        return np.asarray(rows).mean(axis=0)

    def _value(self, contrast: np.ndarray) -> float:
        if not np.allclose(contrast @ self._projector, contrast, atol=1e-6):
            return math.nan  # runs are missing, without which the coefficients are not unique
        return _rounded(contrast @ self._fit.params.to_numpy(), scale=self._scale)


def _rounded(value: float, *, scale: float = 1.0) -> float:
    """Exactly 0 where nothing but rounding is left."""
    return 0.0 if abs(value) < _NEGLIGIBLE * scale else float(value)


def _corrected(p_values: list[float]) -> list[float]:
    """By Holm, unknown ones apart."""
    known = iter(holm([p_value for p_value in p_values if not math.isnan(p_value)]))
    return [p_value if math.isnan(p_value) else next(known) for p_value in p_values]


__all__ = ["Choices", "Effect", "Effects", "Intervals", "Term", "estimate_effects"]

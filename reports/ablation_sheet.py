"""An ablation's effects as a sheet: main effects, interactions, analysis of variance."""

import math
from collections.abc import Iterator
from typing import Any

from reports.ablation import AblationTable
from reports.board import Column
from reports.effects import Effect
from reports.grid import Grid, GridCell, interval_text
from reports.sheet import Sheet

_INTERVALS = {
    "bootstrap": "95 % intervals by a percentile bootstrap over the search seeds, p-values by Student's t with HC3 "
    "standard errors, which allow unequal spreads",
    "HC3": "95 % intervals and p-values by Student's t with HC3 standard errors, which allow unequal spreads",
    "pooled": "95 % intervals and p-values by Student's t with the pooled standard error, as some run is the only one "
    "of its kind",
    "none": "no intervals, as the runs leave no spread to judge by: run more seeds",
}


def ablation_sheet(table: AblationTable) -> Sheet:
    """The effects, ready to be written in any format."""
    columns = ("kind", "effect", "quantity", "unit", "source", "mean", "difference", "low", "high", "p_value",
               "intervals", "degrees", "share", "f")  # fmt: skip
    lines = [{name: line[name] for name in columns if name in line} for line in _lines(table)]
    return Sheet(grids(table), _footer(table), _data(table), columns, lines, title=table.title, command=table.command)


def grids(table: AblationTable) -> list[Grid]:
    """Main effects, a section a choice; then interactions and the analysis of variance, where there are any."""
    found = [_main_effects(table)] if table.columns else []
    if any(effects.interactions for effects in table.effects.values()):
        found.append(_interactions(table))
    if any(effects.terms for effects in table.effects.values()):
        found.append(_variance(table))
    return found


def effect_name(effect: Effect) -> str:
    """Such as `relaxation=sigmoid x beta=1`."""
    return " x ".join(f"{choice}={level}" for choice, level in zip(effect.choices, effect.levels, strict=True))


def quantity_name(column: Column) -> str:
    """The quantity in short, with its unit; the footer says which error it is."""
    return "error, %" if column.evaluation else column.label


def _heading(column: Column) -> str:
    return f"{quantity_name(column)}{' (1)' if column.evaluation else ''}"


def _main_effects(table: AblationTable) -> Grid:
    header = ["level", "runs"]
    for column in table.columns:
        header += [f"{_heading(column)}, mean", "difference", "p"]
    found = {key: {effect_name(one): one for one in effects.main} for key, effects in table.effects.items()}
    rows: list[tuple[GridCell, ...]] = []
    sections = []
    for choice, levels in table.choices.items():
        sections.append(len(rows))
        for level in levels:
            name = f"{choice}={level}"
            texts = [f"{name}{' *' * (level == levels[0])}", str(_count(table, choice, level))]
            for column in table.columns:
                mean = table.effects[column.key].means.get((choice, level), math.nan)
                texts += [_number(mean), *_effect_texts(found[column.key].get(name))]
            rows.append(tuple(map(GridCell, texts)))
    where = "averaged over the other choices" if table.crossed else "one choice changed at a time"
    title = f"Main effects: difference from the reference level (*), {where}"
    return Grid(title, tuple(header), tuple(rows), sections=tuple(sections[1:]))


def _count(table: AblationTable, choice: str, level: str) -> int:
    """The runs that the mean of a level is of."""
    at = table.runs[table.runs[choice] == level]
    if not table.crossed:
        for other, levels in table.choices.items():
            at = at[(at[other] == levels[0]) | (other == choice)]
    return len(at)


def _interactions(table: AblationTable) -> Grid:
    header = ["levels"]
    for column in table.columns:
        header += [f"{_heading(column)}, difference of differences", "p"]
    of_column = [{effect_name(one): one for one in table.effects[column.key].interactions} for column in table.columns]
    names = dict.fromkeys(name for effects in of_column for name in effects)
    rows = [
        tuple(map(GridCell, [name, *(text for effects in of_column for text in _effect_texts(effects.get(name)))]))
        for name in names
    ]
    return Grid("Interactions: how much larger the one effect is at the other's level", tuple(header), tuple(rows))


def _variance(table: AblationTable) -> Grid:
    header = ["term", "degrees of freedom"]
    for column in table.columns:
        header += [f"{_heading(column)}, share", "F", "p"]
    of_column = [{_term_name(one.choices): one for one in table.effects[column.key].terms} for column in table.columns]
    degrees = {name: term.degrees for terms in of_column for name, term in terms.items()}
    rows = []
    for name, count in degrees.items():
        texts = [name, str(count)]
        for terms in of_column:
            term = terms.get(name)
            texts += [_number(term.share), _number(term.f), _p_value(term.p_value)] if term else ["-", "-", "-"]
        rows.append(tuple(map(GridCell, texts)))
    return Grid("Analysis of variance: share of the sums of squares (type II)", tuple(header), tuple(rows))


def _data(table: AblationTable) -> dict[str, Any]:
    return {
        "title": table.title,
        "command": table.command,
        "choices": {choice: list(levels) for choice, levels in table.choices.items()},
        "design": "crossed" if table.crossed else "one-at-a-time",
        "columns": [vars(column) for column in table.columns],
        "effects": {
            key: {
                "intervals": effects.intervals,
                "runs": effects.runs,
                "means": [
                    {"choice": choice, "level": level, "mean": mean} for (choice, level), mean in effects.means.items()
                ],
                "main": [vars(effect) for effect in effects.main],
                "interactions": [vars(effect) for effect in effects.interactions],
                "terms": [vars(term) for term in effects.terms],
            }
            for key, effects in table.effects.items()
        },
        "runs": table.runs.to_dict(orient="records"),
        "notes": list(table.notes),
    }


def _lines(table: AblationTable) -> Iterator[dict[str, Any]]:
    for column in table.columns:
        effects = table.effects[column.key]
        shared = {"quantity": column.label, "unit": column.unit, "source": column.source}
        for (choice, level), mean in effects.means.items():
            yield {"kind": "mean", "effect": f"{choice}={level}", "mean": mean, **shared}
        for kind, found in (("main effect", effects.main), ("interaction", effects.interactions)):
            for one in found:
                yield vars(one) | shared | {"kind": kind, "effect": effect_name(one), "intervals": effects.intervals}
        for term in effects.terms:
            yield vars(term) | shared | {"kind": "variance", "effect": _term_name(term.choices)}


def _term_name(choices: tuple[str, ...]) -> str:
    return " x ".join(choices) or "residual"


def _effect_texts(effect: Effect | None) -> tuple[str, str]:
    if effect is None or math.isnan(effect.difference):
        return "-", "-"
    return f"{effect.difference:+.3g}{interval_text(effect.low, effect.high, '+.3g')}", _p_value(effect.p_value)


def _number(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3g}"


def _p_value(value: float) -> str:
    return "-" if math.isnan(value) else "< 0.001" if value < 0.001 else f"{value:.3f}"


def _footer(table: AblationTable) -> list[str]:
    lines = [f"(1) {column.label}: {column.source}." for column in table.columns if column.evaluation]
    for kind in dict.fromkeys(effects.intervals for effects in table.effects.values()):
        of_kind = [column for column in table.columns if table.effects[column.key].intervals == kind]
        quantities = " and ".join("error" if column.evaluation else column.label for column in of_kind)
        lines.append(f"{quantities[0].upper()}{quantities[1:]}: {_INTERVALS[kind]}.")
    if any(effects.main for effects in table.effects.values()):
        lines.append(
            "Linear model, search seeds are blocks; p-values are Holm-corrected over the rows of a table; F tests all "
            "effects of a term at once."
        )
    if not table.columns:
        lines.append("There are no finished runs.")
    return [*lines, *table.notes]


__all__ = ["ablation_sheet", "effect_name", "grids", "quantity_name"]

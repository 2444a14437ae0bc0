"""What choices are worth, wherever the records hold all combinations of them: no declaration is needed."""

import itertools
import json
import math
from collections.abc import Iterator
from functools import partial
from typing import Any

import pandas as pd

from reports.ablation import AblationTable, Combination, ablation
from reports.ablation_figure import draw_interaction, draw_main_effects
from reports.ablation_sheet import effect_name, grids, quantity_name
from reports.effects import Choices
from reports.leaderboard import comparable_texts
from reports.page.material import FigureGroup, Material, Panel, Section, board_title
from reports.page.svg import draw

MOST_COMBINATIONS = 64  # more were tuned
MOST_PAIRS = 3  # of choices, in figures; tables have all
LONGEST_LEVEL = 40  # characters that have room beside a figure


def ablation_section(material: Material) -> Section | None:
    """Main effects and interactions of every experiment and method with a crossed design."""
    groups: list[FigureGroup] = []
    for number, board in enumerate(material.boards):
        runs = material.searched
        here = runs[(runs["space"] == board.space) & (runs["dataset"] == board.dataset)]
        for (experiment, method), of_method in here.groupby(["experiment", "method"], sort=True):
            design = crossed_design(of_method)
            if design is None:
                continue
            choices, combinations = design
            title = f"{method}, {board_title(board)}, experiment {experiment}"
            evaluations = material.evaluations[material.evaluations["run_id"].isin(of_method["id"])]
            table = ablation(
                of_method, evaluations, combinations, choices=choices, crossed=True, dataset=board.dataset,
                title=title, command=board.command,
            )  # fmt: skip
            panels = list(_panels(table, f"ablation-{len(groups) + 1}"))
            groups.append(FigureGroup(title, panels, notes=table.notes, tables=grids(table), board=number))
    lead = (
        "All combinations of some choices were run: the difference that each level makes from the first one, averaged "
        "over the other choices, with 95 % intervals; lines that are not parallel interact."
    )
    return Section("ablation", "Ablation", "figures.html", {"groups": groups, "lead": lead}) if groups else None


def crossed_design(runs: pd.DataFrame) -> tuple[Choices, list[Combination]] | None:
    """The choices of one method's runs and all combinations of their levels; None where some were not run.

    A choice is a setting that all of the runs have, with different values; settings that come with a level of another
    choice alone are no choices. There are at least two choices.
    """
    finished = runs[runs["status"] == "finished"]
    variants = {text: json.loads(text) for text in sorted(set(comparable_texts(finished["settings"])))}
    if not 3 < len(variants) <= MOST_COMBINATIONS:
        return None
    shared = set.intersection(*(set(settings) for settings in variants.values()))
    levels = {name: {_level(settings[name]): settings[name] for settings in variants.values()} for name in shared}
    choices = {name: _in_order(found) for name, found in sorted(levels.items()) if len(found) > 1}
    if len(choices) < 2 or math.prod(map(len, choices.values())) != len(variants):
        return None
    combinations: dict[tuple[str, ...], dict[int, str]] = {}
    for run in finished.to_dict(orient="records"):
        key = tuple(_level(run["settings"][name]) for name in choices)
        combinations.setdefault(key, {})[int(run["search_seed"])] = run["id"]
    if len(combinations) != len(variants):
        return None
    return choices, [Combination(dict(zip(choices, key, strict=True)), of) for key, of in combinations.items()]


def _in_order(found: dict[str, Any]) -> tuple[str, ...]:
    """The levels as texts, numbers by size."""
    values = list(found.values())
    if all(isinstance(value, int | float) for value in values):
        return tuple(map(_level, sorted(values)))
    return tuple(sorted(map(_level, values)))


def _level(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)


def _panels(table: AblationTable, name: str) -> Iterator[Panel]:
    """A panel of main effects a quantity, and one a pair of choices."""
    for place, column in enumerate(table.columns):
        main = table.effects[column.key].main
        if not main or max(len(effect_name(effect)) for effect in main) > LONGEST_LEVEL:
            continue
        title = f"Main effects on {column.label}"
        height = max(2.2, 0.3 * len(main) + 0.8)
        plot = partial(draw_main_effects, table=table, column=column)
        yield Panel(draw(f"{name}-{place}", title, plot, inches=(4.4, height)), title=title)
        for index, pair in enumerate(itertools.islice(itertools.combinations(table.choices, 2), MOST_PAIRS)):
            title = f"{pair[0]} and {pair[1]}: {quantity_name(column)}"
            plot = partial(draw_interaction, table=table, column=column, pair=pair)
            yield Panel(draw(f"{name}-{place}-{index}", title, plot), title=title)


__all__ = ["ablation_section", "crossed_design"]

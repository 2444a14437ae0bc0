"""What choices are worth, wherever the records hold all combinations of them: no declaration is needed."""

import itertools
from collections.abc import Iterator
from functools import partial

import pandas as pd

from reports.ablation import AblationTable, ablation
from reports.ablation_figure import draw_interaction, draw_main_effects
from reports.ablation_sheet import effect_name, grids, quantity_name
from reports.board import Leaderboard
from reports.page.designs import Design, crossed_parts, crossed_settings
from reports.page.material import FigureGroup, Material, Panel, Section, board_title
from reports.page.svg import draw

MOST_PAIRS = 3  # of choices, in figures; tables have all
LONGEST_LEVEL = 40  # characters that have room beside a figure


def ablation_section(material: Material) -> Section | None:
    """Main effects and interactions of every crossed design: of a method's settings, of an experiment's parts."""
    groups: list[FigureGroup] = []
    for number, board in enumerate(material.boards):
        for what, runs, design in _designs(material, board):
            choices, combinations = design
            title = f"{what}, {board_title(board)}, experiment {runs['experiment'].iloc[0]}"
            evaluations = material.evaluations[material.evaluations["run_id"].isin(runs["id"])]
            table = ablation(
                runs, evaluations, combinations, choices=choices, crossed=True, dataset=board.dataset, title=title,
                command=board.command,
            )  # fmt: skip
            panels = list(_panels(table, f"ablation-{len(groups) + 1}"))
            groups.append(FigureGroup(title, panels, notes=table.notes, tables=grids(table), board=number))
    lead = (
        "All combinations of some choices were run: the difference that each level makes from the first one, averaged "
        "over the other choices, with 95 % intervals; lines that are not parallel interact."
    )
    return Section("ablation", "Ablation", "figures.html", {"groups": groups, "lead": lead}) if groups else None


def _designs(material: Material, board: Leaderboard) -> Iterator[tuple[str, pd.DataFrame, Design]]:
    """(what is varied, the runs that it was found among, the design)."""
    runs = material.searched
    here = runs[(runs["space"] == board.space) & (runs["dataset"] == board.dataset)]
    for _, of_experiment in here.groupby("experiment", sort=True):
        for method, of_method in of_experiment.groupby("method", sort=True):
            if design := crossed_settings(of_method):
                yield str(method), of_method, design
        for design in crossed_parts(of_experiment):
            yield "Parts of methods", of_experiment, design


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


__all__ = ["ablation_section"]

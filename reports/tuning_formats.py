"""A tuning report as text: for the terminal, as Markdown, LaTeX, CSV and JSON."""

import csv
import io
import json
from typing import Any

from rich.console import Group
from rich.text import Text

from reports.formats import FORMATS
from reports.grid import Grid, GridCell
from reports.grid_formats import grid_latex, grid_markdown, grid_table, plain_text
from reports.tuning import TuningReport


def render(report: TuningReport, format_: str, *, width: int = 120) -> str:
    """The report in one of `reports.formats.FORMATS`; raises ValueError for another format."""
    if format_ == "json":
        return json.dumps(as_dictionary(report), indent=2) + "\n"
    if format_ == "csv":
        return _csv(report)
    if format_ == "markdown":
        tables = (line for grid in grids(report) for line in grid_markdown(grid))
        return "\n".join([f"### {_title(report)}", "", *tables, *(f"- {line}" for line in _footer(report))]) + "\n"
    if format_ == "latex":
        tables = (
            line for grid in grids(report) for line in grid_latex(grid, caption=f"{_title(report)}. {grid.title}")
        )
        return "\n".join([*tables, *(f"% {line}" for line in _footer(report))]) + "\n"
    if format_ == "terminal":
        return plain_text(as_renderable(report), width=width)
    raise ValueError(f"there is no format '{format_}': use one of {', '.join(FORMATS)}")


def as_renderable(report: TuningReport) -> Group:
    """The report for a rich console."""
    title = Text(f"\n{_title(report)}", style="bold")
    return Group(title, *map(grid_table, grids(report)), *(Text(line) for line in _footer(report)))


def grids(report: TuningReport) -> list[Grid]:
    """The best trials, and the importances of every objective."""
    found = []
    if report.best:
        header = ("trial", *report.objectives, *report.settings, "runs")
        name = "Best trial" if len(report.objectives) == 1 else "Pareto front, no other trial is better in everything"
        found.append(Grid(name, header, tuple(_cells(texts) for texts in _best(report))))
    if report.importances:
        header = ("objective", "share of variation", *report.settings)
        rows = [
            _cells([one.objective, name, *(f"{shares.get(setting, 0):.3f}" for setting in report.settings)])
            for one in report.importances
            for name, shares in (("fANOVA", one.fanova), ("PED-ANOVA", one.ped_anova))
        ]
        found.append(Grid("Importances", header, tuple(rows)))
    return found


def as_dictionary(report: TuningReport) -> dict[str, Any]:
    """The report as JSON types, with unrounded numbers."""
    return {
        "study": report.study,
        "plan": report.plan,
        "trials": report.states,
        "different": report.different,
        "best": [
            {
                "trial": trial.number,
                "values": dict(zip(report.objectives, trial.values, strict=True)),
                "settings": trial.params,
                "run_ids": trial.user_attrs["runs"],
            }
            for trial in report.best
        ],
        "importances": {
            one.objective: {"fanova": one.fanova, "ped_anova": one.ped_anova} for one in report.importances
        },
    }


def _csv(report: TuningReport) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", *report.objectives, *report.settings, "run_ids"])
    for trial in report.best:
        settings = (trial.params[name] for name in report.settings)
        writer.writerow([trial.number, *trial.values, *settings, " ".join(trial.user_attrs["runs"])])
    return text.getvalue()


def _best(report: TuningReport) -> list[list[str]]:
    return [
        [
            str(trial.number),
            *(f"{value:.4g}" for value in trial.values),
            *(_short(trial.params[name]) for name in report.settings),
            " ".join(trial.user_attrs["runs"]),
        ]
        for trial in report.best
    ]


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _cells(texts: list[str]) -> tuple[GridCell, ...]:
    return tuple(GridCell(text) for text in texts)


def _title(report: TuningReport) -> str:
    experiment = report.plan["experiment"]
    (method,), (dataset,) = experiment["methods"], experiment["datasets"]
    return f"Study {report.study}: {method} on {experiment['space']}, {dataset}"


def _footer(report: TuningReport) -> list[str]:
    states = ", ".join(f"{count} {name}" for name, count in sorted(report.states.items())) or "no trials yet"
    if report.different < report.states.get("complete", 0):
        states += f" ({report.different} of the complete ones different)"
    lines = [f"Trials: {states}; sampler {report.plan['sampler']}, pruner {report.plan['pruner']}."]
    if "refused" in report.states:
        lines.append("Refused trials lie outside the conditions of Theorem 1 and were not run.")
    return lines


__all__ = ["as_dictionary", "as_renderable", "render"]

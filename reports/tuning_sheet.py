"""A tuning report as a sheet: the best trials, and how much each setting mattered."""

from typing import Any

from reports.grid import Grid, GridCell
from reports.sheet import Sheet
from reports.tuning import TuningReport


def tuning_sheet(report: TuningReport) -> Sheet:
    """The report, ready to be written in any format; CSV has the best trials."""
    lines = [
        {
            "trial": trial.number,
            **dict(zip(report.objectives, trial.values, strict=True)),
            **{name: trial.params[name] for name in report.settings},
            "run_ids": " ".join(trial.user_attrs["runs"]),
        }
        for trial in report.best
    ]
    columns = ("trial", *report.objectives, *report.settings, "run_ids")
    return Sheet(_grids(report), _footer(report), _data(report), columns, lines, title=_title(report))


def _grids(report: TuningReport) -> list[Grid]:
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


def _data(report: TuningReport) -> dict[str, Any]:
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


__all__ = ["tuning_sheet"]

"""A paper's table beside what was measured here, and one verdict for each of its claims."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict, model_validator

from reports.claims import ClaimVerdict, judge_change, judge_order, judge_trend, judge_value
from reports.grid import Grid, GridCell
from reports.sheet import Sheet
from reports.statistics import Summary, summarise
from results.published_tables import quantity_name

Quantity = Literal["test_error", "top1_error", "skip_ratio", "parameters", "latency", "search_cost"]
_COLUMNS = (  # of the CSV form
    "row", "metric", "unit", "published", "published_spread", "group", "count", "mean", "std", "low", "high",
)  # fmt: skip


class Group(BaseModel):
    """The runs of a method whose settings have these values; settings that are not named have the preset's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    settings: dict[str, Any] = {}

    @property
    def label(self) -> str:
        """The method and its settings."""
        chosen = ", ".join(f"{name}={value:g}" for name, value in self.settings.items())
        return f"{self.method} ({chosen})" if chosen else self.method


class Claim(BaseModel):
    """What a paper says of a quantity of some runs: exactly one of the relations from `lower_than` on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    says: str
    quantity: Quantity
    of: Group
    dataset: str = ""  # each of the preset's data sets, unless another one is named
    lower_than: Group | None = None
    higher_than: Group | None = None
    every_run: float | None = None  # the value of every run, to `tolerance`
    tolerance: float = 0.0
    within_percent: float | None = None  # of the same method with the preset's own settings
    falls_with: str | None = None  # a setting

    @model_validator(mode="after")
    def _one_relation(self) -> "Claim":
        relations = (self.lower_than, self.higher_than, self.every_run, self.within_percent, self.falls_with)
        if sum(relation is not None for relation in relations) != 1:
            raise ValueError(f"the claim '{self.says}' needs exactly one relation")
        return self


@dataclass(frozen=True)
class Measurements:
    """The finished runs of a reproduction, and the values that its factors have in the baseline."""

    runs: pd.DataFrame  # as Store.runs() gives them
    evaluations: pd.DataFrame  # as Store.evaluations() gives them
    baseline: Mapping[str, Any]  # setting -> value, for every setting that the experiment varies
    datasets: tuple[str, ...]  # that were searched; networks found on the first may be trained on others

    def of(self, group: Group, dataset: str) -> pd.DataFrame:
        """The group's runs, whose networks are tested on the data set."""
        searched = dataset if dataset in self.datasets else self.datasets[0]
        wanted = {**self.baseline, **group.settings}
        chosen = (self.runs["method"] == group.method) & (self.runs["dataset"] == searched)
        fits = [all(settings.get(k) == v for k, v in wanted.items()) for settings in self.runs["settings"]]
        return self.runs[chosen & pd.Series(fits, index=self.runs.index, dtype=bool)]

    def along(self, method: str, setting: str, dataset: str) -> pd.DataFrame:
        """The method's runs that differ from the baseline in nothing but this setting."""
        others = {name: value for name, value in self.baseline.items() if name != setting}
        without = Measurements(self.runs, self.evaluations, others, self.datasets)
        return without.of(Group(method=method), dataset)

    def values(self, runs: pd.DataFrame, quantity: Quantity, dataset: str) -> pd.Series:
        """The quantity of each run that has it, in the unit that papers print: %, millions, ms, device-days."""
        if quantity in ("test_error", "top1_error"):
            return self._test_errors(runs, dataset)
        columns = {"skip_ratio": "skip_ratio", "parameters": "parameters_m", "search_cost": "device_days"}
        if quantity == "latency":
            return runs["latency_ms"].fillna(runs["predicted_latency_ms"]).dropna()
        return (100 if quantity == "skip_ratio" else 1) * runs[columns[quantity]].dropna()

    def _test_errors(self, runs: pd.DataFrame, dataset: str) -> pd.Series:
        """The mean over the training seeds of each run; trained here goes before looked up in a table."""
        of_split = self.evaluations[(self.evaluations["split"] == "test") & (self.evaluations["dataset"] == dataset)]
        for source in ("trained", "tabular"):
            chosen = of_split[(of_split["source"] == source) & of_split["run_id"].isin(runs["id"])]
            if len(chosen):
                longest = chosen[chosen["epochs"] == chosen["epochs"].max()]
                seeded = longest[longest["evaluation_seed"].notna()]
                means = (seeded if len(seeded) else longest).groupby("run_id")["error_percent"].mean()
                return runs["id"].map(means).dropna()
        return pd.Series(dtype=float)


@dataclass(frozen=True)
class Figure:
    """One figure of the paper and ours."""

    row: str
    metric: str
    unit: str
    published: float
    published_spread: float | None
    ours: Summary | None
    group: str  # which of our runs


@dataclass(frozen=True)
class ReproductionReport:
    """Everything that `reproduce` prints."""

    title: str
    figures: tuple[Figure, ...]
    verdicts: tuple[tuple[str, ClaimVerdict], ...]
    scaled_down: tuple[str, ...]
    command: str


def judge(claim: Claim, measured: Measurements, dataset: str) -> ClaimVerdict:
    """The claim's verdict on the runs at hand."""
    dataset = claim.dataset or dataset

    def values(group: Group) -> list[float]:
        return measured.values(measured.of(group, dataset), claim.quantity, dataset).tolist()

    if claim.lower_than or claim.higher_than:
        other = claim.lower_than or claim.higher_than
        assert other is not None
        return judge_order(values(claim.of), values(other), "lower" if claim.lower_than else "higher")
    if claim.every_run is not None:
        return judge_value(values(claim.of), claim.every_run, claim.tolerance)
    if claim.within_percent is not None:
        return judge_change(values(claim.of), values(Group(method=claim.of.method)), claim.within_percent)
    assert claim.falls_with is not None
    runs = measured.along(claim.of.method, claim.falls_with, dataset)
    found = measured.values(runs, claim.quantity, dataset)
    settings = runs.loc[found.index, "settings"].map(lambda values: float(values[claim.falls_with]))
    return judge_trend(settings.tolist(), found.tolist(), "lower")


def published_beside_ours(
    published: pd.DataFrame, measured: Measurements, *, rows: Mapping[int, Group], datasets: Sequence[str]
) -> tuple[Figure, ...]:
    """Every figure of the paper's table for our methods and data sets; `rows` tells which runs a printed row means."""
    names = {"test_error", "top1_error", "skip_ratio", "parameters", "latency", "search_cost"}
    figures = []
    for record in published.to_dict(orient="records"):
        group = rows.get(record["row"]) or Group(method=record["method"])
        if record["metric"] not in names or record["dataset"] not in datasets:
            continue
        found = measured.values(measured.of(group, record["dataset"]), record["metric"], record["dataset"]).tolist()
        spread = record["spread"]
        figures.append(
            Figure(
                row=f"{record['label']} on {record['dataset']}",
                metric=record["metric"],
                unit=record["unit"],
                published=record["value"],
                published_spread=None if pd.isna(spread) else spread,
                ours=summarise(found) if found else None,
                group=group.label,
            )
        )
    return tuple(figures)


def reproduction_sheet(report: ReproductionReport) -> Sheet:
    """The report, ready to be written in any format; CSV has the figures."""
    header = ("published row", "quantity", "published", "ours (mean ± std, n)", "our runs")
    rows = tuple(tuple(map(GridCell, _texts(figure))) for figure in report.figures)
    figures = Grid("Published beside ours", header, rows, numeric=False)
    verdicts = tuple(
        (GridCell(says), GridCell(verdict.answer, bold=True), GridCell(verdict.evidence))
        for says, verdict in report.verdicts
    )
    claims = Grid("Claims", ("the paper says", "verdict", "measured here"), verdicts, numeric=False)
    lines = [asdict(figure) | (asdict(figure.ours) if figure.ours else {}) for figure in report.figures]
    data = asdict(report) | {"verdicts": [{"says": says, **asdict(verdict)} for says, verdict in report.verdicts]}
    return Sheet(
        [figures, claims], [f"Scaled down: {line}" for line in report.scaled_down], data, _COLUMNS,
        [{name: line[name] for name in _COLUMNS if name in line} for line in lines], title=report.title,
        command=report.command,
    )  # fmt: skip


def _texts(figure: Figure) -> tuple[str, ...]:
    spread = f" ± {figure.published_spread:g}" if figure.published_spread is not None else ""
    ours = figure.ours
    found = "not measured" if ours is None else f"{ours.mean:.4g} ± {ours.std:.2g} ({ours.count})"
    quantity = quantity_name(figure.metric, figure.unit)
    return figure.row, quantity, f"{figure.published:g}{spread}", found.replace(" ± nan", ""), figure.group


__all__ = [
    "Claim",
    "Figure",
    "Group",
    "Measurements",
    "ReproductionReport",
    "judge",
    "published_beside_ours",
    "reproduction_sheet",
]

"""The runs behind the numbers: one block a row of a board, which is one choice of settings."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from reports.board import Leaderboard, Row
from reports.leaderboard import comparable_texts
from reports.page.material import MOST_ROWS, Material, Section, board_title, row_anchor, variation

MOST_RUNS = 20  # runs of a block that have a line of their own
_PROVENANCE = ("device", "host", "threads", "git_commit")


@dataclass(frozen=True)
class RunLine:
    """One run of a block."""

    id: str
    seed: int
    error: str
    architecture: str


@dataclass(frozen=True)
class Machine:
    """Where and with what some runs of a block ran."""

    runs: int
    values: Mapping[str, str]


@dataclass(frozen=True)
class Details:
    """Everything behind the numbers of one row."""

    board: int
    anchor: str
    method: str
    variation: str
    board_title: str
    experiments: str
    period: str
    settings: Mapping[str, str]
    machines: Sequence[Machine]
    error_label: str
    lines: Sequence[RunLine]
    ids: str  # `seed:run` for all runs where they are too many for lines
    count: int


def details_section(material: Material) -> Section | None:
    """The blocks of all rows that the boards show."""
    blocks = [
        _details(material, board, row, number=number, place=place)
        for number, board in enumerate(material.boards)
        for place, row in enumerate(board.rows[:MOST_ROWS])
    ]
    if not blocks:
        return None
    # `show` reads stores, not exported files.
    command = "" if "--records" in material.source else shlex.join(["nas-harness", "show", "RUN", *material.source])
    return Section("runs", "Runs and settings", "details.html", {"blocks": blocks, "command": command})


def _details(material: Material, board: Leaderboard, row: Row, *, number: int, place: int) -> Details:
    runs = material.by_run.loc[list(row.run_ids)].sort_values(["search_seed", "id"])
    errors = material.board_errors[number]
    few = len(runs) <= MOST_RUNS
    lines = [
        RunLine(
            id=run["id"],
            seed=int(run["search_seed"]),
            error=f"{errors[run['id']]:.2f}" if run["id"] in errors else "–",
            architecture=_text(run["architecture"]),
        )
        for run in (runs.to_dict(orient="records") if few else ())
    ]
    return Details(
        board=number,
        anchor=row_anchor(number, place),
        method=row.method,
        variation=variation(row),
        board_title=board_title(board),
        experiments=", ".join(sorted(set(runs["experiment"]))),
        period=_period(runs),
        settings=_texts(runs["settings"].iloc[0]),
        machines=_machines(runs),
        error_label=f"{board.evaluations[0].label}, %" if board.evaluations else "",
        lines=lines,
        ids="" if few else " ".join(f"{seed}:{run}" for seed, run in zip(runs["search_seed"], runs["id"], strict=True)),
        count=len(runs),
    )


def _machines(runs: pd.DataFrame) -> list[Machine]:
    """Runs that share device, host, threads, commit and versions, the most frequent first."""
    versions = comparable_texts(runs["versions"])
    keyed = runs[list(_PROVENANCE)].astype(object).assign(versions=versions)
    counts = keyed.groupby([*_PROVENANCE, "versions"], dropna=False).size().reset_index(name="runs")
    machines = []
    for found in counts.sort_values("runs", ascending=False, kind="stable").to_dict(orient="records"):
        named = {name.replace("_", " "): _text(found[name]) for name in _PROVENANCE}
        values = named | _texts(json.loads(found["versions"]) or {})
        machines.append(Machine(int(found["runs"]), {name: value for name, value in values.items() if value}))
    return machines


def _period(runs: pd.DataFrame) -> str:
    times = pd.concat([runs["created_at"], runs["finished_at"]]).dropna()
    if times.empty:
        return ""
    first, last = times.min(), times.max()
    return " – ".join(dict.fromkeys(f"{time:%Y-%m-%d}" for time in (first, last)))


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    return {name: _text(value) for name, value in sorted(values.items())}


def _text(value: Any) -> str:
    """As people write it; empty for what is not known."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | dict | bool):
        return json.dumps(value)
    if value is None or pd.isna(value):
        return ""
    if not isinstance(value, float):
        return str(value)
    short = f"{value:g}"
    return short if float(short) == value else repr(value)


__all__ = ["Details", "Machine", "RunLine", "details_section"]

"""Records between their forms: dictionaries, data frames, and CSV files that can be committed and read back."""

import csv
import json
import os
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import JSON, Boolean, Column, Float, Integer, Table

from results.errors import StoreError
from results.models import EVALUATIONS, RUNS, SOURCES, SPLITS, STATUSES, UtcTime

_CHOICES = {"status": STATUSES, "source": SOURCES, "split": SPLITS}
Rows = list[dict[str, Any]]


def check_values(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    """The values, an empty text of an optional column as None; raises StoreError for unknown columns and choices."""
    checked = {}
    for name, value in values.items():
        if name not in table.c:
            raise StoreError(f"{table.name} have no column '{name}': use one of {', '.join(table.c.keys())}")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise StoreError(f"'{value}' is no {name}: use one of {', '.join(_CHOICES[name])}")
        checked[name] = None if value == "" and table.c[name].nullable else value
    return checked


def completed(table: Table, values: dict[str, Any]) -> dict[str, Any]:
    """A whole row of `runs` from some of its columns; raises StoreError naming the required ones that are missing."""
    defaults = {"status": "running", "message": "", "created_at": datetime.now(UTC)}
    row = {name: values.get(name, defaults.get(name)) for name in table.c.keys()}  # noqa: SIM118
    missing = [column.name for column in table.c if not column.nullable and row[column.name] is None]
    if missing:
        raise StoreError(f"a new run needs the columns {', '.join(missing)}: give them with the first upsert_run")
    return row


def frame(columns: Sequence[Column[Any]], rows: Sequence[Sequence[Any]], *, order: Sequence[str] = ()) -> pd.DataFrame:
    """The rows, values in the order of the columns, as a data frame with the same types however many rows there are.

    Sorted by the columns in `order`, missing values first: databases disagree about NULLs and capital letters.
    """
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    series = (pd.Series(one, dtype=_dtype(column)) for column, one in zip(columns, values, strict=True))
    found = pd.DataFrame(dict(zip((column.name for column in columns), series, strict=True)))
    if not order:
        return found
    return found.sort_values(list(order), na_position="first", kind="stable", ignore_index=True)


def read_frames(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Runs and evaluations of the CSV files in a folder, as `Store.runs()` and `Store.evaluations()` give them."""
    runs, evaluations = read_folder(folder)
    return _frame_of(RUNS, runs), _frame_of(EVALUATIONS, evaluations)


def _frame_of(table: Table, rows: Rows) -> pd.DataFrame:
    return frame(list(table.c), [[row[name] for name in table.c.keys()] for row in rows])  # noqa: SIM118 - columns are no mapping


def write_folder(folder: Path, runs: Rows, *, evaluations: Rows, name: str) -> None:
    """Write `runs.csv` and `evaluations.csv`, each atomically, after `<name>-` where a name is given."""
    start = f"{name}-" if name else ""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / f"{start}runs.csv", RUNS, runs)
        _write(folder / f"{start}evaluations.csv", EVALUATIONS, evaluations)
    except OSError as error:
        raise StoreError(
            f"the records cannot be written to {folder} ({error.strerror}): name another folder"
        ) from error


def read_folder(folder: Path) -> tuple[Rows, Rows]:
    """The rows of every `*runs.csv` and `*evaluations.csv` in the folder, a run that is in two files once."""
    run_files = sorted(folder.glob("*runs.csv"))
    if not run_files:
        raise StoreError(f"{folder} holds no runs.csv: write one with Store.export_csv")
    found = []
    for table, files in ((RUNS, run_files), (EVALUATIONS, sorted(folder.glob("*evaluations.csv")))):
        rows = [row for file in files for row in _read(file, table)]
        found.append(list({row["id"]: row for row in rows}.values()))
    known = {row["id"] for row in found[0]}
    strangers = [row["run_id"] for row in found[1] if row["run_id"] not in known]
    if strangers:
        raise StoreError(f"{folder} holds an evaluation of the run '{strangers[0]}', which is in no runs.csv: add it")
    return found[0], found[1]


def _dtype(column: Column[Any]) -> Any:
    if isinstance(column.type, UtcTime):
        return "datetime64[us, UTC]"
    if isinstance(column.type, JSON):
        return object
    names = {Boolean: "boolean", Integer: "Int64", Float: "float64"}
    return next((name for kind, name in names.items() if isinstance(column.type, kind)), "str")


def _write(path: Path, table: Table, rows: Rows) -> None:
    lines = [[_text(row[column.name], column) for column in table.c] for row in rows]
    # The csv module does not see that a lone carriage return has to be quoted.
    returns = any("\r" in text for line in lines for text in line)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        os.close(descriptor)
        with Path(name).open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL if returns else csv.QUOTE_MINIMAL)
            writer.writerows([table.c.keys(), *lines])
        Path(name).chmod(0o644)
        Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)


def _text(value: Any, column: Column[Any]) -> str:
    if value is None:
        return ""
    if isinstance(column.type, JSON):
        return json.dumps(value, sort_keys=True)
    if isinstance(value, datetime):
        return value.isoformat()
    return repr(value) if isinstance(value, float) else str(value)


def _read(path: Path, table: Table) -> Rows:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            required = {column.name for column in table.c if not column.nullable}
            missing = required - set(reader.fieldnames or ())
            if missing:
                raise StoreError(f"{path} has no column '{min(missing)}': export the records again")
            return [check_values(table, _row(path, line, row, table.c.values())) for line, row in enumerate(reader, 2)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StoreError(f"{path} cannot be read as CSV ({error}): export the records again") from error


def _row(path: Path, line: int, row: dict[str, Any], columns: Sequence[Column[Any]]) -> dict[str, Any]:
    values = {}
    for column in columns:
        try:
            values[column.name] = _value(row.get(column.name) or "", column)
        except ValueError as error:
            raise StoreError(
                f"{path}, record {line - 1}: '{row[column.name]}' is no value of {column.name}: correct it"
            ) from error
    return values


def _value(text: str, column: Column[Any]) -> Any:
    """The value that `_text` wrote; raises ValueError where it cannot have."""
    kind = column.type
    if text == "" and column.nullable:
        return None
    if isinstance(kind, JSON):
        return json.loads(text)
    if isinstance(kind, UtcTime):
        return datetime.fromisoformat(text)
    if isinstance(kind, Boolean):
        if text not in ("True", "False"):
            raise ValueError(text)
        return text == "True"
    if isinstance(kind, Integer):
        return int(text)
    return float(text) if isinstance(kind, Float) else text

"""The store of run records: SQLite in a folder by default, PostgreSQL by URL.

    store = Store("nas-harness-store")
    store.upsert_run("0123456789ab", experiment="demo", method="rarts", space="topology", dataset="digits",
                     search_seed=0, settings={})
    store.add_evaluations("0123456789ab", [EvaluationRecord(source="tabular", ...)])
    store.runs(method="rarts")          # a pandas.DataFrame, one row a run

Any number of processes may open and write the same store.
"""

import contextlib
import difflib
import functools
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Row,
    Table,
    create_engine,
    event,
    make_url,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from results.errors import StoreError
from results.models import EVALUATIONS, RUNS, EvaluationRecord, RunRecord, evaluation_id
from results.records import check_values, completed, frame, read_folder, write_folder
from results.schema import prepare

DATABASE_NAME = "runs.sqlite"
_BUSY_SECONDS = 60  # how long a writer waits for the others before it gives up


class Store:
    """Run records in a database, and beside it one folder a run for its history and checkpoints.

    `location` is the folder; the database is `<location>/runs.sqlite` unless `database_url`, a SQLAlchemy URL,
    names another. Nothing is written before the first write; reading a store that is not there finds no runs.
    Every method raises StoreError, one sentence, when the database cannot be used.
    """

    def __init__(self, location: Path | str, *, database_url: str | None = None) -> None:
        self.location = Path(location)
        self.database_url = database_url
        self._prepared = False
        if database_url is not None:
            try:
                dialect = make_url(database_url).get_dialect().name
            except (ArgumentError, NoSuchModuleError) as error:
                raise StoreError(
                    f"'{database_url}' is not a database URL: write it like postgresql+psycopg://user@host/name"
                ) from error
            if dialect not in ("sqlite", "postgresql"):
                raise StoreError(f"the database '{dialect}' is not supported: use sqlite or postgresql")
        if self.location.exists() and not self.location.is_dir():
            raise StoreError(f"{self.location} is a file, not a store: name a folder")

    @property
    def database(self) -> Path | None:
        """The SQLite file in the store's folder, or None for a database given by URL."""
        return None if self.database_url is not None else self.location / DATABASE_NAME

    @property
    def exists(self) -> bool:
        """Whether there is a database to read; True for one given by URL."""
        return self.database is None or self.database.exists()

    def prepared_url(self) -> str:
        """The SQLAlchemy URL of the database, which is created where there is none yet."""
        with self._write():
            return self._url

    def run_folder(self, run_id: str) -> Path:
        """`<location>/runs/<run_id>`, where a run's history and checkpoints live; the caller creates it."""
        return self.location / "runs" / run_id

    def upsert_run(self, run_id: str, **columns: Any) -> None:
        """Add the run, or change the given columns of the run that is there."""
        values = check_values(RUNS, {"id": run_id, **columns})
        with self._write() as connection:
            # One statement that writes and then, only if there was nothing to change, an insert: the usual case takes
            # partial columns, which an insert with its NOT NULL columns would refuse.
            changed = connection.execute(update(RUNS).where(RUNS.c.id == run_id).values(values))
            if changed.rowcount == 0:
                self._upsert(connection, RUNS, [completed(RUNS, values)])

    def add_evaluations(self, run_id: str, evaluations: Sequence[EvaluationRecord]) -> None:
        """Store evaluations of a run; one that is there already (by its unique key) is replaced."""
        rows = []
        for record in evaluations:
            record.run_id = run_id
            rows.append(_evaluation_row(record))
        if rows:
            with self._write() as connection:
                self._upsert(connection, EVALUATIONS, rows)

    def run(self, prefix: str) -> RunRecord:
        """The run whose id is, or uniquely starts with, `prefix`."""
        found: list[RunRecord] = []
        if self.exists and prefix:
            with self._connect() as connection, Session(connection) as session:
                query = select(RunRecord).where(RunRecord.id.startswith(prefix, autoescape=True)).order_by(RunRecord.id)
                found = list(session.scalars(query))
                session.expunge_all()
        if len(found) > 1:
            ids = ", ".join(record.id for record in found[:5])
            raise StoreError(f"'{prefix}' is the start of {len(found)} run ids ({ids}): give more digits")
        if not found:
            known = self.runs()["id"].tolist()
            if not known:
                raise StoreError(f"there is no run '{prefix}': {self.location} holds no runs yet")
            near = difflib.get_close_matches(prefix, known, n=3, cutoff=0.0)
            raise StoreError(f"there is no run '{prefix}': did you mean {' or '.join(near)}?")
        return found[0]

    def runs(self, *, columns: Sequence[str] | None = None, **equal_filters: Any) -> pd.DataFrame:
        """One row a run, oldest first; a filter is a value or a list of values of a column of RunRecord.

        All columns, or those that are named: of many runs, reading the others takes as long again.
        """
        chosen = [RUNS.c[name] for name in columns] if columns else list(RUNS.c)
        order = (RUNS.c.created_at.nulls_first(), RUNS.c.id)
        return frame(chosen, self._select(RUNS, equal_filters, columns=chosen, order=order))

    def evaluations(self, **equal_filters: Any) -> pd.DataFrame:
        """One row an evaluation; a filter is a value or a list of values of a column of EvaluationRecord."""
        order = ("run_id", "source", "dataset", "split", "epochs", "evaluation_seed")
        return frame(list(EVALUATIONS.c), self._select(EVALUATIONS, equal_filters), order=order)

    def export_csv(self, destination: Path | str, *, name: str = "", **equal_filters: Any) -> None:
        """Write the runs (all, or those the filters leave) and their evaluations as CSV files into a folder.

        The files are `runs.csv` and `evaluations.csv`, after `<name>-` where a name is given.
        """
        runs = self._select(RUNS, equal_filters, order=(RUNS.c.created_at.nulls_first(), RUNS.c.id))
        ids = {row.id for row in runs}
        evaluations = (row for row in self._select(EVALUATIONS, {}) if row.run_id in ids)
        ordered = sorted(evaluations, key=lambda row: (row.run_id, row.id))
        write_folder(
            Path(destination),
            [row._asdict() for row in runs],
            evaluations=[row._asdict() for row in ordered],
            name=name,
        )

    def import_csv(self, source: Path | str) -> None:
        """Add every run and evaluation of the CSV files in a folder; those that are there already are replaced."""
        runs, evaluations = read_folder(Path(source))
        with self._write() as connection:
            self._upsert(connection, RUNS, runs)
            self._upsert(connection, EVALUATIONS, evaluations)

    def _upsert(self, connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        insert = postgresql_insert if connection.dialect.name == "postgresql" else sqlite_insert
        statement = insert(table)
        new = {column.name: statement.excluded[column.name] for column in table.c if not column.primary_key}
        connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=new), rows)

    def _select(
        self,
        table: Table,
        filters: dict[str, Any],
        *,
        columns: Sequence[Column[Any]] = (),
        order: Sequence[ColumnElement[Any]] = (),
    ) -> Sequence[Row[Any]]:
        if not self.exists:
            return []
        query = select(*columns or table.c).order_by(*order)
        for name, value in filters.items():
            if name not in table.c:
                raise StoreError(f"{table.name} have no column '{name}': filter by one of {', '.join(table.c.keys())}")
            column = table.c[name]
            query = query.where(column.in_(value) if isinstance(value, list | tuple | set) else column == value)
        with self._connect() as connection:
            return connection.execute(query).all()

    def __getstate__(self) -> dict[str, Any]:
        """A store sent to another process makes an engine of its own there."""
        return {name: value for name, value in vars(self).items() if name != "_engine"}

    @contextlib.contextmanager
    def _connect(self) -> Iterator[Connection]:
        """A connection to the prepared database; the database's own errors become StoreErrors."""
        name = str(self.database or without_password(self.database_url or ""))
        try:
            engine = self._engine
            if not self._prepared:
                prepare(engine, lock=self.location / "schema.lock", name=name)
                self._prepared = True
            with engine.connect() as connection:
                yield connection
        except IntegrityError as error:
            refusal = _one_line(error.orig)
            raise StoreError(f"{name} refused the record ({refusal}): write the run before its parts") from error
        except (SQLAlchemyError, sqlite3.Error) as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            if "not a database" in str(cause):
                raise StoreError(f"{name} is not a database: move it away or name another store") from error
            raise StoreError(f"{name} cannot be used ({_one_line(cause)}): check that it can be written") from error
        except OSError as error:
            raise StoreError(f"{self.location} cannot be used ({error.strerror}): name another store") from error

    @contextlib.contextmanager
    def _write(self) -> Iterator[Connection]:
        if self.database is not None:
            try:
                self.location.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StoreError(f"{self.location} cannot be created ({error.strerror}): name another store") from error
        with self._connect() as connection, connection.begin():
            yield connection

    @property
    def _url(self) -> str:
        return self.database_url or f"sqlite:///{self.database}"

    @functools.cached_property
    def _engine(self) -> Engine:
        """No connection outlives its use, so that a store can be shared with forked workers."""
        if not self._url.startswith("sqlite"):
            return create_engine(self._url, poolclass=NullPool)
        # Thousands of runs share their settings: equal texts are decoded once.
        decode = functools.lru_cache(maxsize=4096)(json.loads)
        engine = create_engine(
            self._url, poolclass=NullPool, connect_args={"timeout": _BUSY_SECONDS}, json_deserializer=decode
        )
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        return engine


def _configure_sqlite(connection: sqlite3.Connection, record: object) -> None:
    # The driver leaves table creation outside its implicit transactions; ours begin explicitly and cover it.
    connection.isolation_level = None
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute("PRAGMA synchronous=NORMAL")


def _evaluation_row(record: EvaluationRecord) -> dict[str, Any]:
    row = {column.name: getattr(record, column.name) for column in EVALUATIONS.c}
    return check_values(EVALUATIONS, {**row, "id": evaluation_id(record)})


def without_password(url: str) -> str:
    """The database's URL as it may be shown; a text that is no URL stays as it is."""
    try:
        return make_url(url).render_as_string(hide_password=True)
    except ArgumentError:
        return url


def _one_line(error: object) -> str:
    return " ".join(str(error).split())

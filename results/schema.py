"""Bringing a database to the newest schema, safely when several processes open it at once."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock
from sqlalchemy import Connection, Engine, inspect, text

from results.errors import StoreError
from results.models import SCHEMA_VERSION

VERSION_TABLE = "run_store_version"  # Alembic's usual name is the one that Optuna's studies take in the same database
_FORMER_VERSION_TABLE = "alembic_version"
_MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x6E6173  # any fixed number: PostgreSQL's lock for "somebody is migrating a run store"


def schema_version(connection: Connection) -> str | None:
    """The revision that the database is at, or None where it has none yet."""
    return _revision(connection, VERSION_TABLE)


def prepare(engine: Engine, *, lock: Path, name: str) -> None:
    """Create or upgrade the tables behind `engine`; `name` is what error messages call the store.

    Raises StoreError for a database of a newer schema and for one that holds other people's tables.
    """
    with engine.connect() as connection:
        if schema_version(connection) == SCHEMA_VERSION:
            return
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        if engine.dialect.name == "sqlite":
            # Readers and one writer at a time do not block each other; the mode stays with the file.
            with contextlib.closing(engine.raw_connection()) as raw:
                raw.cursor().execute("PRAGMA journal_mode=WAL")
        with _exclusive(engine) as connection:
            version = schema_version(connection)
            if version == SCHEMA_VERSION:  # another process was here first
                return
            former = _former_version(connection) if version is None else None
            _check_ours(connection, version=version or former, name=name)
            _upgrade(connection, former=former)


@contextlib.contextmanager
def _exclusive(engine: Engine) -> Iterator[Connection]:
    """A transaction that no other migration runs beside, also from another machine."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        yield connection


def _former_version(connection: Connection) -> str | None:
    """The revision of a store from before it had its own version table."""
    version = _revision(connection, _FORMER_VERSION_TABLE)
    return version if version is not None and version.isdigit() else None


def _revision(connection: Connection, table: str) -> str | None:
    if not inspect(connection).has_table(table):
        return None
    return connection.execute(text(f"SELECT version_num FROM {table}")).scalar()


def _check_ours(connection: Connection, *, version: str | None, name: str) -> None:
    if version is None:
        tables = inspect(connection).get_table_names()
        if tables:
            raise StoreError(
                f"{name} is a database, but not a run store (it holds the table '{tables[0]}'): name another store"
            )
    elif version > SCHEMA_VERSION:
        raise StoreError(
            f"{name} has schema {version}, newer than the {SCHEMA_VERSION} this version knows: upgrade nas-harness"
        )


def _upgrade(connection: Connection, *, former: str | None) -> None:
    # Alembic is needed only on this path, and takes longer to import than to run.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    if former is not None:
        command.stamp(config, former)
        connection.execute(text(f"DROP TABLE {_FORMER_VERSION_TABLE}"))
    command.upgrade(config, "head")

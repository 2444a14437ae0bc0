"""Bringing a database to the newest schema, safely when several processes open it at once."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock
from sqlalchemy import Connection, Engine, inspect, text

from results.errors import StoreError
from results.models import SCHEMA_VERSION

_MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x6E6173  # any fixed number: PostgreSQL's lock for "somebody is migrating a run store"


def schema_version(connection: Connection) -> str | None:
    """The revision that the database is at, or None where it has none yet."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


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
            _check_ours(connection, version=version, name=name)
            _upgrade(connection)


@contextlib.contextmanager
def _exclusive(engine: Engine) -> Iterator[Connection]:
    """A transaction that no other migration runs beside, also from another machine."""
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        yield connection


def _check_ours(connection: Connection, *, version: str | None, name: str) -> None:
    if version is None:
        tables = inspect(connection).get_table_names()
        if tables:
            raise StoreError(
                f"{name} is a database, but not a run store (it holds the table '{tables[0]}'): name another store"
            )
    elif not version.isdigit():
        raise StoreError(f"{name} has the schema '{version}', which is not a run store's: name another store")
    elif version > SCHEMA_VERSION:
        raise StoreError(
            f"{name} has schema {version}, newer than the {SCHEMA_VERSION} this version knows: upgrade nas-harness"
        )


def _upgrade(connection: Connection) -> None:
    # Alembic is needed only on this path, and takes longer to import than to run.
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    command.upgrade(config, "head")

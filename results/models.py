"""What is remembered of a run: the tables `runs` and `evaluations`."""

import hashlib
from datetime import UTC, datetime
from typing import Any, cast

from sqlalchemy import JSON, DateTime, Dialect, ForeignKey, String, Table, Text, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedAsDataclass, mapped_column
from sqlalchemy.types import TypeDecorator

SCHEMA_VERSION = "0002"  # the newest revision in results/migrations/versions
STATUSES = ("running", "interrupted", "finished", "failed")
SOURCES = ("trained", "tabular", "one-shot")
SPLITS = ("validation", "test")


class UtcTime(TypeDecorator[datetime]):
    """A point in time, kept as UTC; takes aware datetimes, naive ones (meant as UTC) and ISO 8601 text."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:
        """SQLite keeps no time zone, so every time is stored as naive UTC."""
        if isinstance(value, str):
            value = datetime.fromisoformat(value)
        if value is None or value.tzinfo is None:
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The stored time, aware."""
        return None if value is None else value.replace(tzinfo=UTC)


class Base(MappedAsDataclass, DeclarativeBase):
    """The base of both records; `metadata` describes the newest schema."""

    type_annotation_map = {dict[str, Any]: JSON(none_as_null=True), datetime: UtcTime, str: Text}  # noqa: RUF012


class RunRecord(Base, kw_only=True):
    """One run: (method, space, dataset, search seed, settings), what it found and what that cost."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(String(12), primary_key=True)  # 12 hex digits, a hash of the run's content
    experiment: Mapped[str] = mapped_column(index=True)
    method: Mapped[str] = mapped_column(index=True)
    space: Mapped[str] = mapped_column(index=True)
    dataset: Mapped[str] = mapped_column(index=True)  # what the search looked at
    search_seed: Mapped[int]
    settings: Mapped[dict[str, Any]]
    status: Mapped[str] = mapped_column(String(16), default="running")  # one of STATUSES
    message: Mapped[str] = mapped_column(default="")  # why the run stopped, for an interrupted or failed one
    architecture: Mapped[str | None] = mapped_column(default=None)
    operation_counts: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    skip_ratio: Mapped[float | None] = mapped_column(default=None)  # skip-connections / all operations
    zero_ratio: Mapped[float | None] = mapped_column(default=None)  # zero operations / all operations
    connected: Mapped[bool | None] = mapped_column(default=None)  # whether the cell's input reaches its output
    parameters_m: Mapped[float | None] = mapped_column(default=None)  # millions, of the benchmark-size network
    flops_m: Mapped[float | None] = mapped_column(default=None)  # multiply-adds, millions
    latency_ms: Mapped[float | None] = mapped_column(default=None)
    latency_source: Mapped[str | None] = mapped_column(default=None)
    predicted_latency_ms: Mapped[float | None] = mapped_column(default=None)  # fixed part plus one term an operation
    predicted_latency_source: Mapped[str | None] = mapped_column(default=None)
    search_seconds_step: Mapped[float | None] = mapped_column(default=None)
    search_seconds_data: Mapped[float | None] = mapped_column(default=None)
    search_seconds_validation: Mapped[float | None] = mapped_column(default=None)
    simulated_seconds: Mapped[float | None] = mapped_column(default=None)  # training time that a table answered for
    device: Mapped[str | None] = mapped_column(default=None)
    device_days: Mapped[float | None] = mapped_column(default=None)
    peak_memory_mib: Mapped[float | None] = mapped_column(default=None)
    steps: Mapped[int | None] = mapped_column(default=None)
    versions: Mapped[dict[str, Any] | None] = mapped_column(default=None)
    git_commit: Mapped[str | None] = mapped_column(default=None)
    host: Mapped[str | None] = mapped_column(default=None)
    threads: Mapped[int | None] = mapped_column(default=None)
    created_at: Mapped[datetime | None] = mapped_column(default_factory=lambda: datetime.now(UTC))
    finished_at: Mapped[datetime | None] = mapped_column(default=None)


class EvaluationRecord(Base, kw_only=True):
    """One known error of a run's architecture; `run_id` is filled in when the record is stored."""

    __tablename__ = "evaluations"
    __table_args__ = (UniqueConstraint("run_id", "source", "dataset", "split", "epochs", "evaluation_seed"),)

    id: Mapped[str] = mapped_column(String(16), primary_key=True, init=False, default="")  # see evaluation_id
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True, default="")
    source: Mapped[str] = mapped_column(String(16))  # one of SOURCES
    dataset: Mapped[str]
    split: Mapped[str] = mapped_column(String(16))  # one of SPLITS
    epochs: Mapped[int]  # of the training behind the error
    evaluation_seed: Mapped[int | None]  # of that training; None for a mean over seeds
    error_percent: Mapped[float]
    provenance: Mapped[str]  # table name and version, or the training recipe


RUNS = cast(Table, RunRecord.__table__)
EVALUATIONS = cast(Table, EvaluationRecord.__table__)


def evaluation_id(record: EvaluationRecord) -> str:
    """16 hex digits that two records share exactly when their unique key agrees.

    The unique constraint alone would let a mean (`evaluation_seed` None) in twice: NULLs never equal one another.
    """
    key = (record.run_id, record.source, record.dataset, record.split, record.epochs, record.evaluation_seed)
    return hashlib.sha256(repr(key).encode()).hexdigest()[:16]

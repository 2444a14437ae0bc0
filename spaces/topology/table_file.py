"""The file of a tabular benchmark: one Parquet file of float columns, one row an architecture."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from spaces.errors import InputError
from spaces.topology.architecture import SIZE

FORMAT = 1
_KEY = b"nas-harness-table"


def write_table(path: Path, columns: Mapping[str, np.ndarray], description: Mapping[str, Any]) -> Path:
    """Write columns, each (15625,), and a JSON-able description at once: `path` is never seen half-written."""
    metadata = {**description, "format": FORMAT, "version": _digest(columns)}
    table = pa.table({name: np.asarray(columns[name], dtype=np.float64) for name in sorted(columns)})
    table = table.replace_schema_metadata({_KEY: json.dumps(metadata).encode()})
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with temporary.open("wb") as file:
            pq.write_table(table, file, compression="zstd", use_dictionary=False, write_page_checksum=True)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return path


def read_table(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Columns, each a read-only (15625,) float64 array, and the description; raises InputError."""
    if not path.is_file():
        raise InputError(f"there is no table file {path}: make one with `nas-harness table ingest PATH`")
    again = "ingest the official files again with `nas-harness table ingest PATH`"
    try:
        # Not pq.read_table, which loads all of Arrow's data-set engine first: 0.4 s and 50 MiB.
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            stored = file.read(use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"{path} is not a whole Parquet file: {again}") from error
    try:
        description = json.loads((stored.schema.metadata or {})[_KEY])
    except (KeyError, ValueError):
        raise InputError(f"{path} is not a table of NATS-Bench results: {again}") from None
    if description.get("format") != FORMAT:
        raise InputError(f"{path} has format {description.get('format')} instead of {FORMAT}: {again}")
    if stored.num_rows != SIZE or any(field.type != pa.float64() for field in stored.schema):
        raise InputError(f"{path} does not have {SIZE} rows of numbers: {again}")
    if any(column.null_count for column in stored.columns):
        raise InputError(f"{path} has empty fields where numbers belong: {again}")
    # Not Arrow's to_numpy, which imports pandas first: 0.3 s and 45 MiB. These arrays share Arrow's memory.
    columns = {name: np.from_dlpack(stored.column(name).combine_chunks()) for name in stored.column_names}
    return columns, description


def _digest(columns: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256()
    for name in sorted(columns):
        digest.update(name.encode() + b"\0" + np.ascontiguousarray(columns[name], dtype="<f8").tobytes())
    return digest.hexdigest()[:12]


__all__ = ["FORMAT", "read_table", "write_table"]

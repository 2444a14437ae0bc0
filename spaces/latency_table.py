"""Latency tables: what every candidate operation of a space takes on a device, measured once and kept in a file.

The file is JSON, made by `nas-harness latency measure`. A file of columns (CSV or Parquet), one row an architecture
and one column a device, serves as well where whole networks were measured.
"""

import hashlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, NonNegativeFloat, ValidationError

from spaces.errors import InputError, unknown
from spaces.latency import LatencyModel, fit_latency
from spaces.space import CellSpace, OperationSite

FORMAT = 1
COLUMN_FORMATS = (".parquet", ".csv")
ARCHITECTURE_COLUMNS = ("architecture", "arch_str")


class Timing(BaseModel):
    """Milliseconds of one forward pass over repeated measurements."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    median_ms: NonNegativeFloat
    iqr_ms: NonNegativeFloat  # between the quartiles
    repeats: int


class OperationTiming(Timing):
    """The same for an operation with so many channels, on a square input of that resolution, with that stride."""

    operation: str
    channels: int
    resolution: int
    stride: int


class LatencyTable(BaseModel):
    """The latencies of all candidate operations of a space in its stand-alone network, on one device."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    space: str
    device: str  # its name, as run records have it
    batch_size: int
    dtype: str  # float32, bfloat16 or float16
    threads: int  # of the CPU; 0 on a GPU
    cuda_graph: bool
    resolution: int  # of the network's images, pixels
    network: dict[str, int]  # the stand-alone network's settings
    torch: str  # version
    created: str  # ISO 8601, UTC
    fixed: Timing  # the network without any operation
    operations: tuple[OperationTiming, ...]

    @classmethod
    def read(cls, path: Path) -> Self:
        """The table in the file; raises InputError where it is missing, foreign, damaged or of a newer format."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise InputError(
                f"there is no latency table {path}: make one with `nas-harness latency measure --output {path}`"
            ) from None
        except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
            raise InputError(f"{path} cannot be read as a latency table ({error}): measure it anew") from None
        found = content.get("format") if isinstance(content, dict) else None
        if isinstance(found, int) and found > FORMAT:
            raise InputError(
                f"{path} has format {found}, newer than the {FORMAT} this version knows: upgrade nas-harness"
            )
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "content"
            raise InputError(
                f"{path} is no latency table ({where}: {first['msg']}): make one with `nas-harness latency measure`"
            ) from None

    def write(self, path: Path) -> None:
        """Write the file whole or not at all; raises InputError where it cannot be written."""
        try:
            descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(self.model_dump_json(indent=1) + "\n")
            Path(name).chmod(0o644)
            Path(name).replace(path)
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror}): name another file") from error

    @property
    def label(self) -> str:
        """Device, batch size and arithmetic, and the beginning of the content's SHA-256."""
        digest = hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:8]
        how = describe(self.batch_size, self.dtype, threads=self.threads, cuda_graph=self.cuda_graph)
        return f"{self.device}, {how} ({digest})"

    def check_space(self, space: CellSpace) -> None:
        """Raise InputError for a table of another space, or with a setting that the space's network does not take."""
        if self.space != space.name:
            raise InputError(
                f"the latency table is of space '{self.space}', not '{space.name}': measure it for this one"
            )
        for name in self.network:
            if name not in space.network_settings:
                raise unknown("network setting of the latency table", name, space.network_settings)

    def model(self, space: CellSpace) -> LatencyModel:
        """What each operation on each edge adds to the network: its cells' latencies, summed.

        Raises InputError where the table is of another space or lacks an operation that the space's network runs.
        """
        self.check_space(space)
        known = {(t.operation, t.channels, t.resolution, t.stride): t.median_ms for t in self.operations}
        operations = tuple(np.zeros(shape) for shape in space.alpha_shapes())
        for site in space.operation_sites(resolution=self.resolution, **self.network):
            key = (site.operation, site.channels, site.resolution, site.stride)
            if key not in known:
                raise InputError(
                    f"the latency table has no {site.operation} with {site.channels} channels, resolution "
                    f"{site.resolution} and stride {site.stride}: measure the table anew"
                )
            column = space.operations_of(site.alpha, site.edge).index(site.operation)
            operations[site.alpha][site.edge, column] += site.count * known[key]
        return LatencyModel(self.label, self.fixed.median_ms, operations)


def describe(batch_size: int, dtype: str, *, threads: int, cuda_graph: bool) -> str:
    """How a device was used, in words; 0 threads for a GPU."""
    where = f"{threads} threads" if threads else "CUDA graph" if cuda_graph else "eager"
    return f"batch {batch_size}, {dtype}, {where}"


def distinct_operations(sites: list[OperationSite]) -> list[OperationSite]:
    """One site for each different (operation, channels, resolution, stride)."""
    return list({(s.operation, s.channels, s.resolution, s.stride): s for s in sites}.values())


def read_columns(path: Path) -> pd.DataFrame:
    """The file of latency columns: index = architecture's text, columns = numbers; raises InputError."""
    try:
        content = pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path)
    except FileNotFoundError:
        raise InputError(f"there is no file {path}: give the path of a CSV or Parquet file of latencies") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as {path.suffix[1:]} ({error}): give another file") from None
    named = [name for name in ARCHITECTURE_COLUMNS if name in content.columns]
    if not named:
        raise InputError(f"{path} has no column of architectures: call it {' or '.join(ARCHITECTURE_COLUMNS)}")
    architectures = content[named[0]]
    if content.empty or architectures.isna().any():
        raise InputError(f"{path} has rows without an architecture, or none at all: write one row an architecture")
    if not architectures.is_unique:
        twice = architectures[architectures.duplicated()].iloc[0]
        raise InputError(f"{path} has several rows of {twice}: keep one row an architecture")
    return content.set_index(architectures.astype(str)).select_dtypes("number").astype(float)


def column_model(space: CellSpace, path: Path, column: str) -> LatencyModel:
    """The latencies in ms of whole networks in a column of the file, and the additive model that fits them best.

    Raises InputError for a column that is not there, and for architectures that are not of the space.
    """
    table = read_columns(path)
    if column not in table.columns:
        if not column:
            shown = ", ".join(list(table.columns)[:3])
            raise InputError(
                f"{path} holds {len(table.columns)} columns: write {path}:COLUMN with one, such as {shown}"
            )
        raise unknown("latency column", column, list(table.columns))
    measured = table[column].to_numpy()
    architectures = [space.parse(text) for text in table.index]
    known = {str(a): float(ms) for a, ms in zip(architectures, measured, strict=True) if np.isfinite(ms)}
    if not known:
        raise InputError(f"column {column} of {path} is empty: choose one with latencies")
    digest = hashlib.sha256(measured.tobytes()).hexdigest()[:8]
    return fit_latency(
        [space.executed(a) for a in architectures], measured, label=f"{path.stem}, {column} ({digest})", known_ms=known
    )


def check_fits(table: LatencyTable, space: CellSpace, *, device: str, resolution: int = 32) -> None:
    """Raise InputError for a table of another space, of other shapes than the space's network, or another device."""
    table.check_space(space)
    wanted: dict[str, Any] = {**space.network_settings, "resolution": resolution}
    measured = {**table.network, "resolution": table.resolution}
    for name, value in wanted.items():
        if measured.get(name, value) != value:  # a table may be older than a setting, which then had this value
            raise InputError(
                f"the latency table was measured with {name}={measured[name]}, the network has {name}={value}: "
                "measure it anew, or add --foreign-latency"
            )
    if table.device != device:
        raise InputError(
            f"the latency table was measured on '{table.device}', this search runs on '{device}': "
            "measure it here, or add --foreign-latency to target that device"
        )


__all__ = [
    "COLUMN_FORMATS",
    "LatencyTable",
    "OperationTiming",
    "Timing",
    "check_fits",
    "column_model",
    "describe",
    "distinct_operations",
    "read_columns",
]

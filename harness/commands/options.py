"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_STORE = Path("nas-harness-store")
StoreOption = Annotated[Path, typer.Option("--store", envvar="NAS_HARNESS_STORE", help="Folder of the run records.")]
DatabaseOption = Annotated[
    str | None, typer.Option("--database", envvar="NAS_HARNESS_DATABASE", help="SQLAlchemy URL instead of SQLite.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TableOption = Annotated[
    Path | None, typer.Option("--table", envvar="NAS_HARNESS_TABLE", help="A table file that `table ingest` wrote.")
]
LatencyOption = Annotated[
    str | None,
    typer.Option(help="Latency table (.json), or FILE:COLUMN of whole networks' latencies (.csv, .parquet), in ms."),
]
ForeignLatencyOption = Annotated[
    bool, typer.Option("--foreign-latency", help="Accept a latency table of another device or other shapes.")
]

"""The history of a run: one row a step, in a columnar file.

Every row has `step` and what the method measured. `architecture` is the text of what the search would return after
that step, in the rows where it changed.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow

from results.errors import StoreError


def write_history(path: Path | str, rows: list[dict[str, Any]]) -> None:
    """Write the rows as one parquet file, atomically; a value that a row lacks becomes NaN, a text None."""
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        os.close(descriptor)
        try:
            pd.DataFrame(rows).to_parquet(name, index=False)
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(
            f"the history {path} cannot be written ({error.strerror}): free the disk or move it"
        ) from error


def read_history(path: Path | str) -> pd.DataFrame:
    """The rows that `write_history` wrote; raises StoreError where there are none or the file is damaged."""
    if not Path(path).exists():
        raise StoreError(f"there is no history at {path}: the run has not saved one yet")
    try:
        return pd.read_parquet(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise StoreError(f"{path} is not a history, or it is damaged: delete it and run the search again") from error

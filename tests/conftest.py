"""Fixtures that several test files share."""

import os
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest
from filelock import FileLock

# Several test processes share the cores: OpenMP teams larger than one would wait for each other.
os.environ["OMP_NUM_THREADS"] = "1"

VARIABLE = "NAS_HARNESS_TEST_DATA"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The unpacked test data: the folder that NAS_HARNESS_TEST_DATA names, else ../shared/data unpacked once."""
    named = os.environ.get(VARIABLE)
    if named:
        if not Path(named).is_dir():
            pytest.skip(f"{VARIABLE} names {named}, which is not a folder")
        return Path(named)
    packed = Path(__file__).resolve().parents[2] / "shared" / "data" / "unpack.py"
    if not packed.exists():
        pytest.skip(f"no test data: set {VARIABLE} to a folder with the unpacked data sets")
    folder = Path(platformdirs.user_cache_dir("nas-harness")) / "test-data"
    lock = folder.with_suffix(".lock")
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        subprocess.run([sys.executable, str(packed), str(folder)], check=True)
    return folder

"""The pages in docs/: quick commands run in order, and tables are what their commands print from committed records."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from harness.main import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").glob("*.md"))
NEEDS = ("cifar10", "imagenet", "latency ", "--data ")  # commands that take hours or other people's data
RECORDS = "results/measured/"


def commands(page: Path) -> list[str]:
    blocks = re.findall(r"^```\n(.*?)^```", page.read_text(), flags=re.M | re.S)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith("nas-harness ")]


def execute(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code, command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_quick_commands_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in commands(page):
        if RECORDS not in command and not any(word in command for word in NEEDS):
            execute(command, monkeypatch)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_tables_are_what_their_commands_print(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    printed: set[str] = set()
    for command in commands(page):
        if RECORDS in command:
            execute(command, monkeypatch)
            printed |= set(capsys.readouterr().out.splitlines())
    if printed:
        shown = [line for line in page.read_text().splitlines() if line.startswith("| ")]
        assert len(shown) > 10
        assert not set(shown) - printed

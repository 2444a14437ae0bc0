"""How commands that make a report write it: checked before anything is computed, to a file or to the terminal."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from harness.commands.options import OutputOptions

if TYPE_CHECKING:
    from reports.sheet import Sheet


def check(to: OutputOptions, *, figure: Path | None = None) -> None:
    """Raise InputError for what cannot be written."""
    from reports.picture import check_picture
    from reports.sheet import FORMATS
    from spaces.errors import unknown

    if to.format_ not in FORMATS:
        raise unknown("format", to.format_, FORMATS)
    if figure is not None:
        check_picture(figure)


def write(sheets: "Sheet | Sequence[Sheet]", to: OutputOptions) -> None:
    """Write the sheets to the file, or print them where none is named; raises InputError."""
    from rich.console import Console

    from reports.sheet import Sheet, as_renderable, render

    format_ = "json" if to.json_ else to.format_
    if to.output is not None:
        write_file(to.output, render(sheets, format_))
    elif format_ == "terminal":
        Console().print(as_renderable([sheets] if isinstance(sheets, Sheet) else sheets))
    else:
        typer.echo(render(sheets, format_), nl=False)


def write_file(output: Path, text: str) -> None:
    """Write a file; raises InputError where that fails."""
    from spaces.errors import InputError

    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{output} cannot be written ({error.strerror}): name another file") from error

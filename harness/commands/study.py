"""What the commands that carry out one small study of their own have in common."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from reports.grid import Grid


def check_study(format_: str, *, figure: Path | None) -> None:
    """Raise InputError for what cannot be written, before anything is computed."""
    from reports.formats import FORMATS
    from reports.latency_figure import check_figure
    from spaces.errors import unknown

    if format_ not in FORMATS:
        raise unknown("format", format_, FORMATS)
    if figure is not None:
        check_figure(figure)


def write_study(
    grids: "Sequence[Grid]",
    records: Sequence[Mapping[str, Any]],
    format_: str,
    *,
    output: Path | None,
    notes: Sequence[str],
) -> None:
    """Print the grids, or the records behind them, or write them to the file; raises InputError."""
    from rich.console import Console

    from reports.study_formats import render_study, study_renderable
    from spaces.errors import InputError

    if output is not None:
        try:
            output.write_text(render_study(grids, records, format_, notes=notes), encoding="utf-8")
        except OSError as error:
            raise InputError(f"{output} cannot be written ({error.strerror}): name another file") from error
    elif format_ == "terminal":
        Console().print(study_renderable(grids, notes=notes))
    else:
        typer.echo(render_study(grids, records, format_, notes=notes), nl=False)

"""One grid of short texts for the terminal, as Markdown and as LaTeX (booktabs)."""

import io
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from reports.grid import Grid

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "|": r"\textbar{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
        "±": r"$\pm$",
        "≈": r"$\approx$",
        "‡": r"\ddag{}",
    }
)


def grid_table(grid: Grid) -> Table:
    """The grid for a rich console."""
    table = Table(title=grid.title, title_justify="left", title_style="italic")
    for index, name in enumerate(grid.header):
        table.add_column(Text(name), justify="left" if index == 0 or not grid.numeric else "right", overflow="fold")
    for index, row in enumerate(grid.rows):
        if index in grid.sections:
            table.add_section()
        # The interval goes under the value, or no terminal would be wide enough.
        table.add_row(*(Text(cell.text.replace(" [", "\n["), style="bold" if cell.bold else "") for cell in row))
    return table


def grid_markdown(grid: Grid) -> list[str]:
    """The lines of a GitHub-flavoured Markdown table under its title, and an empty one after it."""
    lines = [f"{grid.title}:", "", _markdown_line(grid.header)]
    first, other = ":--", "--:" if grid.numeric else ":--"
    lines.append(_markdown_line([first, *[other] * (len(grid.header) - 1)], escape=False))
    for row in grid.rows:
        texts = [f"**{_markdown(cell.text)}**" if cell.bold else _markdown(cell.text) for cell in row]
        lines.append(_markdown_line(texts, escape=False))
    return [*lines, ""]


def grid_latex(grid: Grid, *, caption: str) -> list[str]:
    """The lines of a LaTeX table for the package booktabs, and an empty one after it."""
    lines = [
        r"\begin{table}",
        r"\centering\small",
        rf"\caption{{{_latex(caption)}}}",
        rf"\begin{{tabular}}{{l{('r' if grid.numeric else 'l') * (len(grid.header) - 1)}}}",
        r"\toprule",
        " & ".join(map(_latex, grid.header)) + r" \\",
        r"\midrule",
    ]
    for index, row in enumerate(grid.rows):
        if index in grid.sections:
            lines.append(r"\midrule")
        texts = [rf"\textbf{{{_latex(cell.text)}}}" if cell.bold else _latex(cell.text) for cell in row]
        lines.append(" & ".join(texts) + r" \\")
    return [*lines, r"\bottomrule", r"\end{tabular}", r"\end{table}", ""]


def plain_text(renderable: Any, *, width: int) -> str:
    """What a console of that width shows, without colours."""
    text = io.StringIO()
    Console(file=text, width=width).print(renderable)
    return text.getvalue()


def _markdown(text: str) -> str:
    return text.replace("|", r"\|").replace("*", r"\*").replace("\n", " ")


def _markdown_line(texts: Sequence[str], *, escape: bool = True) -> str:
    return "| " + " | ".join(_markdown(text) if escape else text for text in texts) + " |"


def _latex(text: str) -> str:
    return text.translate(_LATEX)


__all__ = ["grid_latex", "grid_markdown", "grid_table", "plain_text"]

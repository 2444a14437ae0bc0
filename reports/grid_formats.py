"""One grid of short texts as Markdown and as LaTeX (booktabs)."""

from collections.abc import Sequence

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


def _markdown(text: str) -> str:
    return text.replace("|", r"\|").replace("*", r"\*").replace("\n", " ")


def _markdown_line(texts: Sequence[str], *, escape: bool = True) -> str:
    return "| " + " | ".join(_markdown(text) if escape else text for text in texts) + " |"


def _latex(text: str) -> str:
    return text.translate(_LATEX)


__all__ = ["grid_latex", "grid_markdown"]

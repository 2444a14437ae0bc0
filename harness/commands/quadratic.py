"""`nas-harness quadratic`: where each method ends on the solvable model, and Figure 1."""

from pathlib import Path
from typing import Annotated, Any

import typer

from harness.commands.options import JsonOption


def quadratic(
    lambda_: Annotated[float, typer.Option("--lambda", min=0, help="RARTS' weight of the auxiliary loss.")] = 15.0,
    beta: Annotated[float, typer.Option(min=0, help="RARTS' weight of the distance between both networks.")] = 15.0,
    steps: Annotated[int, typer.Option(min=1, help="Steps of size 0.01.")] = 5000,
    figure: Annotated[Path | None, typer.Option(help="Draw Figure 1 of the paper: a .png, .svg or .pdf file.")] = None,
    json_: JsonOption = False,
) -> None:
    """Solvable model (RARTS, Section III-D): the limits of RARTS, DARTS and MiLeNAS by their real update code."""
    import json

    from rich.console import Console
    from rich.table import Table

    from harness.quadratic import load_figure_1, trajectory

    settings: dict[str, dict[str, Any]] = {"rarts": {"lambda": lambda_, "beta": beta}}
    ends = {
        name: trajectory(name, label=name, steps=steps, **settings.get(name, {})).points[-1]
        for name in ("rarts", "darts-1", "darts-2", "milenas")
    }
    if json_:
        typer.echo(json.dumps({name: dict(zip(("alpha", "w", "y"), end, strict=False)) for name, end in ends.items()}))
    else:
        shown = Table("method", "alpha", "w", "y", title=f"after {steps} steps; the optimum is (1, 1)")
        for name, end in ends.items():
            shown.add_row(name, *(f"{value:.7f}" for value in end))
        Console().print(shown)
    if figure is not None:
        from reports.quadratic_figure import draw_trajectories

        preset = load_figure_1()
        searched = [(panel.title, [curve.search(preset.steps) for curve in panel.curves]) for panel in preset.panels]
        draw_trajectories([(title, [(c.label, c.points) for c in curves]) for title, curves in searched], figure)
        Console(stderr=True).print(f"figure written to {figure}")

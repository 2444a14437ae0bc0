"""`nas-harness sparsity`: SparseNAS' ablation of optimisers and penalties on digits."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.grouped_options import grouped
from harness.commands.options import OutputOptions
from harness.commands.writing import check, write


@grouped
def sparsity(
    *,
    seeds: Annotated[str, typer.Option(help="Seeds: 0,1,2 or 0-2.")] = "0-2",
    epochs: Annotated[int, typer.Option(min=1, help="Epochs of 18 batches for every network.")] = 100,
    count_steps: Annotated[
        bool, typer.Option("--count-steps", help="t in HAPG's momentum (t - 2) / (t + 1) counts steps, not epochs.")
    ] = False,
    strength: Annotated[
        list[float] | None, typer.Option(help="Strength lambda of the penalty; give it several times.")
    ] = None,
    to: OutputOptions,
    figure: Annotated[Path | None, typer.Option(help="Draw the four panels: a .png, .svg or .pdf file.")] = None,
) -> None:
    """Prune a small network for digits by HAPG, AdamHAPG, SGD and Adam, by lasso, group lasso and both (SparseNAS)."""
    from dataclasses import asdict

    from harness.commands.latency_options import progress_bar
    from harness.commands.run import parse_numbers
    from harness.digits_sparsity import CURVES, STRENGTHS, run_ablation
    from reports.sparsity import draw_sparsity, sparsity_sheet
    from spaces.errors import InputError

    strengths = tuple(strength or STRENGTHS)
    if min(strengths) <= 0:
        raise InputError(f"strength {min(strengths)} cannot be drawn on a logarithmic axis: choose one above 0")
    numbers = parse_numbers(seeds)
    check(to, figure=figure)
    total, records = len(numbers) * len(strengths) * len(CURVES), []
    with progress_bar("networks") as progress:
        for outcome in run_ablation(seeds=numbers, epochs=epochs, count_steps=count_steps, strengths=strengths):
            records.append(asdict(outcome))
            progress(len(records), total)
    note = (
        f"mean ± standard deviation over {len(numbers)} seeds; {epochs} epochs; weights below 0.001 count as zero; "
        f"in HAPG's momentum, t counts {'steps' if count_steps else 'epochs'}"
    )
    write(sparsity_sheet(records, note=note), to)
    if figure is not None:
        draw_sparsity(records, figure)

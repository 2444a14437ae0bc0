"""`nas-harness skip-decay`: training loss of cells with more and fewer skip connections."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.grouped_options import grouped
from harness.commands.options import DataOption, DeviceOption, OutputOptions
from harness.commands.writing import check, write


@grouped
def skip_decay(
    *,
    dataset: Annotated[str, typer.Option(help="Data set; digits needs no files.")] = "cifar10",
    data: DataOption = None,
    downsample: Annotated[int, typer.Option(min=1, help="Average blocks of so many pixels a side into one.")] = 1,
    seeds: Annotated[str, typer.Option(help="Seeds: 0,1,2 or 0-2.")] = "0-2",
    share: Annotated[
        list[float] | None, typer.Option(help="Share of skips; give it several times (0, 0.375 and 0.625).")
    ] = None,
    steps: Annotated[int, typer.Option(min=1, help="Steps for every network.")] = 39_050,
    batch_size: Annotated[int, typer.Option(min=1, help="Images of a step.")] = 64,
    channels: Annotated[int, typer.Option(min=1, help="Channels of the first cell.")] = 16,
    cells: Annotated[int, typer.Option(min=1, help="Stacked cells.")] = 8,
    device: DeviceOption = "cpu",
    to: OutputOptions,
    figure: Annotated[Path | None, typer.Option(help="Draw the losses: a .png, .svg or .pdf file.")] = None,
) -> None:
    """Compare how fast the training loss falls with 0, 37.5 and 62.5 % skips among 3x3 convolutions (PR-DARTS, Fig. 2).

    The defaults are the full size, hours on a GPU; give fewer --steps, --channels and a --downsample on a CPU.
    """
    from dataclasses import asdict

    from harness.commands.latency_options import progress_bar
    from harness.commands.run import parse_numbers
    from harness.data import load_dataset
    from harness.skip_decay import SHARES, Decay, loss_curves
    from reports.skip_decay import draw_skip_decay, skip_decay_sheet
    from reports.statistics import INTERVALS
    from spaces.errors import InputError

    shares = sorted(set(share or SHARES))
    if min(shares) < 0 or max(shares) > 1:
        raise InputError(f"{shares} are no shares of edges: choose them from 0 to 1")
    numbers = parse_numbers(seeds)
    check(to, figure=figure)
    images = load_dataset(dataset, folder=data, device=device, downsample=downsample)
    decay = Decay(steps=steps, batch_size=batch_size, channels=channels, cells=cells)
    total, records = len(numbers) * len(shares) * steps, []
    with progress_bar("steps") as progress:
        done = iter(range(1, total + 1))
        for curve in loss_curves(
            images, seeds=numbers, decay=decay, shares=shares, progress=lambda: progress(next(done), total)
        ):
            records.append(asdict(curve))
    note = (
        f"{dataset}, {images.resolution} x {images.resolution} pixels; {cells} cells, {channels} channels, batch size "
        f"{batch_size}, {steps} steps; mean ± standard deviation over {len(numbers)} seeds; differences are paired "
        f"over seeds [95 % interval: {INTERVALS}]"
    )
    write(skip_decay_sheet(records, note=note), to)
    if figure is not None:
        draw_skip_decay(records, figure)

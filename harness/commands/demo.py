"""`nas-harness demo`: the whole product in a few minutes, with nothing to download."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.options import ExecutionOptions, StoreOptions


def demo(
    store: Annotated[Path, typer.Option(help="Folder of the run records.")] = Path("nas-harness-store"),
    report: Annotated[Path, typer.Option(help="Folder of the leaderboards.")] = Path("nas-harness-report"),
    workers: Annotated[int, typer.Option(min=1, help="Worker processes.")] = 2,
) -> None:
    """Search digits with five differentiable methods and the embedded table with two baselines, then rank them."""
    from importlib.resources import files

    from harness.commands.report import leaderboard
    from harness.commands.run import prepare, start
    from harness.experiment_file import load_experiment

    for name in ("demo-digits", "demo-table"):
        preset = Path(str(files("harness") / "presets" / f"{name}.yaml"))
        wanted, execution = load_experiment(preset), ExecutionOptions(workers=workers, threads=1)
        start(wanted, prepare(wanted.space, execution), StoreOptions(store), execution)
    report.mkdir(parents=True, exist_ok=True)
    for dataset in ("digits", "cifar10"):
        leaderboard(store=store, space="topology", dataset=dataset)
        for ending, format_ in (("md", "markdown"), ("csv", "csv"), ("tex", "latex"), ("json", "json")):
            leaderboard(
                store=store, space="topology", dataset=dataset, format_=format_, output=report / f"{dataset}.{ending}"
            )

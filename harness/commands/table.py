"""`nas-harness table`: make the tabular benchmark's file and ask it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.commands.options import JsonOption, TableOption

if TYPE_CHECKING:
    from spaces.topology.architecture import TopologyArchitecture
    from spaces.topology.table import Table

app = typer.Typer(name="table", help="The tabular benchmark NATS-Bench (topology space).", no_args_is_help=True)


@app.command()
def ingest(
    path: Annotated[Path, typer.Argument(help="The unpacked official folder NATS-tss-v1_0-3ffb9-simple.")],
    output: Annotated[Path | None, typer.Option(help="The table file to write; by default the user's data.")] = None,
) -> None:
    """Turn the official NATS-Bench folder into one table file that loads at once."""
    from rich.console import Console
    from rich.progress import Progress

    from spaces.topology.ingest import ingest as ingest_folder
    from spaces.topology.table import default_path

    console = Console(stderr=True)
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task("Reading architectures", total=None)
        written = ingest_folder(
            path, output or default_path(), progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
    typer.echo(str(written))


@app.command()
def query(
    arch: Annotated[str, typer.Argument(help="An architecture's official index or string.")],
    dataset: Annotated[str | None, typer.Option(help="Only this data set, e.g. cifar10.")] = None,
    table: TableOption = None,
    json_: JsonOption = False,
) -> None:
    """Print all that the table knows of one architecture."""
    import json

    from spaces.errors import unknown
    from spaces.topology.architecture import TopologyArchitecture
    from spaces.topology.table import load_table

    known = load_table(table)
    if dataset is not None and dataset not in known.datasets:
        raise unknown("data set", dataset, known.datasets)
    index = arch.strip()
    architecture = (
        TopologyArchitecture.from_index(int(index))
        if index.removeprefix("-").isdecimal()
        else TopologyArchitecture.parse(index)
    )
    found = _findings(known, architecture, known.datasets if dataset is None else (dataset,))
    if json_:
        typer.echo(json.dumps(found))
    else:
        _show(found)


@app.command()
def info(table: TableOption = None, json_: JsonOption = False) -> None:
    """Print what the table holds and where it comes from."""
    import json

    from rich.console import Console
    from rich.table import Table as Grid

    from spaces.topology.table import load_table

    known = load_table(table)
    records: list[dict[str, Any]] = [
        {
            "dataset": dataset,
            "split": split,
            "epochs": epochs,
            "seed": seed,
            "origins": dict(known.origins.get(f"accuracy/{dataset}/{split}/{epochs}/{seed}", {})),
        }
        for dataset, split, epochs, seed in known.records
    ]
    if json_:
        head = {"name": known.name, "version": known.version, "provenance": known.provenance}
        typer.echo(json.dumps({**head, "architectures": len(known), "accuracies": records}))
        return
    grid = Grid("data set", "split", "epochs", "seed", "origin of the values, where the files tell")
    for record in records:
        origins = ", ".join(f"{count} {origin}" for origin, count in record["origins"].items())
        grid.add_row(record["dataset"], record["split"], str(record["epochs"]), str(record["seed"]), origins)
    console = Console()
    console.print(f"{known.label}: {known.provenance}", markup=False, soft_wrap=True)
    console.print(grid)


def _findings(table: "Table", architecture: "TopologyArchitecture", datasets: tuple[str, ...]) -> dict[str, Any]:
    from spaces.topology.isomorphism import canonical

    return {
        "table": {"name": table.name, "version": table.version},
        "index": architecture.index,
        "architecture": str(architecture),
        "operation_counts": architecture.operation_counts,
        "skip_ratio": architecture.skip_ratio,
        "zero_ratio": architecture.zero_ratio,
        "connected": architecture.connected,
        "isomorphism_class": canonical(architecture),
        "datasets": {dataset: _of_dataset(table, architecture, dataset) for dataset in datasets},
    }


def _of_dataset(table: "Table", architecture: "TopologyArchitecture", dataset: str) -> dict[str, Any]:
    from spaces.errors import InputError

    accuracies = [
        {"split": split, "epochs": epochs, "seed": seed, "accuracy": value}
        for recorded, split, epochs, seed in table.answers
        if recorded == dataset
        for value in table.accuracy(
            [architecture], dataset=dataset, split=split, epochs=epochs, seed=seed, missing="nan"
        ).tolist()
        if value == value  # NaN: not every architecture was trained with every seed
    ]
    numbers: dict[str, float | None] = {}
    recipes = sorted({record["epochs"] for record in accuracies})
    questions: list[tuple[str, Any, dict[str, int]]] = [
        *((f"train_seconds_{epochs}", table.train_seconds, {"epochs": epochs}) for epochs in recipes),
        *((f"simulated_seconds_{epochs}", table.simulated_seconds, {"epochs": epochs}) for epochs in recipes),
        ("latency_seconds", table.latency_seconds, {}),
        ("parameters_m", table.parameters_m, {}),
        ("flops_m", table.flops_m, {}),
    ]
    for name, ask, settings in questions:
        try:
            numbers[name] = float(ask(architecture, dataset=dataset, **settings))
        except InputError:
            numbers[name] = None
    return {"accuracies": accuracies, **numbers}


def _show(found: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table as Grid

    console = Console()
    console.print(f"{found['architecture']}  (index {found['index']})", markup=False, soft_wrap=True)
    for label, key in (("skip ratio", "skip_ratio"), ("zero ratio", "zero_ratio"), ("connected", "connected")):
        console.print(f"{label}: {found[key]:.3g}" if key != "connected" else f"{label}: {found[key]}")
    console.print(f"isomorphism class: {found['isomorphism_class']}", markup=False, soft_wrap=True)
    accuracies = Grid("data set", "split", "epochs", "seed", "accuracy / %", title="Accuracies")
    numbers = Grid("data set", "what", "value", title="Times and sizes")
    for dataset, known in found["datasets"].items():
        for row in known["accuracies"]:
            cells = (row["split"], str(row["epochs"]), str(row["seed"]), f"{row['accuracy']:.3f}")
            accuracies.add_row(dataset, *cells)
        for name, value in known.items():
            if name != "accuracies":
                numbers.add_row(dataset, name, "unknown" if value is None else f"{value:.6g}")
    console.print(accuracies)
    console.print(numbers)
    console.print(f"table: {found['table']['name']} {found['table']['version']}")

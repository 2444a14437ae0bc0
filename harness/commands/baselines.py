"""`nas-harness baselines`: the benchmark's protocol for random search and evolution, hundreds of repeats in seconds."""

from typing import Annotated, Any

import typer

from harness.commands.options import JsonOption, TableOption


def baselines(
    repeats: Annotated[int, typer.Option(min=2, help="Searches a method and data set.")] = 500,
    budget: Annotated[
        float | None, typer.Option(min=1, help="Simulated seconds; by default 20,000 / 40,000 / 120,000.")
    ] = None,
    table: TableOption = None,
    json_: JsonOption = False,
) -> None:
    """Random search and evolution on the table: final accuracies beside the published ones."""
    import json

    from rich.console import Console
    from rich.progress import track
    from rich.table import Column
    from rich.table import Table as Grid

    from harness.baselines import BUDGETS, repeat_baseline
    from results.published_tables import published_rows
    from spaces.topology.table import load_table

    loaded = load_table(table)
    cases = [(name, dataset) for name in ("random-search", "regularised-evolution") for dataset in BUDGETS]
    rows: list[dict[str, Any]] = []
    for name, dataset in track(cases, description="baselines", console=Console(stderr=True)):
        found = repeat_baseline(name, loaded, dataset=dataset, repeats=repeats, budget=budget)
        published = published_rows("topology", dataset)
        published = published[(published["method"] == name) & (published["metric"] == "test_accuracy")]
        rows.append(
            {
                "method": name,
                "dataset": dataset,
                "budget_seconds": found.budget,
                "repeats": repeats,
                "evaluations": float(found.evaluations.mean()),
                "validation_accuracy": float(found.validation.mean()),
                "validation_accuracy_std": float(found.validation.std(ddof=1)),
                "test_accuracy": float(found.test.mean()),
                "test_accuracy_std": float(found.test.std(ddof=1)),
                "published_test_accuracy": [
                    {"value": row["value"], "paper": row["paper"], "table": row["table"], "note": row["note"]}
                    for row in published.to_dict("records")
                ],
            }
        )
    if json_:
        typer.echo(json.dumps(rows))
        return
    heads = ("method", "data set", "budget, s", "evaluated", "validation, %", "test, %", "published test, %")
    grid = Grid(*(Column(head, overflow="fold") for head in heads))
    for row in rows:
        grid.add_row(
            row["method"], row["dataset"], f"{row['budget_seconds']:,.0f}", f"{row['evaluations']:.0f}",
            f"{row['validation_accuracy']:.2f} +- {row['validation_accuracy_std']:.2f}",
            f"{row['test_accuracy']:.2f} +- {row['test_accuracy_std']:.2f}",
            "; ".join(f"{p['value']:.2f} ({p['paper']})" for p in row["published_test_accuracy"]) or "-",
        )  # fmt: skip
    Console().print(grid)
    typer.echo(f"{repeats} repeats a row; table {loaded.label}; rewards: validation accuracy after 12 epochs")

"""The command line. Heavy libraries are imported inside the commands, so that `--help` is instant."""

import sys
from typing import Annotated

import typer

from harness.commands import (
    ablate,
    anytime,
    baselines,
    catalogue,
    cost,
    demo,
    evaluate,
    html_report,
    latency,
    quadratic,
    ranks,
    report,
    reproduce,
    run,
    sensitivity,
    skip_decay,
    sparsity,
    table,
    tune,
)

app = typer.Typer(
    name="nas-harness",
    help="Run, record and rank neural architecture search methods.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.command()(run.run)
app.command()(report.leaderboard)
app.command()(ranks.ranks)
app.command()(anytime.anytime)
app.command()(html_report.report)
app.command()(report.show)
app.command()(run.runs)
app.command()(run.export)
app.command()(baselines.baselines)
app.command()(quadratic.quadratic)
app.command()(sparsity.sparsity)
app.command()(skip_decay.skip_decay)
app.command()(demo.demo)
app.command()(evaluate.evaluate)
app.command()(reproduce.reproduce)
app.command()(sensitivity.sensitivity)
app.command()(ablate.ablate)
app.command()(tune.tune)
app.command()(tune.tune_report)
app.command()(cost.cost)
app.command()(catalogue.methods)
app.command()(catalogue.spaces)
app.command()(catalogue.datasets)
app.add_typer(latency.app, name="latency")
app.add_typer(table.app, name="table")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"nas-harness {version('nas-harness')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Run, record and rank neural architecture search methods."""


def main() -> None:
    """Entry point: user errors end with one sentence and exit code 2."""
    try:
        app()
    except ValueError as error:
        if not _is_users(error):
            raise
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(2)


def _is_users(error: ValueError) -> bool:
    from results.errors import StoreError
    from spaces.errors import InputError

    return isinstance(error, InputError | StoreError)


if __name__ == "__main__":
    main()

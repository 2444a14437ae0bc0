"""`nas-harness tune` and `tune-report`: settings found by Optuna, and what the study says."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.grouped_options import grouped
from harness.commands.options import (
    ExecutionOptions,
    ExperimentArgument,
    MethodsOption,
    OutputOptions,
    SearchOptions,
    StoreOptions,
)
from harness.commands.writing import check, write

if TYPE_CHECKING:
    from results.store import Store

FiguresOption = Annotated[
    Path | None, typer.Option(help="Folder for the history, slice, contour and Pareto-front figures.")
]


@grouped
def tune(
    *,
    experiment: ExperimentArgument = None,
    study: Annotated[str, typer.Option(help="Name of the study; the same name and parameters go on with it.")] = "tune",
    trials: Annotated[int, typer.Option(min=1, help="Trials that the study is to have in all.")] = 60,
    search_space: Annotated[
        list[str] | None,
        typer.Option(
            help="A setting and its range: beta=log:0.001:10, beta=0:10, steps=int:100:300 or batch_size=16,32; by "
            "default lambda=log:0.01:100, beta=log:0.001:10 and gamma=log:1e-4:1e-1."
        ),
    ] = None,
    objective: Annotated[
        list[str] | None, typer.Option(help="validation-error (default), latency or skip-ratio; several: Pareto front.")
    ] = None,
    sampler: Annotated[
        str | None, typer.Option(help="tpe (default), random, gp, nsgaii (of several objectives).")
    ] = None,
    pruner: Annotated[
        str | None, typer.Option(help="median (default), hyperband, successive-halving, none (of several objectives).")
    ] = None,
    sampler_seed: Annotated[int, typer.Option(min=0, help="Seed of the sampler.")] = 0,
    method: MethodsOption = None,
    report_only: Annotated[bool, typer.Option("--report-only", help="Run nothing: show the study.")] = False,
    searched: SearchOptions,
    where: StoreOptions,
    execution: ExecutionOptions,
    to: OutputOptions,
    figures: FiguresOption = None,
) -> None:
    """Tune settings with Optuna: every trial is an ordinary run, and the study is in the same database."""
    check(to)
    if not report_only:
        from rich.console import Console

        from harness.commands.run import experiment_content, make_job, prepare
        from harness.experiment_file import make_experiment
        from harness.task import check_data
        from harness.tuning import make_plan
        from harness.tuning_workers import run_study
        from harness.workers import make_progress

        content = experiment_content(experiment, method=method, searched=searched)
        if searched.seeds is None and experiment is None:
            content["seeds"] = [0]
        wanted = make_experiment(content, source=str(experiment or "the command line"))
        prepared = prepare(wanted.space, execution)
        plan = make_plan(
            study, wanted, ranges=search_space or (), objectives=objective or (), sampler=sampler, pruner=pruner,
            seed=sampler_seed, table=prepared.table_label, latency=prepared.latency_label,
        )  # fmt: skip
        specs = wanted.runs(table=plan.table, latency=plan.latency)
        check_data(specs, prepared.resources, prepared.table)
        console = Console(stderr=True)
        job = make_job(wanted, specs, prepared.resources, where, execution, console=console)
        job = replace(job, experiment=study)
        with make_progress(console=console) as progress:
            complete = run_study(plan, job, trials=trials, workers=execution.workers, progress=progress)
        if not complete:
            console.print("Interrupted. Give the same command again to go on with the study.")
            raise typer.Exit(130)
    _report(study, where.open(), to, figures=figures)


@grouped
def tune_report(
    *,
    study: Annotated[str, typer.Argument(help="Name of the study.")],
    where: StoreOptions,
    to: OutputOptions,
    figures: FiguresOption = None,
) -> None:
    """Show a tuning study: the best trials and how much each setting mattered."""
    check(to)
    _report(study, where.open(), to, figures=figures)


def _report(study: str, store: "Store", to: OutputOptions, *, figures: Path | None) -> None:
    from harness.tuning_study import PLAN, load_study
    from harness.tuning_trials import REFUSED
    from reports.tuning import tuning_report
    from reports.tuning_sheet import tuning_sheet

    found = load_study(study, store)
    report = tuning_report(found, plan=found.user_attrs[PLAN], refused=REFUSED)
    write(tuning_sheet(report), to)
    if figures is not None:
        from rich.console import Console

        from reports.tuning_figures import draw_study

        for path in draw_study(found, figures, objectives=report.objectives):
            Console(stderr=True).print(f"figure written to {path}")

"""`nas-harness sensitivity`: one factor at a time around a baseline, as in Table 2 of the RARTS paper."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.grouped_options import grouped
from harness.commands.options import (
    ExecutionOptions,
    ExperimentArgument,
    MethodsOption,
    OutputOptions,
    SearchOptions,
    StoreOptions,
    TrainingOptions,
)
from harness.commands.writing import check, write


@grouped
def sensitivity(
    *,
    experiment: ExperimentArgument = None,
    factor: Annotated[list[str] | None, typer.Option(help="A setting and its values: gamma=0.0002,0.02.")] = None,
    method: MethodsOption = None,
    report_only: Annotated[bool, typer.Option("--report-only", help="Run nothing: show what the store holds.")] = False,
    searched: SearchOptions,
    training: TrainingOptions,
    where: StoreOptions,
    execution: ExecutionOptions,
    to: OutputOptions,
    figure: Annotated[Path | None, typer.Option(help="Draw a panel a factor and quantity: .png, .svg, .pdf.")] = None,
) -> None:
    """Vary one setting at a time around a baseline; what the store holds already is not run again."""
    from harness.commands.report import given_command
    from harness.commands.run import experiment_content, prepare, start
    from harness.experiment_file import make_experiment
    from harness.sensitivity import parse_factor, study_points
    from reports.sensitivity import sensitivity as make_table
    from reports.sensitivity_sheet import sensitivity_sheet
    from spaces.errors import InputError

    check(to, figure=figure)
    content = experiment_content(experiment, method=method, searched=searched, training=training)
    if factor:
        content["factors"] = dict(map(parse_factor, factor))
    wanted = make_experiment(content, source=str(experiment or "the command line"))
    prepared = prepare(wanted.space, execution)
    points = study_points(
        wanted, specs_of=lambda one: one.runs(table=prepared.table_label, latency=prepared.latency_label)
    )
    if not report_only:
        start(wanted, prepared, where, execution)
    known = where.open()
    if not known.exists:
        raise InputError(f"there is no run store at {where.store}: leave out --report-only to run the study")
    (name,), (dataset,) = wanted.methods, wanted.datasets
    made = make_table(
        known.runs(), known.evaluations(), points, dataset=dataset,
        title=f"Sensitivity of {name} on space {wanted.space}, searched on {dataset}",
        command=given_command(where),
    )  # fmt: skip
    write(sensitivity_sheet(made), to)
    if figure is not None:
        from reports.sensitivity_figure import draw_sensitivity

        draw_sensitivity(made, figure)

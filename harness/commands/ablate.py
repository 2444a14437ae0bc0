"""`nas-harness ablate`: what each choice of a method is worth, by main effects and interactions."""

from pathlib import Path
from typing import Annotated

import typer

from harness.commands.grouped_options import grouped
from harness.commands.options import (
    ExecutionOptions,
    OutputOptions,
    RecordsOption,
    SearchOptions,
    StoreOptions,
    TrainingOptions,
)
from harness.commands.writing import check, write

CHOICE_HELP = "A setting, method or kind of part, and its levels: beta=0.1,1; give it several times."


@grouped
def ablate(
    *,
    base: Annotated[str, typer.Argument(help="The base method, or a YAML file; the flags override its keys.")],
    choice: Annotated[list[str] | None, typer.Option(help=CHOICE_HELP)] = None,
    design: Annotated[str | None, typer.Option(help="crossed (the default) or one-at-a-time.")] = None,
    report_only: Annotated[
        bool, typer.Option("--report-only", help="Run nothing: report what the store holds.")
    ] = False,
    records: RecordsOption = None,
    searched: SearchOptions,
    training: TrainingOptions,
    where: StoreOptions,
    execution: ExecutionOptions,
    to: OutputOptions,
    figure: Annotated[Path | None, typer.Option(help="Draw the effects into this file: .png, .svg, .pdf.")] = None,
) -> None:
    """Say which choices of a method matter: main effects and interactions; finished runs are skipped."""
    from harness.ablation import make_ablation, parse_choices, plan, read_base
    from harness.commands.report import given_command, read_records
    from harness.commands.run import prepare, start, with_flags
    from reports.ablation import ablation as make_table
    from reports.ablation_sheet import ablation_sheet

    check(to, figure=figure)
    content = with_flags(read_base(base), searched, training)
    if choice:
        content["choices"] = parse_choices(choice)
    if design:
        content["design"] = design
    wanted = make_ablation(content, source=base)
    prepared = prepare(wanted.space, execution)
    choices, combinations = plan(wanted, table=prepared.table_label, latency=prepared.latency_label)
    if not (report_only or records):
        start(wanted, prepared, where, execution)
    runs, evaluations = read_records(where, records=records)
    made = make_table(
        runs, evaluations, combinations, choices=choices, crossed=wanted.design == "crossed",
        dataset=wanted.datasets[0],
        title=f"Ablation of {wanted.base} on space {wanted.space}, searched on {wanted.datasets[0]}",
        command=given_command(where),
    )  # fmt: skip
    write(ablation_sheet(made), to)
    if figure is not None:
        from reports.ablation_figure import draw_ablation

        draw_ablation(made, figure)

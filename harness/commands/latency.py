"""`nas-harness latency`: measure operations and networks, and check one against the other."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.commands.grouped_options import grouped
from harness.commands.latency_options import (
    BatchOption,
    DtypeOption,
    GraphOption,
    ResolutionOption,
    RoundsOption,
    SecondsOption,
    SettingsOption,
    SpaceOption,
    ThreadsOption,
    cell_space,
    check_output,
    check_resolution,
    make_protocol,
    network_settings,
    print_table,
    progress_bar,
)
from harness.commands.options import DeviceOption, JsonOption, StoreOptions

if TYPE_CHECKING:
    from spaces.latency_table import LatencyTable
    from spaces.space import CellSpace

app = typer.Typer(help="Measure and predict the latency of networks.", no_args_is_help=True)


@app.command()
def measure(
    output: Annotated[Path, typer.Option(help="The table's file (.json).")],
    space: SpaceOption = "topology",
    device: DeviceOption = "cpu",
    batch_size: BatchOption = 1,
    dtype: DtypeOption = "float32",
    threads: ThreadsOption = 1,
    cuda_graph: GraphOption = False,
    resolution: ResolutionOption = 32,
    settings: SettingsOption = None,
    seconds: SecondsOption = 0.1,
    rounds: RoundsOption = 5,
    json_: JsonOption = False,
) -> None:
    """Time every candidate operation at every size it occurs with, into a latency table."""
    from harness.latency import measure_table

    protocol = make_protocol(device, batch_size, dtype, threads, cuda_graph, seconds)
    found, sizes = cell_space(space), network_settings(space, settings)
    check_resolution(resolution)
    check_output(output)
    with progress_bar("operations") as progress:
        table = measure_table(found, protocol, resolution=resolution, network=sizes, rounds=rounds, progress=progress)
    table.write(output)
    if json_:
        typer.echo(table.model_dump_json())
        return
    rows: list[tuple[Any, ...]] = [
        (t.operation, t.channels, t.resolution, t.stride, f"{t.median_ms:.4f}", f"{t.iqr_ms:.4f}", t.repeats)
        for t in table.operations
    ]
    rows.append(("all else", "", resolution, "", f"{table.fixed.median_ms:.4f}", f"{table.fixed.iqr_ms:.4f}",
                 table.fixed.repeats))  # fmt: skip
    print_table(
        table.label, ("operation", "channels", "resolution", "stride", "median, ms", "IQR, ms", "repeats"), rows
    )


@app.command()
@grouped
def network(
    *,
    architecture: Annotated[str, typer.Argument(help="An architecture, a published name, or a run's id.")],
    space: SpaceOption = "topology",
    device: DeviceOption = "cpu",
    batch_size: BatchOption = 1,
    dtype: DtypeOption = "float32",
    threads: ThreadsOption = 1,
    cuda_graph: GraphOption = False,
    resolution: ResolutionOption = 32,
    settings: SettingsOption = None,
    seconds: SecondsOption = 0.5,
    rounds: RoundsOption = 5,
    runtime: Annotated[str, typer.Option(help="torch, or onnx for ONNX Runtime on the CPU.")] = "torch",
    where: StoreOptions,
    json_: JsonOption = False,
) -> None:
    """Time a whole stand-alone network; a run's record keeps what was measured."""
    import json

    import numpy as np

    from harness.commands.subject import resolve
    from harness.latency import measure_networks
    from harness.onnx import measure_onnx
    from spaces.errors import unknown

    if runtime not in ("torch", "onnx"):
        raise unknown("runtime", runtime, ("torch", "onnx"))
    protocol = make_protocol(device, batch_size, dtype, threads, cuda_graph, seconds)
    opened = where.open()
    run_id, space, _, architecture = resolve(architecture, space, opened)
    found, sizes = cell_space(space), network_settings(space, settings)
    check_resolution(resolution)
    timed = measure_onnx if runtime == "onnx" else measure_networks
    with progress_bar("rounds") as progress:
        measured = timed(
            found, [found.parse(architecture)], protocol, resolution=resolution, network=sizes, rounds=rounds,
            progress=progress,
        )[:, 0]  # fmt: skip
    low, median, high = np.quantile(measured, (0.25, 0.5, 0.75)).tolist()
    source = f"{protocol.label}, {runtime}, measured"
    if run_id:
        opened.upsert_run(run_id, latency_ms=median, latency_source=source)
    if json_:
        typer.echo(json.dumps({"median_ms": median, "iqr_ms": high - low, "rounds": len(measured), "source": source}))
    else:
        typer.echo(f"{median:.3f} ms (quartiles of {len(measured)} rounds: {low:.3f} to {high:.3f}); {source}")


@app.command()
def validate(
    table: Annotated[Path, typer.Argument(help="Latency table.")],
    architectures: Annotated[int, typer.Option(min=3, help="How many random architectures to measure.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Of the sample.")] = 0,
    device: DeviceOption = "cpu",
    seconds: SecondsOption = 0.05,
    rounds: Annotated[int, typer.Option(min=2, help="Rounds over everything, so that they can be compared.")] = 6,
    figure: Annotated[Path | None, typer.Option(help="Scatter plot: a .png, .svg or .pdf file.")] = None,
    columns: Annotated[
        Path | None, typer.Option(help="Compare with a file of real devices' latencies instead of measuring.")
    ] = None,
    column: Annotated[list[str] | None, typer.Option(help="Only these columns of the file.")] = None,
    json_: JsonOption = False,
) -> None:
    """Compare the table's predictions with measured networks: rank correlation, error, and the spread of repeats."""
    import json

    import numpy as np

    from harness.commands.run import checked_device
    from harness.latency import measure_networks, protocol_of
    from harness.latency import validate as make_validation
    from harness.machine import device_name
    from reports.latency_figure import draw_latencies
    from reports.picture import check_picture
    from spaces.errors import InputError
    from spaces.latency_table import LatencyTable

    known = LatencyTable.read(table)
    space = cell_space(known.space)
    model = known.model(space)
    if columns is not None:
        _compare_columns(known, space, columns, column, json_=json_)
        return
    if column:
        raise InputError("--column names columns of a file: add --columns FILE, or leave it out")
    protocol = protocol_of(known, checked_device(device), seconds=seconds)
    if device_name(device) != known.device:
        raise InputError(
            f"the latency table was measured on '{known.device}', this is '{device_name(device)}': "
            "validate it there, or compare it with --columns FILE"
        )
    if figure is not None:
        check_picture(figure)
    generator = np.random.default_rng(seed)
    sample = [space.sample(generator) for _ in range(architectures)]
    with progress_bar("networks") as progress:
        measured = measure_networks(
            space, sample, protocol, resolution=known.resolution, network=known.network, rounds=rounds,
            progress=progress,
        )  # fmt: skip
    made = make_validation(model, space, sample, measured)
    figures = {
        "architectures": architectures,
        "spearman": made.rank_correlation,
        "spearman_of_repeats": made.ceiling,
        "pearson": made.correlation,
        "error_percent": made.error_percent,
        "spread_of_repeats_percent": made.spread_percent,
        "measured_ms": [float(made.median.min()), float(made.median.max())],
    }
    if figure is not None:
        draw_latencies(made.predicted, made.measured, figure, title=f"{space.name}: {known.label}")
    if json_:
        typer.echo(json.dumps(figures | {"table": known.label}))
        return
    low, high = made.median.min(), made.median.max()
    rows = [
        ("rank correlation (Spearman)", f"{made.rank_correlation:.3f}"),
        ("the same between repeated measurements", f"{made.ceiling:.3f}"),
        ("correlation (Pearson)", f"{made.correlation:.3f}"),
        ("mean absolute error", f"{made.error_percent:.1f} %"),
        ("spread of repeated measurements (IQR)", f"{made.spread_percent:.1f} %"),
        ("measured latencies", f"{low:.2f} to {high:.2f} ms"),
    ]
    print_table(f"{space.name}, {architectures} architectures, {known.label}", ("predicted against measured", ""), rows)


@app.command()
@grouped
def export(
    *,
    architecture: Annotated[str, typer.Argument(help="An architecture, a published name, or a run's id.")],
    output: Annotated[Path, typer.Option(help="The .onnx file.")],
    space: SpaceOption = "topology",
    batch_size: BatchOption = 1,
    resolution: ResolutionOption = 32,
    settings: SettingsOption = None,
    where: StoreOptions,
) -> None:
    """Write the stand-alone network, with random weights, as an ONNX file for other runtimes."""
    from harness.commands.subject import resolve
    from harness.onnx import export_onnx

    _, space, _, text = resolve(architecture, space, where.open())
    found = cell_space(space)
    check_resolution(resolution)
    export_onnx(
        found, found.parse(text), output, batch_size=batch_size, resolution=resolution,
        network=network_settings(space, settings),
    )  # fmt: skip


def _compare_columns(
    known: "LatencyTable", space: "CellSpace", path: Path, wanted: list[str] | None, *, json_: bool
) -> None:
    import json

    from harness.latency import column_correlations
    from spaces.errors import InputError, unknown
    from spaces.latency_table import read_columns

    columns = read_columns(path)
    for name in wanted or ():
        if name not in columns:
            raise unknown("latency column", name, map(str, columns))
    found = column_correlations(known.model(space), space, columns[wanted] if wanted else columns)
    if not found:
        raise InputError(f"{path} has no column with three different latencies: give another file")
    if json_:
        typer.echo(json.dumps(found))
        return
    ordered = sorted(found.items(), key=lambda item: -item[1])
    title = f"rank correlation of {known.label} with each column of {path.name}"
    print_table(title, ("column", "Spearman"), [(name, f"{value:.3f}") for name, value in ordered])

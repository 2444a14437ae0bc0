"""`nas-harness latency`: measure operations and networks, and check one against the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.commands.options import DEFAULT_STORE, DatabaseOption, DeviceOption, JsonOption, StoreOption

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.latency import Protocol
    from spaces.space import CellSpace

app = typer.Typer(help="Measure and predict the latency of networks.", no_args_is_help=True)

SpaceOption = Annotated[str, typer.Option(help="Search space.")]
BatchOption = Annotated[int, typer.Option("--batch-size", min=1, help="Images a forward pass.")]
DtypeOption = Annotated[str, typer.Option(help="float32, bfloat16 or float16.")]
ThreadsOption = Annotated[int, typer.Option(min=1, help="CPU threads.")]
GraphOption = Annotated[bool, typer.Option("--cuda-graph", help="Replay the pass as one CUDA graph.")]
SecondsOption = Annotated[float, typer.Option(min=0.001, help="Seconds of measuring for each figure and round.")]
RoundsOption = Annotated[int, typer.Option(min=1, help="Rounds over everything; the median round counts.")]
ResolutionOption = Annotated[int, typer.Option(min=1, help="Side of the network's images, pixels.")]
SettingsOption = Annotated[list[str] | None, typer.Option("--set", help="A setting of the network, e.g. channels=16.")]


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

    protocol = _protocol(device, batch_size, dtype, threads, cuda_graph, seconds)
    with _bar("operations") as progress:
        table = measure_table(
            _cell_space(space), protocol, resolution=resolution, network=_network(space, settings), rounds=rounds,
            progress=progress,
        )  # fmt: skip
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
    _print(table.label, ("operation", "channels", "resolution", "stride", "median, ms", "IQR, ms", "repeats"), rows)


@app.command()
def network(
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
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = None,
    json_: JsonOption = False,
) -> None:
    """Time a whole stand-alone network; a run's record keeps what was measured."""
    import json

    import numpy as np

    from harness.commands.subject import resolve
    from harness.latency import measure_networks
    from harness.machine import device_name
    from harness.onnx import measure_onnx
    from results.store import Store
    from spaces.errors import unknown

    if runtime not in ("torch", "onnx"):
        raise unknown("runtime", runtime, ("torch", "onnx"))
    protocol = _protocol(device, batch_size, dtype, threads, cuda_graph, seconds)
    run_id, space, _, architecture = resolve(architecture, space, Store(store, database_url=database))
    found, sizes = _cell_space(space), _network(space, settings)
    timed = measure_onnx if runtime == "onnx" else measure_networks
    with _bar("rounds") as progress:
        measured = timed(
            found, [found.parse(architecture)], protocol, resolution=resolution, network=sizes, rounds=rounds,
            progress=progress,
        )[:, 0]  # fmt: skip
    low, median, high = np.quantile(measured, (0.25, 0.5, 0.75)).tolist()
    source = f"{device_name(device)}, batch {batch_size}, {dtype}, {threads} threads, {runtime}, measured"
    if run_id:
        Store(store, database_url=database).upsert_run(run_id, latency_ms=median, latency_source=source)
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
    rounds: RoundsOption = 6,
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

    from harness.latency import measure_networks, protocol_of
    from harness.latency import validate as make_validation
    from reports.latency_figure import draw_latencies
    from spaces.latency_table import LatencyTable, check_fits

    known = LatencyTable.read(table)
    space = _cell_space(known.space)
    if columns is not None:
        _compare_columns(known, space, columns, column, json_=json_)
        return
    from harness.machine import device_name

    check_fits(known.model_copy(update={"network": space.network_settings, "resolution": 32}), space,
               device=device_name(device))  # fmt: skip
    generator = np.random.default_rng(seed)
    sample = [space.sample(generator) for _ in range(architectures)]
    with _bar("networks") as progress:
        measured = measure_networks(
            space, sample, protocol_of(known, device, seconds=seconds), resolution=known.resolution,
            network=known.network, rounds=rounds, progress=progress,
        )  # fmt: skip
    made = make_validation(known.model(space), space, sample, measured)
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
    _print(f"{space.name}, {architectures} architectures, {known.label}", ("predicted against measured", ""), rows)


@app.command()
def export(
    architecture: Annotated[str, typer.Argument(help="An architecture, a published name, or a run's id.")],
    output: Annotated[Path, typer.Option(help="The .onnx file.")],
    space: SpaceOption = "topology",
    batch_size: BatchOption = 1,
    resolution: ResolutionOption = 32,
    settings: SettingsOption = None,
    store: StoreOption = DEFAULT_STORE,
    database: DatabaseOption = None,
) -> None:
    """Write the stand-alone network, with random weights, as an ONNX file for other runtimes."""
    from harness.commands.subject import resolve
    from harness.onnx import export_onnx
    from results.store import Store

    _, space, _, text = resolve(architecture, space, Store(store, database_url=database))
    found = _cell_space(space)
    export_onnx(
        found, found.parse(text), output, batch_size=batch_size, resolution=resolution,
        network=_network(space, settings),
    )  # fmt: skip


def _compare_columns(known: Any, space: "CellSpace", path: Path, wanted: list[str] | None, *, json_: bool) -> None:
    import json

    import numpy as np
    from scipy import stats

    from spaces.errors import unknown
    from spaces.latency_table import read_columns

    table = read_columns(path)
    for name in wanted or ():
        if name not in table.columns:
            raise unknown("latency column", name, list(table.columns))
    model = known.model(space)
    predicted = np.array([model.predict(space.executed(space.parse(text))) for text in table.index])
    found = {}
    for name in wanted or table.columns:
        measured = table[name].to_numpy()
        there = np.isfinite(measured)
        if there.sum() > 2 and np.ptp(measured[there]) > 0:
            found[str(name)] = float(stats.spearmanr(predicted[there], measured[there]).statistic)
    if json_:
        typer.echo(json.dumps(found))
        return
    ordered = sorted(found.items(), key=lambda item: -item[1])
    title = f"rank correlation of {known.label} with each column of {path.name}"
    _print(title, ("column", "Spearman"), [(name, f"{value:.3f}") for name, value in ordered])


def _protocol(device: str, batch_size: int, dtype: str, threads: int, cuda_graph: bool, seconds: float) -> "Protocol":
    from harness.commands.run import checked_device
    from harness.latency import DTYPES, Protocol
    from spaces.errors import InputError, unknown

    if dtype not in DTYPES:
        raise unknown("dtype", dtype, DTYPES)
    device = checked_device(device)
    if cuda_graph and not device.startswith("cuda"):
        raise InputError("a CUDA graph needs a CUDA device: leave out --cuda-graph, or use --device cuda")
    return Protocol(device, batch_size, dtype, threads, cuda_graph, seconds)


def _cell_space(name: str) -> "CellSpace":
    from spaces.errors import InputError
    from spaces.registry import find_space
    from spaces.space import CellSpace

    space = find_space(name)
    if not isinstance(space, CellSpace):
        raise InputError(f"space '{name}' has no networks to measure: use topology or darts-cnn")
    return space


def _network(space: str, settings: list[str] | None) -> dict[str, int]:
    from harness.commands.run import parse_setting
    from spaces.errors import InputError, unknown

    chosen = dict(parse_setting(text) for text in settings or ())
    known = _cell_space(space).network_settings
    for name, value in chosen.items():
        if name not in known:
            raise unknown("network setting", name, known)
        if not isinstance(value, int) or value < 1:
            raise InputError(f"{name}={value!r} is refused: give a whole number of at least 1")
    return chosen


def _print(title: str, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table

    shown = Table(*header, title=title, title_justify="left")
    for row in rows:
        shown.add_row(*map(str, row))
    Console().print(shown)


@contextmanager
def _bar(what: str) -> "Iterator[Callable[[int, int], None]]":
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)

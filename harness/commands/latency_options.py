"""What the commands of `nas-harness latency` have in common: options, their checks, and how they print."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.latency import Protocol
    from spaces.space import CellSpace

SpaceOption = Annotated[str, typer.Option(help="Search space.")]
BatchOption = Annotated[int, typer.Option("--batch-size", min=1, help="Images a forward pass.")]
DtypeOption = Annotated[str, typer.Option(help="float32, bfloat16 or float16.")]
ThreadsOption = Annotated[int, typer.Option(min=1, help="CPU threads.")]
GraphOption = Annotated[bool, typer.Option("--cuda-graph", help="Replay the pass as one CUDA graph.")]
SecondsOption = Annotated[float, typer.Option(min=0.001, help="Seconds of measuring for each figure and round.")]
RoundsOption = Annotated[int, typer.Option(min=1, help="Rounds over everything; the median round counts.")]
ResolutionOption = Annotated[int, typer.Option(min=4, help="Side of the network's images, pixels.")]
SettingsOption = Annotated[list[str] | None, typer.Option("--set", help="A setting of the network, e.g. channels=16.")]


def make_protocol(
    device: str, batch_size: int, dtype: str, threads: int, cuda_graph: bool, seconds: float
) -> "Protocol":
    """The protocol of the options; raises InputError for a dtype or device that there is not."""
    from harness.commands.run import checked_device
    from harness.latency import DTYPES, Protocol
    from spaces.errors import InputError, unknown

    if dtype not in DTYPES:
        raise unknown("dtype", dtype, DTYPES)
    device = checked_device(device)
    if cuda_graph and not device.startswith("cuda"):
        raise InputError("a CUDA graph needs a CUDA device: leave out --cuda-graph, or use --device cuda")
    return Protocol(device, batch_size, dtype, threads, cuda_graph, seconds)


def cell_space(name: str) -> "CellSpace":
    """The space of that name; raises InputError where it has no networks."""
    from spaces.errors import InputError
    from spaces.registry import find_space
    from spaces.space import CellSpace

    space = find_space(name)
    if not isinstance(space, CellSpace):
        raise InputError(f"space '{name}' has no networks to measure: use topology or darts-cnn")
    return space


def network_settings(space: str, settings: list[str] | None) -> dict[str, int]:
    """The settings of `--set NAME=VALUE`; raises InputError for what the space's network does not take."""
    from harness.commands.run import parse_setting
    from spaces.errors import InputError, unknown

    chosen = dict(parse_setting(text) for text in settings or ())
    known = cell_space(space).network_settings
    for name, value in chosen.items():
        if name not in known:
            raise unknown("network setting", name, known)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise InputError(f"{name}={value!r} is refused: give a whole number of at least 1")
    return chosen


def check_resolution(resolution: int) -> None:
    """Raise InputError for a side that cannot be halved twice."""
    from spaces.errors import InputError

    if resolution % 4:  # an odd side is halved differently by convolutions and by pooling
        raise InputError(
            f"--resolution {resolution} is refused: networks halve their images twice, give a multiple of 4"
        )


def check_output(path: Path) -> None:
    """Raise InputError before the work for a file that could not be written after it."""
    from spaces.errors import InputError

    if path.is_dir() or not path.parent.is_dir():
        raise InputError(f"{path} cannot be written: name a file in a folder that exists")


def print_table(title: str, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Rows under a header on the terminal."""
    from rich.console import Console
    from rich.table import Table

    shown = Table(*header, title=title, title_justify="left")
    for row in rows:
        shown.add_row(*map(str, row))
    Console().print(shown)


@contextmanager
def progress_bar(what: str) -> "Iterator[Callable[[int, int], None]]":
    """A bar on standard error, and what moves it: (done, total)."""
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)

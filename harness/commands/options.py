"""Options that several commands share; a command that takes a group of them is marked `grouped`."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from results.store import Store

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TableOption = Annotated[
    Path | None, typer.Option("--table", envvar="NAS_HARNESS_TABLE", help="A table file that `table ingest` wrote.")
]
DataOption = Annotated[
    Path | None, typer.Option("--data", envvar="NAS_HARNESS_DATA", help="Folder with the image data sets.")
]
DeviceOption = Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1 ...")]
ThreadsOption = Annotated[
    int, typer.Option("--threads", min=0, help="CPU threads a worker; 0: OMP_NUM_THREADS, or an equal share.")
]
CheckpointOption = Annotated[float, typer.Option(min=0, help="Seconds between two checkpoints.")]
ExperimentArgument = Annotated[Path | None, typer.Argument(help="YAML file; the flags override its keys.")]
MethodsOption = Annotated[list[str] | None, typer.Option("--method", help="Method; give it several times.")]
SettingsOption = Annotated[
    list[str] | None, typer.Option("--set", help="A setting, e.g. steps=300 or lambda=1; give it several times.")
]
RecordsOption = Annotated[Path | None, typer.Option(help="Folder of exported CSV files to read instead.")]
_PARTS = "Parts of the methods"


@dataclass(frozen=True)
class StoreOptions:
    """Where the run records are."""

    store: Annotated[Path, typer.Option(envvar="NAS_HARNESS_STORE", help="Folder of the run records.")] = Path(
        "nas-harness-store"
    )
    database: Annotated[
        str | None, typer.Option(envvar="NAS_HARNESS_DATABASE", help="SQLAlchemy URL instead of SQLite.")
    ] = None

    @property
    def shown(self) -> list[str]:
        """The option that names the store; a password in a URL is not repeated in a report."""
        from results.store import without_password

        return ["--database", without_password(self.database)] if self.database else ["--store", str(self.store)]

    def open(self) -> "Store":
        """The store, whether there is one already or not."""
        from results.store import Store

        return Store(self.store, database_url=self.database)


@dataclass(frozen=True)
class FilterOptions:
    """Which of the runs."""

    space: Annotated[str | None, typer.Option(help="Only this search space.")] = None
    dataset: Annotated[str | None, typer.Option(help="Only searches on this data set.")] = None
    experiment: Annotated[str | None, typer.Option(help="Only runs of this experiment.")] = None


@dataclass(frozen=True)
class SearchOptions:
    """What is searched; overrides an experiment file's keys."""

    space: Annotated[str | None, typer.Option(help="Search space.")] = None
    dataset: Annotated[list[str] | None, typer.Option(help="Data set; give it several times.")] = None
    seeds: Annotated[str | None, typer.Option(help="Search seeds: 0,1,2 or 0-2.")] = None
    settings: SettingsOption = None


@dataclass(frozen=True)
class PartOptions:
    """Parts instead of the methods' own."""

    relaxation: Annotated[
        str | None, typer.Option(rich_help_panel=_PARTS, help="Instead of the method's, e.g. sigmoid.")
    ] = None
    update_rule: Annotated[
        str | None, typer.Option(rich_help_panel=_PARTS, help="Instead of the method's, e.g. relaxed.")
    ] = None
    regulariser: Annotated[
        list[str] | None,
        typer.Option(rich_help_panel=_PARTS, help="One more: NAME or NAME=WEIGHT; give it several times."),
    ] = None
    schedule: Annotated[str | None, typer.Option(rich_help_panel=_PARTS, help="Instead of the method's.")] = None
    discretisation: Annotated[str | None, typer.Option(rich_help_panel=_PARTS, help="Instead of the method's.")] = None


@dataclass(frozen=True)
class TrainingOptions:
    """Stand-alone training of what is found."""

    train_epochs: Annotated[int | None, typer.Option(help="Also train what is found, for so many epochs.")] = None
    train_seeds: Annotated[str, typer.Option(help="Training seeds of the stand-alone training.")] = "0"


@dataclass(frozen=True)
class ExecutionOptions:
    """What runs read and compute on; none of it changes what a run means."""

    data: DataOption = None
    table: TableOption = None
    latency: Annotated[
        str | None,
        typer.Option(help="Latency table (.json), or FILE:COLUMN of networks' latencies (.csv, .parquet), in ms."),
    ] = None
    foreign_latency: Annotated[
        bool, typer.Option("--foreign-latency", help="Accept a latency table of another device or other shapes.")
    ] = False
    device: DeviceOption = "cpu"
    compile_: Annotated[bool, typer.Option("--compile", help="torch.compile for the cells, and CUDA graphs.")] = False
    checkpoint_cells: Annotated[
        bool, typer.Option("--checkpoint-cells", help="Less memory, more time: compute cells again for the gradients.")
    ] = False
    workers: Annotated[int, typer.Option(min=1, help="Worker processes on this machine.")] = 1
    threads: ThreadsOption = 0


@dataclass(frozen=True)
class OutputOptions:
    """How and where a report is written."""

    format_: Annotated[str, typer.Option("--format", help="terminal, markdown, csv, json or latex.")] = "terminal"
    output: Annotated[Path | None, typer.Option(help="Write to this file instead of the terminal.")] = None
    json_: JsonOption = False

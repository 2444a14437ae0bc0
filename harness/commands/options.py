"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

DEFAULT_STORE = Path("nas-harness-store")
StoreOption = Annotated[Path, typer.Option("--store", envvar="NAS_HARNESS_STORE", help="Folder of the run records.")]
DatabaseOption = Annotated[
    str | None, typer.Option("--database", envvar="NAS_HARNESS_DATABASE", help="SQLAlchemy URL instead of SQLite.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
TableOption = Annotated[
    Path | None, typer.Option("--table", envvar="NAS_HARNESS_TABLE", help="A table file that `table ingest` wrote.")
]
LatencyOption = Annotated[
    str | None,
    typer.Option(help="Latency table (.json), or FILE:COLUMN of whole networks' latencies (.csv, .parquet), in ms."),
]
ForeignLatencyOption = Annotated[
    bool, typer.Option("--foreign-latency", help="Accept a latency table of another device or other shapes.")
]
DataOption = Annotated[
    Path | None, typer.Option("--data", envvar="NAS_HARNESS_DATA", help="Folder with the image data sets.")
]
DeviceOption = Annotated[str, typer.Option("--device", help="cpu, cuda, cuda:1 ...")]
CompileOption = Annotated[bool, typer.Option("--compile", help="torch.compile for the cells, and CUDA graphs.")]
CheckpointCellsOption = Annotated[
    bool, typer.Option("--checkpoint-cells", help="Less memory, more time: compute cells again for the gradients.")
]
WorkersOption = Annotated[int, typer.Option("--workers", min=1, help="Worker processes on this machine.")]
ThreadsOption = Annotated[
    int, typer.Option("--threads", min=0, help="CPU threads a worker; 0: OMP_NUM_THREADS, or an equal share.")
]
CheckpointOption = Annotated[float, typer.Option(min=0, help="Seconds between two checkpoints.")]
ExperimentArgument = Annotated[Path | None, typer.Argument(help="YAML file; the flags override its keys.")]
MethodsOption = Annotated[list[str] | None, typer.Option("--method", help="Method; give it several times.")]
SpaceOption = Annotated[str | None, typer.Option("--space", help="Search space.")]
DatasetsOption = Annotated[list[str] | None, typer.Option("--dataset", help="Data set; give it several times.")]
SeedsOption = Annotated[str | None, typer.Option("--seeds", help="Search seeds: 0,1,2 or 0-2.")]
SettingsOption = Annotated[
    list[str] | None, typer.Option("--set", help="A setting, e.g. steps=300 or lambda=1; give it several times.")
]
_PARTS = "Parts of the methods"
RelaxationOption = Annotated[
    str | None,
    typer.Option("--relaxation", rich_help_panel=_PARTS, help="Instead of the method's, e.g. sigmoid."),
]
UpdateRuleOption = Annotated[
    str | None, typer.Option("--update-rule", rich_help_panel=_PARTS, help="Instead of the method's, e.g. relaxed.")
]
RegulariserOption = Annotated[
    list[str] | None,
    typer.Option("--regulariser", rich_help_panel=_PARTS, help="One more: NAME or NAME=WEIGHT; give it several times."),
]
ScheduleOption = Annotated[
    str | None, typer.Option("--schedule", rich_help_panel=_PARTS, help="Instead of the method's.")
]
DiscretisationOption = Annotated[
    str | None, typer.Option("--discretisation", rich_help_panel=_PARTS, help="Instead of the method's.")
]
TrainEpochsOption = Annotated[int | None, typer.Option(help="Also train what is found, for so many epochs.")]
TrainSeedsOption = Annotated[str, typer.Option(help="Training seeds of the stand-alone training.")]
FormatOption = Annotated[str, typer.Option("--format", help="terminal, markdown, csv, json or latex.")]
OutputOption = Annotated[Path | None, typer.Option("--output", help="Write to this file instead of the terminal.")]

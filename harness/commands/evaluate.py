"""`nas-harness evaluate`: train an architecture from scratch with a recipe, and record its test error."""

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from harness.commands.grouped_options import grouped
from harness.commands.options import CheckpointOption, DataOption, DeviceOption, JsonOption, StoreOptions, ThreadsOption

if TYPE_CHECKING:
    from harness.evaluation import Evaluation
    from results.store import Store


@grouped
def evaluate(
    *,
    architecture: Annotated[str, typer.Argument(help="An architecture, a published name, or a run's id.")],
    recipe: Annotated[str, typer.Option(help="nats-bench, darts-cifar, darts-imagenet, or one of them with -small.")],
    space: Annotated[str, typer.Option(help="Search space; a run has its own.")] = "darts-cnn",
    dataset: Annotated[str | None, typer.Option(help="Data set; by default the run's, or cifar10.")] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="A setting of training or network, e.g. epochs=3, channels=16.")
    ] = None,
    seeds: Annotated[str, typer.Option(help="Training seeds: 0,1,2 or 0-2.")] = "0",
    downsample: Annotated[
        int | None, typer.Option(min=1, help="Average blocks of so many pixels; by default as the run did.")
    ] = None,
    resolution: Annotated[
        int | None, typer.Option(min=4, help="Side to scale a folder of images to, pixels; by default as the run did.")
    ] = None,
    data: DataOption = None,
    device: DeviceOption = "cpu",
    threads: ThreadsOption = 0,
    where: StoreOptions,
    checkpoint_seconds: CheckpointOption = 20.0,
    json_: JsonOption = False,
) -> None:
    """Train from scratch and count test errors; under torchrun, all processes train each network together.

    Seeds that the store has already are not trained again; after Ctrl-C or a kill, the same command goes on.
    """
    import torch
    from filelock import FileLock, Timeout
    from rich.console import Console

    from harness.commands.run import checked_device, default_threads, parse_numbers, parse_setting
    from harness.commands.subject import resolve
    from harness.distributed import process_group
    from harness.evaluation import Evaluation
    from harness.recipe import load_recipe
    from harness.search import InterruptedSearchError
    from harness.task import Resources, open_dataset
    from harness.training import check_batch
    from harness.training_settings import learning_rate
    from harness.workers import make_progress, stop_on_interrupt
    from spaces.errors import InputError
    from spaces.registry import find_space
    from spaces.space import CellSpace

    torch.set_num_threads(threads or default_threads(1))
    opened = where.open()
    run_id, space, searched, architecture = resolve(architecture, space, opened)
    found = find_space(space)
    if not isinstance(found, CellSpace):
        raise InputError(f"space '{space}' has no networks to train: use topology or darts-cnn")
    overrides = dict(parse_setting(text) for text in settings or ())
    of_run = opened.run(run_id).settings if run_id and dataset in (None, searched) else {}
    wanted = Evaluation(
        run_id=run_id or "",
        space=found,
        architecture=found.parse(architecture),
        recipe=load_recipe(recipe).adjusted(found, overrides),
        dataset=dataset or searched or "cifar10",
        data={
            "downsample": downsample or of_run.get("downsample", 1),
            "resolution": resolution or of_run.get("resolution", 0),
        },
        seeds=tuple(parse_numbers(seeds)),
    )
    wanted = wanted if run_id else replace(wanted, run_id=given_id(wanted))
    lock = opened.run_folder(wanted.run_id) / "lock"
    with process_group(checked_device(device)) as group, stop_on_interrupt() as stop, ExitStack() as held:
        console = Console(stderr=True, quiet=not group.first)
        images = open_dataset(wanted.dataset, wanted.data, Resources(device=group.device, data_folder=data))
        check_batch(wanted.recipe.training, examples=len(images.train_images), group=group)
        missing = wanted.missing(opened)
        if missing and group.first:
            lock.parent.mkdir(parents=True, exist_ok=True)
            try:
                held.enter_context(FileLock(lock, timeout=0))
            except Timeout:
                raise InputError(f"another process is at work on run {wanted.run_id}: wait until it ends") from None
        if run_id is None and group.first:
            _record_given(wanted, architecture, opened, device=group.device)
        with make_progress(console=console, disable=not group.first) as progress:
            try:
                for seed in missing:
                    bar = progress.add_task(f"seed {seed}", total=wanted.recipe.training.epochs, note="")

                    def show(epoch: int, epochs: int, loss: float, bar: Any = bar) -> None:
                        rate = learning_rate(wanted.recipe.training, step=epoch - 1, steps_per_epoch=1)
                        progress.update(bar, completed=epoch, note=f"train {loss:.3f}  lr {rate:.2g}")

                    wanted.train(
                        seed, images, opened, progress=show, should_stop=stop.is_set,
                        checkpoint_seconds=checkpoint_seconds, group=group,
                    )  # fmt: skip
            except InterruptedSearchError:
                console.print("Interrupted. Give the same command again to go on.")
                raise typer.Exit(130) from None
    if group.first:
        _show(wanted, opened, json_=json_)


def given_id(wanted: "Evaluation") -> str:
    """The identity of the record of an architecture that no search of ours found: one for each way to train it."""
    from harness.experiment import RunSpec

    return RunSpec(
        method="given", space=wanted.space.name, dataset=wanted.dataset, search_seed=0,
        settings=_settings(wanted, str(wanted.architecture)), network={}, data={},
    ).id  # fmt: skip


def _settings(wanted: "Evaluation", architecture: str) -> dict[str, Any]:
    recipe = wanted.recipe
    training = {"architecture": architecture, "recipe": recipe.name, **recipe.training.model_dump()}
    return {**training, **recipe.network, **wanted.data}


def _record_given(wanted: "Evaluation", text: str, store: "Store", *, device: str) -> None:
    from harness.machine import device_name
    from harness.runner import described_architecture

    store.upsert_run(
        wanted.run_id, experiment="given", method="given", space=wanted.space.name, dataset=wanted.dataset,
        search_seed=0, settings=_settings(wanted, text), status="finished", device=device_name(device),
        **described_architecture(wanted.space, wanted.architecture),
    )  # fmt: skip


def _show(wanted: "Evaluation", store: "Store", *, json_: bool) -> None:
    import json

    from rich.console import Console
    from rich.table import Table

    from reports.statistics import summarise

    known = store.evaluations(
        run_id=wanted.run_id, source="trained", dataset=wanted.dataset, epochs=wanted.recipe.training.epochs
    )
    ours = known[(known["provenance"] == wanted.provenance) & known["evaluation_seed"].isin(wanted.seeds)]
    errors = {int(seed): error for seed, error in zip(ours["evaluation_seed"], ours["error_percent"], strict=True)}
    summary = summarise(list(errors.values()))
    parameters, multiply_adds = wanted.space.cost(wanted.architecture)
    if json_:
        typer.echo(
            json.dumps(
                {
                    "run": wanted.run_id, "dataset": wanted.dataset, "test_error_percent": errors,
                    "mean": summary.mean, "std": None if summary.count < 2 else summary.std,
                    "parameters_m": parameters, "flops_m": multiply_adds, "provenance": wanted.provenance,
                }
            )
        )  # fmt: skip
        return
    table = Table("seed", "test error, %", title=f"run {wanted.run_id} on {wanted.dataset}", title_justify="left")
    for seed, error in sorted(errors.items()):
        table.add_row(str(seed), f"{error:.2f}")
    if summary.count > 1:
        table.add_row("mean ± std", f"{summary.mean:.2f} ± {summary.std:.2f}")
    Console().print(table, wanted.provenance)

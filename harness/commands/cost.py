"""`nas-harness cost`: what a search step costs, the floor that it implies on this machine, and where its time goes."""

from typing import TYPE_CHECKING, Annotated

import typer

from harness.commands.latency_options import (
    BatchOption,
    ResolutionOption,
    SpaceOption,
    ThreadsOption,
    check_resolution,
    print_table,
    progress_bar,
)
from harness.commands.options import DeviceOption, JsonOption, MethodsOption, SettingsOption

if TYPE_CHECKING:
    from harness.experiment import RunSpec
    from harness.roofline import Machine
    from harness.step_cost import StepCost


def cost(
    space: SpaceOption = "topology",
    method: MethodsOption = None,
    settings: SettingsOption = None,
    batch_size: BatchOption = 64,
    resolution: ResolutionOption = 32,
    device: DeviceOption = "cpu",
    threads: ThreadsOption = 1,
    steps: Annotated[int, typer.Option(min=1, help="Measured steps; the median counts.")] = 5,
    profile: Annotated[bool, typer.Option("--profile", help="Also profile a step: where its time goes.")] = False,
    json_: JsonOption = False,
) -> None:
    """Print what one search step of every method costs, and the least time that it implies on this machine.

    f + b: forward and backward passes. The floor is a roofline of every kernel at measured peaks, all tensors found in
    the caches where they fit; beside it are the FLOPs alone, and the roofline with all tensors in memory (RAM).
    Without --method: all methods that train a supernet. The images are random.
    """
    import json
    from dataclasses import asdict
    from functools import partial

    import torch

    from harness.commands.run import checked_device
    from harness.machine import device_name
    from harness.own_process import in_own_process
    from harness.roofline import measure_machine
    from harness.step_cost import Measurement, measure_step, profile_step

    device = checked_device(device)
    specs = _runs(space, method, settings, batch_size=batch_size, resolution=resolution)
    dtype = getattr(torch, specs[0].settings["precision"])
    machine = in_own_process(partial(measure_machine, torch.device(device), dtype, threads=threads))
    measurement = Measurement(machine, device, threads, steps)
    costs: dict[str, StepCost] = {}
    shares: dict[str, dict[str, float]] = {}
    with progress_bar("methods") as progress:
        for spec in specs:
            costs[spec.method] = in_own_process(measure_step, spec, measurement)
            if profile:
                shares[spec.method] = in_own_process(profile_step, spec, measurement)
            progress(len(costs), len(specs))
    spec, name = specs[0], device_name(device)
    if json_:
        content = {
            "device": name,
            "threads": threads,
            "machine": asdict(machine),
            "space": space,
            "network": spec.network,
            "batch_size": spec.settings["batch_size"],
            "resolution": spec.data["resolution"],
            "methods": {
                key: asdict(found) | {"times_the_floor": found.times_the_floor, "kernel_seconds": shares.get(key)}
                for key, found in costs.items()
            },
        }
        typer.echo(json.dumps(content))
        return
    network = ", ".join(f"{key} {value}" for key, value in spec.network.items())
    typer.echo(f"{name}, {threads} thread(s): {_peaks(machine)}")
    _print_costs(f"one step on {space} ({network}, batch {spec.settings['batch_size']})", costs)
    if shares:
        _print_shares(shares)


def _runs(
    space: str, methods: list[str] | None, settings: list[str] | None, *, batch_size: int, resolution: int
) -> "list[RunSpec]":
    """The run that each method's step is taken from; raises InputError."""
    from harness.commands.run import parse_setting
    from harness.experiment_file import make_experiment
    from methods import find_method, list_methods
    from spaces.errors import InputError
    from spaces.registry import find_space

    if find_space(space).streams() is not None:
        raise InputError(f"space '{space}' has no supernet of images: use topology or darts-cnn")
    searching = (known for known in list_methods() if known.trains_supernet)
    names = methods or [known.name for known in searching if not known.implementation.misplaced(find_space(space))]
    for name in names:
        if not find_method(name).trains_supernet:
            raise InputError(f"{name} trains no supernet: choose a method that does, such as rarts")
    chosen = {"batch_size": batch_size, "resolution": resolution}
    chosen |= dict(parse_setting(text) for text in settings or ())
    content = {"space": space, "methods": {name: {} for name in names}, "seeds": (0,), "settings": chosen}
    runs = make_experiment(content, source="the options").runs(table="")
    if runs[0].settings.get("gamma"):
        raise InputError(f"gamma={runs[0].settings['gamma']} is refused: a step's cost is measured without latencies")
    check_resolution(runs[0].data["resolution"])
    return runs


def _peaks(machine: "Machine") -> str:
    return (
        f"{_short(machine.flops / 1e9)} GFLOP/s, "
        f"{_short(machine.memory_bandwidth / 1e9)} GB/s from memory, "
        f"up to {_short(max(machine.bandwidths.values()) / 1e9)} GB/s from the caches (measured)"
    )


def _print_costs(title: str, costs: "dict[str, StepCost]") -> None:
    milliseconds = (f"{name}\nms" for name in ("FLOPs", "floor", "RAM", "step"))
    header = ("method", "f + b", "GFLOP", "GB", *milliseconds, "over\nfloor", "peak\nMiB")
    rows = [
        (
            name,
            f"{_short(found.forward_passes)} + {_short(found.backward_passes)}",
            *(_short(figure / 1e9) for figure in (found.flops, found.bytes)),
            *(_short(1000 * figure) for figure in (found.arithmetic, found.floor, found.memory_floor, found.seconds)),
            _short(found.times_the_floor),
            _short(found.peak_memory_mib),
        )
        for name, found in costs.items()
    ]
    print_table(title, header, rows)


def _print_shares(profiled: dict[str, dict[str, float]]) -> None:
    totals = {name: sum(spent.values()) for name, spent in profiled.items()}
    rows = [
        (kind, *(f"{100 * spent[kind] / totals[name]:.1f}" for name, spent in profiled.items()))
        for kind in next(iter(profiled.values()))
    ]
    rows.append(("profiled step, ms", *(_short(1000 * total) for total in totals.values())))
    print_table("where the time goes, % of a profiled step", ("", *profiled), rows)


def _short(figure: float) -> str:
    """Three significant digits."""
    return f"{float(f'{figure:.3g}'):g}"

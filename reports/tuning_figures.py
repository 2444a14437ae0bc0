"""Optuna's figures of a study as files: history, slices, contours, and the Pareto front."""

import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import matplotlib
import optuna
from optuna.trial import FrozenTrial, TrialState
from optuna.visualization import matplotlib as plots

from spaces.errors import InputError

_INCHES = 4.0  # a panel


def draw_study(study: optuna.Study, folder: Path, *, objectives: tuple[str, ...]) -> list[Path]:
    """Draw everything that the study has trials for, as PNG files in the folder; returns them.

    Raises InputError for a study without finished trials and for a folder that cannot be written.
    """
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not complete:
        raise InputError(f"study {study.study_name} has no finished trial to draw yet: run some first")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder} cannot be written ({error.strerror}): name another folder") from error
    matplotlib.use("Agg")
    from matplotlib import pyplot

    files = []
    # The plots are experimental in Optuna, draw on pyplot's current figure and change its style.
    with matplotlib.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        for name, plot, panels in _plots(study, objectives, settings=len(complete[0].params)):
            plot()
            figure = pyplot.gcf()
            figure.set_size_inches(_INCHES * panels[0] + 2, _INCHES * panels[1])
            files.append(folder / f"{name}.png")
            figure.savefig(files[-1], dpi=100, bbox_inches="tight")
            pyplot.close("all")
    return files


def _plots(
    study: optuna.Study, objectives: tuple[str, ...], *, settings: int
) -> Iterator[tuple[str, Callable[[], Any], tuple[int, int]]]:
    """(file name, what draws it, panels across and down)."""
    for index, objective in enumerate(objectives):
        options: dict[str, Any] = {"target_name": objective}
        if len(objectives) > 1:
            options["target"] = _value(index)
        yield f"history-{objective}", partial(plots.plot_optimization_history, study, **options), (1, 1)
        yield f"slice-{objective}", partial(plots.plot_slice, study, **options), (settings, 1)
        if settings > 1:
            size = (settings, settings) if settings > 2 else (1, 1)
            yield f"contour-{objective}", partial(plots.plot_contour, study, **options), size
    if len(objectives) in (2, 3):
        yield "pareto-front", partial(plots.plot_pareto_front, study, target_names=list(objectives)), (1, 1)


def _value(index: int) -> Callable[[FrozenTrial], float]:
    return lambda trial: trial.values[index]


__all__ = ["draw_study"]

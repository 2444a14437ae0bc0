"""Differentiable search: relaxation x update rule x regularisers x schedule x discretisation."""

from dataclasses import dataclass
from typing import Any

import torch
from pydantic import create_model
from torch import Tensor

from methods.cuda_graph import CudaGraphs
from methods.discretisation import Argmax, Discretisation
from methods.method import Method, Metrics, SettingsModel, Task
from methods.regulariser import Regulariser
from methods.relaxation import Relaxation
from methods.schedule import Schedule
from methods.update_rule import UpdateRule
from spaces.errors import InputError
from spaces.space import Stream, SuperNet


class SearchSettings(SettingsModel):
    """Settings that every differentiable method has."""

    batch_size: int = 64  # RARTS, Section IV-A


@dataclass(frozen=True)
class Parts:
    """The five independent choices that make a differentiable method."""

    relaxation: type[Relaxation]
    update_rule: type[UpdateRule]
    regularisers: tuple[type[Regulariser], ...] = ()
    schedule: type[Schedule] = Schedule
    discretisation: type[Discretisation] = Argmax

    def settings_model(self, name: str) -> type[SettingsModel]:
        """The union of the parts' settings."""
        parts: tuple[Any, ...] = (self.relaxation, self.update_rule, *self.regularisers)
        owners = (*parts, self.schedule, self.discretisation)
        bases: list[type[SettingsModel]] = []
        for model in (SearchSettings, *(owner.Settings for owner in owners)):
            if model not in bases and not any(issubclass(base, model) for base in bases):
                bases.append(model)
        return create_model(f"{name} settings", __base__=tuple(bases))


class DifferentiableMethod(Method):
    """A search by gradient descent on alpha; one subclass per choice of `parts`."""

    parts: Parts

    def start(self, task: Task) -> None:
        """Build the supernets, alpha, the relaxation and the update rule from the task's seed."""
        if task.train is None or task.validation is None:
            raise InputError("a differentiable method searches on images: give it a data set such as digits or cifar10")
        self.task, settings = task, task.settings
        torch.manual_seed(task.seed)
        networks = task.space.supernets(
            self.parts.update_rule.networks_needed,
            classes=task.classes,
            in_channels=task.in_channels,
            **task.space_settings,
        )
        compiled = task.compile_cells and self.parts.relaxation.dense  # others run other operations in every step
        for network in networks:
            network.checkpoint_cells = task.checkpoint_cells
            if compiled:
                network.compile_cells()
        generator = torch.Generator().manual_seed(task.seed)
        alphas = task.space.initial_alpha(generator, **task.space_settings)
        self.alphas = [alpha.to(task.device).requires_grad_() for alpha in alphas]
        self.relaxation = self.parts.relaxation(settings, generator)
        self.schedule = self.parts.schedule(settings)
        self.discretisation = self.parts.discretisation(settings)
        self.update_rule = self.parts.update_rule(
            [network.to(task.device) for network in networks],
            self.alphas,
            relaxation=self.relaxation,
            regularisers=[regulariser(settings, task) for regulariser in self.parts.regularisers],
            settings=settings,
        )
        if compiled and task.device.type == "cuda":
            self.update_rule.graphs = CudaGraphs()
        self.steps_done = 0

    @property
    def progress(self) -> float:
        """Steps done / steps of the budget."""
        return self.steps_done / self.schedule.settings.steps

    def step(self) -> Metrics:
        """One iteration of the update rule on the next batch of each half."""
        train, validation = self._streams
        self.relaxation.progress = self.progress
        self.update_rule.set_weight_learning_rate(self.schedule.weight_learning_rate(self.steps_done))
        moves = self.schedule.alpha_moves(self.steps_done)
        metrics = self.update_rule.step(train.next(), validation.next(), alpha_moves=moves)
        self.steps_done += 1
        return {**metrics, "alpha_entropy": self._entropy()}

    @property
    def network(self) -> SuperNet:
        """The supernet that validation looks at: the last one (RARTS' primary network)."""
        return self.update_rule.networks[-1]

    def scores(self) -> list[Tensor]:
        """What the discretisation ranks operations by."""
        return self.relaxation.scores(self.alphas)

    def architecture(self) -> Any:
        """The discretised architecture."""
        return self.discretisation(self.task.space, self.scores())

    def state_dict(self) -> dict[str, Any]:
        """Steps done, alpha, weights, optimisers, random generator and the position in both streams."""
        train, validation = self._streams
        return {
            "steps_done": self.steps_done,
            "alphas": [alpha.detach() for alpha in self.alphas],
            "update_rule": self.update_rule.state_dict(),
            "generator": self.relaxation.generator.get_state(),
            "train": train.state_dict(),
            "validation": validation.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        train, validation = self._streams
        self.steps_done = state["steps_done"]
        with torch.no_grad():
            for alpha, saved in zip(self.alphas, state["alphas"], strict=True):
                alpha.copy_(saved)
        self.update_rule.load_state_dict(state["update_rule"])
        self.relaxation.generator.set_state(state["generator"])
        train.load_state_dict(state["train"])
        validation.load_state_dict(state["validation"])

    @property
    def _streams(self) -> tuple[Stream, Stream]:
        assert self.task.train is not None
        assert self.task.validation is not None
        return self.task.train, self.task.validation

    def _entropy(self) -> float:
        """Mean entropy of softmax(alpha) over all edges, in nats."""
        rows = torch.cat([torch.log_softmax(alpha.detach(), dim=-1) for alpha in self.alphas])
        return float(-(rows.exp() * rows).sum(dim=-1).mean())

"""Differentiable search: relaxation x update rule x regularisers x schedule x discretisation."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from methods.cuda_graph import CudaGraphs
from methods.method import Method, Metrics, OneShot, Task
from methods.parts import Parts
from spaces.errors import InputError
from spaces.space import Batch, CellSpace, Space, Stream, SuperNet


class DifferentiableMethod(Method):
    """A search by gradient descent on alpha; one subclass per choice of `parts`."""

    trains_supernet: ClassVar[bool] = True
    parts: Parts

    @classmethod
    def own_defaults(cls) -> Mapping[str, Any]:
        """Those of the composition."""
        return cls.parts.defaults

    @classmethod
    def misplaced(cls, space: Space) -> str:
        """Why one of the parts makes no sense on the space; empty where all do."""
        return cls.parts.misplaced(space)

    def start(self, task: Task) -> None:
        """Build the supernets, alpha, the relaxation and the update rule from the task's seed."""
        if task.train is None or task.validation is None:
            raise InputError("a differentiable method searches on images: give it a data set such as digits or cifar10")
        if reason := self.misplaced(task.space):
            raise InputError(f"space '{task.space.name}' is none for this method: {reason}")
        self.task, settings = task, task.settings
        edges = task.space.edges(**task.space_settings) if isinstance(task.space, CellSpace) else ()
        self.relaxation = self.parts.relaxation(settings, torch.Generator().manual_seed(task.seed), edges)
        self.regularisers = [regulariser(settings, task) for regulariser in self.parts.regularisers]
        self.schedule = self.parts.schedule(settings)
        self.discretisation = self.parts.discretisation(settings)
        self.steps_done = 0
        self.begin({**task.space_settings, **self.schedule.supernet_settings})

    def begin(self, space_settings: Mapping[str, Any]) -> None:
        """New supernets of these settings, new alphas, new optimisers."""
        task = self.task
        torch.manual_seed(task.seed)
        networks = task.space.supernets(
            self.parts.update_rule.networks_needed,
            classes=task.classes,
            in_channels=task.in_channels,
            **space_settings,
            **self.relaxation.supernet_settings,
        )
        compiled = task.compile_cells and self.parts.dense  # others run other operations in other steps
        for network in networks:
            network.checkpoint_cells = task.checkpoint_cells
            if compiled:
                network.compile_cells()
        alphas = task.space.initial_alpha(self.relaxation.generator, **space_settings)
        self.alphas = [alpha.to(task.device).requires_grad_() for alpha in self.relaxation.parameters(alphas)]
        self.update_rule = self.parts.update_rule(
            [network.to(task.device) for network in networks],
            self.alphas,
            relaxation=self.relaxation,
            regularisers=self.regularisers,
            settings=task.settings,
        )
        if compiled and task.device.type == "cuda":
            self.update_rule.graphs = CudaGraphs()

    def keep_only(self, allowed: list[Tensor]) -> None:
        """From now on, run only the operations that are marked in (E, O) masks."""
        self.relaxation.allowed = [mask.to(self.task.device) for mask in allowed]
        for network in self.update_rule.networks:
            network.dense = False

    @property
    def progress(self) -> float:
        """Steps done / steps of the budget."""
        return self.steps_done / (self.schedule.last_step + self.discretisation.steps(self.relaxation.edges))

    def step(self) -> Metrics:
        """One iteration of the update rule on the next batch of each half, then those of the discretisation."""
        searched = min(1.0, self.steps_done / self.task.settings.steps)
        self.relaxation.progress = searched
        for regulariser in self.regularisers:
            regulariser.progress = searched
        if self.steps_done < self.schedule.last_step:
            self.schedule.before(self)
            self.update_rule.set_weight_learning_rate(self.schedule.weight_learning_rate(self.steps_done))
            metrics = self.train(alpha_moves=self.schedule.alpha_moves(self.steps_done))
            self.steps_done += 1
            self.schedule.after(self)
        else:
            metrics = self.discretisation.select(self, self.steps_done - self.schedule.last_step)
            self.steps_done += 1
        return {**metrics, "alpha_entropy": alpha_entropy(self.relaxation.masked(self.alphas))}

    def train(self, *, alpha_moves: bool) -> Metrics:
        """One iteration of the update rule on the next batch of each half."""
        train, validation = self._streams
        return self.update_rule.step(train.next(), validation.next(), alpha_moves=alpha_moves)

    def validation_batches(self, count: int) -> list[Batch]:
        """The next batches of D_v."""
        _, validation = self._streams
        return [validation.next() for _ in range(count)]

    @property
    def networks(self) -> Sequence[SuperNet]:
        """The update rule's supernets."""
        return self.update_rule.networks

    @property
    def network(self) -> SuperNet:
        """The supernet that validation looks at: the last one (RARTS' primary network)."""
        return self.update_rule.networks[-1]

    def one_shot(self) -> OneShot:
        """The supernet under noiseless mixture weights."""
        return OneShot(self.network, self.scores(), self.alphas, "supernet with all operations mixed")

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
            "schedule": self.schedule.state_dict(),
            "allowed": self.relaxation.allowed,
            "alphas": [alpha.detach() for alpha in self.alphas],
            "update_rule": self.update_rule.state_dict(),
            "discretisation": self.discretisation.state_dict(),
            "generator": self.relaxation.generator.get_state(),
            "train": train.state_dict(),
            "validation": validation.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        train, validation = self._streams
        self.steps_done = state["steps_done"]
        self.schedule.load_state_dict(state["schedule"], self)
        if state["allowed"] is not None:
            self.keep_only(state["allowed"])
        with torch.no_grad():
            for alpha, saved in zip(self.alphas, state["alphas"], strict=True):
                alpha.copy_(saved)
        self.update_rule.load_state_dict(state["update_rule"])
        self.discretisation.load_state_dict(state["discretisation"])
        self.relaxation.generator.set_state(state["generator"])
        train.load_state_dict(state["train"])
        validation.load_state_dict(state["validation"])

    @property
    def _streams(self) -> tuple[Stream, Stream]:
        assert self.task.train is not None
        assert self.task.validation is not None
        return self.task.train, self.task.validation


def alpha_entropy(alphas: Sequence[Tensor]) -> float:
    """Mean entropy of softmax(alpha) over all edges, in nats."""
    rows = (torch.softmax(alpha.detach(), dim=-1) for alpha in alphas)
    return float(torch.cat([torch.special.entr(row).sum(dim=-1) for row in rows]).mean())

"""Weight sharing: train the weights of a supernet on single paths, then judge sampled architectures with them."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import Tensor

from methods.method import Method, Metrics, OneShot, Task
from methods.parts import SearchSettings
from methods.schedule import WeightSchedule
from methods.weight_training import WeightTraining
from spaces.choices import choices_of
from spaces.errors import InputError
from spaces.space import Batch, CellSpace, Space, SuperNet


class OneShotMethod(Method):
    """`steps` weight steps, each of one sampled architecture; then `samples` architectures are judged, one a step.

    The path of an architecture is the supernet under the one-hot mixture: only the chosen operations run. All are
    judged on the same batches of D_v; the lowest error wins, and of equal ones the first.
    """

    trains_supernet: ClassVar[bool] = True

    class Settings(SearchSettings, WeightSchedule.Settings, WeightTraining.Settings):
        """Budget and optimiser of the weights, and how architectures are chosen."""

        samples: int = Field(100, ge=1)  # judged architectures: NATS-Bench's code for RSPS, ENAS and SETN
        # Of D_v; 8 times 64 images are the one batch that NATS-Bench's code takes.
        judging_batches: int = Field(8, ge=1)

    @classmethod
    def misplaced(cls, space: Space) -> str:
        """It samples cells that are products of choices."""
        if not isinstance(space, CellSpace):
            return "it samples architectures of cells: use space topology or darts-cnn"
        if space.keeps_support:
            return "it samples one operation an edge, and any number may be there: use space topology or darts-cnn"
        return ""

    def start(self, task: Task) -> None:
        """Build the supernet from the task's seed."""
        if reason := self.misplaced(task.space):
            raise InputError(f"space '{task.space.name}' is none for this method: {reason}")
        if task.train is None or task.validation is None:
            raise InputError(
                "this method trains single architectures of a supernet on images: "
                "use space topology or darts-cnn with a data set such as digits or cifar10"
            )
        assert isinstance(task.space, CellSpace)
        self.task, self.space, self.settings = task, task.space, task.settings
        self.train_stream, self.validation_stream = task.train, task.validation
        torch.manual_seed(task.seed)
        self.network = task.space.supernet(
            classes=task.classes, in_channels=task.in_channels, **task.space_settings
        ).to(task.device)
        self.network.checkpoint_cells = task.checkpoint_cells
        self.choices = choices_of(task.space, **task.space_settings)
        self.generator = np.random.default_rng(task.seed)
        self.schedule = WeightSchedule(self.settings)
        self.training = self.make_training(self.network)
        self.weight_steps = 0
        self.judged: list[tuple[Any, float]] = []  # (architecture, one-shot error in %), oldest first
        self._judging_batches: list[Batch] = []
        self._before_judging: dict[str, Any] | None = None  # the position in D_v before these batches

    @abstractmethod
    def path_to_train(self) -> Any:
        """The architecture of the next weight step."""

    @abstractmethod
    def candidate(self) -> Any:
        """The next architecture to judge."""

    @abstractmethod
    def guess(self) -> Any:
        """The architecture to return while none is judged; asked after every step."""

    def make_training(self, network: SuperNet) -> WeightTraining:
        """What moves the weights."""
        return WeightTraining([network], settings=self.settings)

    @property
    def networks(self) -> Sequence[SuperNet]:
        """The one supernet."""
        return [self.network]

    @property
    def progress(self) -> float:
        """Weight steps done and architectures judged / all of them."""
        return (self.weight_steps + len(self.judged)) / (self.settings.steps + self.settings.samples)

    def step(self) -> Metrics:
        """A weight step; after the last one, the judgement of an architecture."""
        return self.train_weights() if self.weight_steps < self.settings.steps else self.judge()

    def train_weights(self) -> Metrics:
        """One step of the weights on the next batch of D_t, along the gradient of a single path."""
        self.training.set_weight_learning_rate(self.schedule.weight_learning_rate(self.weight_steps))
        mixture = self.path(self.path_to_train())
        loss, gradient = self.training.weight_gradients(self.network, self.train_stream.next(), mixture)
        self.training.move_weights(0, gradient)
        self.weight_steps += 1
        return {"train_loss": loss.item()}

    def judge(self) -> Metrics:
        """Compute the one-shot error of one more architecture."""
        if not self._judging_batches:
            self._before_judging = self.validation_stream.state_dict()
            self._judging_batches = [self.validation_stream.next() for _ in range(self.settings.judging_batches)]
        architecture = self.candidate()
        error = self.one_shot_error(architecture, self._judging_batches)
        self.judged.append((architecture, error))
        return {"judged_error": error, "best_judged_error": min(error for _, error in self.judged)}

    def one_shot_error(self, architecture: Any, batches: Sequence[Batch]) -> float:
        """% of the batches' images that the architecture's path classifies wrongly."""
        mixture = self.path(architecture)
        with torch.no_grad():
            wrong = sum(float(self.network.errors(batch, mixture)) for batch in batches)
        return 100 * wrong / sum(len(batch.targets) for batch in batches)

    def path(self, architecture: Any) -> list[Tensor]:
        """The one-hot mixture weights of the architecture."""
        weight = self.training.weights[self.network][0]
        return [torch.as_tensor(chosen).to(weight) for chosen in self.space.chosen(architecture)]

    def architecture(self) -> Any:
        """The best of the judged architectures, or the guess before there is one."""
        return min(self.judged, key=lambda pair: pair[1])[0] if self.judged else self.guess()

    def one_shot(self) -> OneShot:
        """The path of the architecture that would be returned now."""
        return OneShot(self.network, self.path(self.architecture()), self.alphas, "chosen path of the supernet")

    @property
    def alphas(self) -> Sequence[Tensor]:
        """Architecture parameters, where the method has any."""
        return ()

    def state_dict(self) -> dict[str, Any]:
        """Weights, optimisers, judged architectures, random generator and the position in both streams."""
        return {
            "weight_steps": self.weight_steps,
            "training": self.training.state_dict(),
            "judged": [[str(architecture), error] for architecture, error in self.judged],
            "generator": self.generator.bit_generator.state,
            "train": self.train_stream.state_dict(),
            "validation": self._before_judging or self.validation_stream.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state; the batches to judge on are drawn again."""
        self.weight_steps = state["weight_steps"]
        self.training.load_state_dict(state["training"])
        self.judged = [(self.space.parse(text), error) for text, error in state["judged"]]
        self.generator.bit_generator.state = state["generator"]
        self.train_stream.load_state_dict(state["train"])
        self.validation_stream.load_state_dict(state["validation"])
        self._judging_batches, self._before_judging = [], None


__all__ = ["OneShotMethod"]

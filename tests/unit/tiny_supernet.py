"""A two-edge, three-operation dense supernet in float64, small enough for exact derivatives."""

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from methods import DifferentiableMethod, Task
from spaces.quadratic import QuadraticSpace
from spaces.space import Batch, SuperNet


class TinySuperNet(SuperNet):
    """x -> two mixed dense layers -> logits; every operation is smooth, so finite differences converge."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = nn.ParameterList(
            [nn.Parameter(0.5 * torch.randn(3, 4, 4, dtype=torch.float64)) for _ in range(2)]
        )

    def forward(self, inputs: Tensor, mixture: Sequence[Tensor], weights: Sequence[Tensor] | None = None) -> Tensor:
        for edge, weight in enumerate(self.weights if weights is None else weights):
            inputs = torch.tanh(torch.einsum("ni,oij,o->nj", inputs, weight, mixture[0][edge]))
        return inputs

    def loss(self, batch: Batch, mixture: Sequence[Tensor], weights: Sequence[Tensor] | None = None) -> Tensor:
        return nn.functional.cross_entropy(self(batch.inputs, mixture, weights), batch.targets)

    def errors(self, batch: Batch, mixture: Sequence[Tensor]) -> Tensor:
        return (self(batch.inputs, mixture).argmax(1) != batch.targets).sum()


class TinySpace(QuadraticSpace):
    """The tiny supernet as a space."""

    def alpha_shapes(self, **settings: Any) -> tuple[tuple[int, ...], ...]:
        return ((2, 3),)

    def supernets(self, count: int, **settings: Any) -> list[SuperNet]:
        first = TinySuperNet()
        return [first, *(copy.deepcopy(first) for _ in range(count - 1))]

    def discretise(self, scores: Sequence[Tensor]) -> Any:
        return tuple(scores[0].argmax(-1).tolist())

    def initial_alpha(self, generator: torch.Generator, **settings: Any) -> list[Tensor]:
        return [torch.randn(2, 3, generator=generator, dtype=torch.float64)]


class RandomStream:
    """Random batches; its position is its generator."""

    def __init__(self, seed: int) -> None:
        self.generator = torch.Generator().manual_seed(seed)

    def next(self) -> Batch:
        inputs = torch.randn(16, 4, generator=self.generator, dtype=torch.float64)
        return Batch(inputs, torch.randint(4, (16,), generator=self.generator))

    def state_dict(self) -> dict[str, Any]:
        return {"generator": self.generator.get_state()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.generator.set_state(state["generator"])


def start_tiny(implementation: type, *, seed: int = 0, latency: Tensor | None = None, **settings: Any) -> Any:
    """The differentiable method, started on the tiny supernet."""
    method: DifferentiableMethod = implementation()
    method.start(
        Task(
            space=TinySpace(),
            settings=method.Settings(**settings),
            seed=seed,
            device=torch.device("cpu"),
            space_settings={},
            classes=4,
            in_channels=1,
            train=RandomStream(2 * seed),
            validation=RandomStream(2 * seed + 1),
            operation_latency=None if latency is None else (latency,),
        )
    )
    return method

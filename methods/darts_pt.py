"""DARTS-PT: operations are chosen by what the supernet loses without them (Wang et al., ICLR 2021, Algorithm 1)."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from pydantic import Field
from torch import Tensor

from methods.discretisation import Argmax, Discretisation
from methods.method import Metrics
from methods.parts import Parts
from methods.relaxation import Edges
from spaces.space import Batch, CellSpace, Space

if TYPE_CHECKING:
    from methods.differentiable import DifferentiableMethod


class Perturbation(Discretisation):
    """After the search, edge after edge in random order: keep the operation whose removal costs most accuracy.

    The supernet's weights are trained on between two decisions. Accuracies are those on some batches of D_v, the same
    ones for all operations of an edge. Before the last decision, the architecture is that of alpha where nothing is
    decided yet. The space ranks the edges of a node, where it keeps few of them, by the probability that alpha gave to
    the chosen operations.
    """

    selects = True

    class Settings(Argmax.Settings):
        """How accuracy is measured, and how long the supernet is trained after each decision."""

        perturbation_batches: int = Field(16, ge=1)
        tuning_steps: int = Field(1950, ge=0)  # 5 epochs of 390 batches: DARTS-PT, Section 5

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.order: list[int] = []
        self.strongest = Argmax(settings)

    @classmethod
    def misfit(cls, parts: Parts) -> str:
        """What an operation is worth to the mixture shows only where mixtures are run."""
        if parts.relaxation.dense:
            return ""
        return "perturbation asks what a mixture of all operations loses without one: use softmax, sigmoid or dirichlet"

    @classmethod
    def misplaced(cls, space: Space) -> str:
        """It decides edges."""
        return "" if isinstance(space, CellSpace) else "perturbation decides the edges of cells"

    def __call__(self, space: Space, scores: Sequence[Tensor]) -> Any:
        """The strongest operations; those that were decided are the only ones left on their edges."""
        return self.strongest(space, scores)

    def steps(self, edges: Sequence[Edges]) -> int:
        """A decision and the training after it, for every edge."""
        return sum(map(len, edges)) * (1 + self.settings.tuning_steps)

    def select(self, method: "DifferentiableMethod", step: int) -> Metrics:
        """Decide one edge, or train the weights for a step."""
        decision, training = divmod(step, 1 + self.settings.tuning_steps)
        if training:
            return method.train(alpha_moves=False)
        places = [(index, row) for index, edges in enumerate(method.relaxation.edges) for row in range(len(edges))]
        if not self.order:
            self.order = torch.randperm(len(places), generator=method.relaxation.generator).tolist()
        index, row = places[self.order[decision]]
        allowed = method.relaxation.allowed or [torch.ones_like(score, dtype=torch.bool) for score in method.scores()]
        batches = method.validation_batches(self.settings.perturbation_batches)
        costs = {
            operation: _errors(method, without, batches)
            for operation, without in _removals(allowed, index, row, self._candidates(method, index, row))
        }
        best = max(costs, key=lambda operation: costs[operation])
        allowed[index][row] = torch.arange(allowed[index].shape[1], device=allowed[index].device) == best
        method.keep_only(allowed)
        return {"decided_edge": float(self.order[decision]), "one_shot_error_without": costs[best]}

    def _candidates(self, method: "DifferentiableMethod", index: int, row: int) -> list[int]:
        names = method.task.space.operations_of(index, row)
        return [place for place, name in enumerate(names) if self.settings.allow_none or name != "none"]

    def state_dict(self) -> dict[str, Any]:
        """The order of the edges; what was decided is the relaxation's."""
        return {"order": self.order}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.order = state["order"]


def _removals(
    allowed: list[Tensor], index: int, row: int, operations: Sequence[int]
) -> Iterator[tuple[int, list[Tensor]]]:
    """(operation, what is allowed without it on this edge)."""
    for operation in operations:
        without = [mask.clone() for mask in allowed]
        without[index][row, operation] = False
        yield operation, without


def _errors(method: "DifferentiableMethod", allowed: list[Tensor], batches: Sequence[Batch]) -> float:
    """% of wrongly classified images with these operations alone; the removed one's weight is not given to others."""
    with torch.no_grad():
        mixture = [score * mask for score, mask in zip(method.scores(), allowed, strict=True)]
        wrong = sum(float(method.network.errors(batch, mixture)) for batch in batches)
    return 100 * wrong / sum(len(batch.targets) for batch in batches)


__all__ = ["Perturbation"]

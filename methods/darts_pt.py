"""DARTS-PT: operations are chosen by what the supernet loses without them (Wang et al., ICLR 2021, Algorithm 1)."""

from collections.abc import Sequence
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

    The supernet's weights are trained on between two decisions. In the end, every edge is worth what the supernet loses
    without it, which decides where a space keeps only some edges of a node. Accuracies are those on some batches of
    D_v, the same ones for everything that is compared. Undecided edges have alpha's strongest operation.
    """

    selects = True

    class Settings(Argmax.Settings):
        """How accuracy is measured, and how long the supernet is trained after each decision."""

        perturbation_batches: int = Field(16, ge=1)
        tuning_steps: int = Field(1950, ge=0)  # 5 epochs of 390 batches: DARTS-PT, Section 5

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self.order: list[int] = []  # of the edges of all alphas
        self.worth: list[Tensor] | None = None  # % of error without the edge, (E,) an alpha
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
        """The strongest operations, on decided edges the only ones left; once edges have a worth, ranked by it."""
        if self.worth is not None:
            pairs = zip(scores, self.worth, strict=True)
            scores = [(score > 0) * (1 + worth[:, None].to(score)) for score, worth in pairs]
        return self.strongest(space, scores)

    def steps(self, edges: Sequence[Edges]) -> int:
        """A decision and the training after it for every edge, and the worth of all edges."""
        return sum(map(len, edges)) * (1 + self.settings.tuning_steps) + 1

    def select(self, method: "DifferentiableMethod", step: int) -> Metrics:
        """Decide one edge, or train the weights for a step, or weigh all edges."""
        edges = method.relaxation.edges
        decision, training = divmod(step, 1 + self.settings.tuning_steps)
        if training:
            return method.train(alpha_moves=False)
        batches = method.validation_batches(self.settings.perturbation_batches)
        allowed = method.relaxation.allowed or [torch.ones_like(score, dtype=torch.bool) for score in method.scores()]
        places = [(index, row) for index, rows in enumerate(edges) for row in range(len(rows))]
        if decision == len(places):
            losses = {place: _error(method, _without(allowed, *place), batches) for place in places}
            self.worth = [
                torch.tensor([losses[index, row] for row in range(len(rows))]) for index, rows in enumerate(edges)
            ]
            return {}
        if not self.order:
            self.order = torch.randperm(len(places), generator=method.relaxation.generator).tolist()
        index, row = places[self.order[decision]]
        candidates = _candidates(method.task.space, index, row, allow_none=self.settings.allow_none)
        errors = {column: _error(method, _without(allowed, index, row, column), batches) for column in candidates}
        chosen = max(errors, key=lambda column: errors[column])
        allowed[index][row] = torch.arange(allowed[index].shape[1], device=allowed[index].device) == chosen
        method.keep_only(allowed)
        return {"decided_edge": float(self.order[decision]), "one_shot_error_without": errors[chosen]}

    def state_dict(self) -> dict[str, Any]:
        """The order of the edges and their worth; what was decided is the relaxation's."""
        return {"order": self.order, "worth": self.worth}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a saved state."""
        self.order, self.worth = state["order"], state["worth"]


def _candidates(space: Space, index: int, row: int, *, allow_none: bool) -> list[int]:
    names = space.operations_of(index, row)
    return [column for column, name in enumerate(names) if name != "none" or (allow_none and space.chooses_none)]


def _without(allowed: list[Tensor], index: int, row: int, column: int | slice = slice(None)) -> list[Tensor]:
    """What is allowed but for an operation of an edge, or but for the edge."""
    left = [mask.clone() for mask in allowed]
    left[index][row, column] = False
    return left


def _error(method: "DifferentiableMethod", allowed: list[Tensor], batches: Sequence[Batch]) -> float:
    """% of wrongly classified images with these operations alone; the removed one's weight is not given to others."""
    with torch.no_grad():
        mixture = [score * mask for score, mask in zip(method.scores(), allowed, strict=True)]
        wrong = sum(float(method.network.errors(batch, mixture)) for batch in batches)
    return 100 * wrong / sum(len(batch.targets) for batch in batches)


__all__ = ["Perturbation"]

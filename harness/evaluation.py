"""The final error of a found architecture: looked up where a table knows it, or trained stand-alone."""

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.checkpoint import remove_checkpoint
from harness.data.datasets import ImageDataset
from harness.distributed import ALONE, Group
from harness.recipe import Recipe
from harness.search import CHECKPOINT_SECONDS
from harness.training import Progress, train_standalone
from results.models import EvaluationRecord
from results.store import Store
from spaces.benchmark import Seed, TabularBenchmark
from spaces.errors import InputError
from spaces.space import CellSpace


def tabular_evaluations(architecture: Any, table: TabularBenchmark) -> Iterator[EvaluationRecord]:
    """Every final error that the table knows of the architecture: all data sets, splits and seeds, and seed means."""
    for dataset in table.reported_datasets:
        for split in ("validation", "test"):
            if not table.knows(dataset=dataset, split=split, epochs=200):
                continue
            seeds: list[Seed] = [*table.seeds(dataset=dataset, split=split, epochs=200), "mean"]
            for seed in seeds:
                error = table.error(
                    [architecture], dataset=dataset, split=split, epochs=200, seed=seed, missing="nan"
                ).item()
                if error == error:  # some architectures were trained with fewer seeds
                    yield EvaluationRecord(
                        source="tabular",
                        dataset=dataset.lower(),
                        split=split,
                        epochs=200,
                        evaluation_seed=None if seed == "mean" else int(seed),
                        error_percent=error,
                        provenance=table.label,
                    )


@dataclass(frozen=True)
class Evaluation:
    """Stand-alone training of one architecture with several training seeds."""

    run_id: str  # whose record the errors join
    space: CellSpace
    architecture: Any
    recipe: Recipe  # adjusted to the space
    dataset: str
    data: dict[str, int]  # downsample and resolution
    seeds: tuple[int, ...]

    @property
    def provenance(self) -> str:
        """Recipe, settings, and how the images were scaled."""
        scaled = [f"{name}={value}" for name, value in self.data.items() if value not in (0, 1)]
        return ", ".join([self.recipe.provenance, *scaled])

    def missing(self, store: Store) -> list[int]:
        """The seeds that the store has no error for; raises InputError where recording one would replace another."""
        known = store.evaluations(
            run_id=self.run_id, source="trained", dataset=self.dataset, epochs=self.recipe.training.epochs
        )
        ours = known["provenance"] == self.provenance
        for other in known[~ours & known["evaluation_seed"].isin(self.seeds)].itertuples():
            raise InputError(
                f"run {self.run_id} was trained otherwise with seed {other.evaluation_seed} ({other.provenance}), "
                f"which this training of as many epochs would replace: choose other seeds or epochs"
            )
        done = set(known.loc[ours, "evaluation_seed"])
        return [seed for seed in self.seeds if seed not in done]

    def checkpoint(self, store: Store, seed: int) -> Path:
        """Where the training with that seed keeps its state."""
        text = json.dumps([self.provenance, self.dataset, seed])
        return store.run_folder(self.run_id) / f"training-{hashlib.sha256(text.encode()).hexdigest()[:12]}.pt"

    def train(
        self,
        seed: int,
        dataset: ImageDataset,
        store: Store,
        *,
        progress: Progress,
        should_stop: Callable[[], bool],
        checkpoint_seconds: float = CHECKPOINT_SECONDS,
        group: Group = ALONE,
    ) -> EvaluationRecord:
        """Train from scratch, or from where an interrupted training stopped, and record the test error."""
        auxiliary = {"auxiliary": True} if self.recipe.training.auxiliary_weight else {}
        result = train_standalone(
            lambda: self.space.network(
                self.architecture, classes=dataset.classes, in_channels=dataset.channels, **self.recipe.network,
                **auxiliary,
            ),
            dataset,
            settings=self.recipe.training,
            seed=seed,
            progress=progress,
            checkpoint=self.checkpoint(store, seed),
            checkpoint_seconds=checkpoint_seconds,
            should_stop=should_stop,
            group=group,
        )  # fmt: skip
        record = EvaluationRecord(
            source="trained",
            dataset=self.dataset,
            split="test",
            epochs=self.recipe.training.epochs,
            evaluation_seed=seed,
            error_percent=result.test_error_percent,
            provenance=self.provenance,
        )
        if group.first:
            store.add_evaluations(self.run_id, [record])
            remove_checkpoint(self.checkpoint(store, seed))
        return record

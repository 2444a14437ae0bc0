"""The final error of a found architecture: looked up where a table knows it, or trained stand-alone."""

from collections.abc import Iterator
from typing import Any

from harness.data.datasets import ImageDataset
from harness.experiment import RunSpec, Training
from harness.training import Progress, TrainingSettings, train_standalone
from results.models import EvaluationRecord
from spaces.benchmark import Seed, TabularBenchmark
from spaces.registry import find_space


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


def trained_evaluation(
    architecture: Any,
    *,
    spec: RunSpec,
    dataset: ImageDataset,
    training: Training,
    seed: int,
    device: str,
    progress: Progress,
) -> EvaluationRecord:
    """Test error after training the architecture from scratch with one training seed."""
    space: Any = find_space(spec.space)
    result = train_standalone(
        lambda: space.network(architecture, classes=dataset.classes, in_channels=dataset.channels, **spec.network),
        dataset,
        settings=TrainingSettings(
            epochs=training.epochs, batch_size=training.batch_size, learning_rate=training.learning_rate
        ),
        seed=seed,
        device=device,
        progress=progress,
    )
    return EvaluationRecord(
        source="trained",
        dataset=spec.dataset,
        split="test",
        epochs=training.epochs,
        evaluation_seed=seed,
        error_percent=result.test_error_percent,
        provenance=f"{spec.network} batch {training.batch_size} lr {training.learning_rate}",
    )

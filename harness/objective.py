"""The objective of sample-based methods: validation errors and training times that a table answers at once."""

from typing import Any

import numpy as np

from spaces.benchmark import TabularBenchmark
from spaces.errors import InputError

TABLE_NAMES = {"imagenet16-120": "ImageNet16-120"}


class TabularObjective:
    """Validation error in % after `epochs` of training with `seed`, and the seconds that the training would take."""

    def __init__(self, table: TabularBenchmark, *, dataset: str, epochs: int, seed: int | str) -> None:
        name = TABLE_NAMES.get(dataset, dataset)
        if name not in table.datasets:
            raise InputError(
                f"the table '{table.name}' knows nothing of data set '{dataset}': "
                f"sample-based methods can search on {', '.join(table.datasets)}"
            )
        everything = np.arange(len(table))
        try:
            self._errors = table.error(
                everything, dataset=name, split="validation", epochs=epochs, seed=seed, missing="nan"
            )
        except InputError as error:
            raise InputError(f"{error} (here reward_epochs={epochs}, reward_seed={seed})") from error
        self._seconds = table.simulated_seconds(everything, dataset=name, epochs=epochs)

    def evaluate(self, architecture: Any) -> tuple[float, float]:
        """(validation error in %, simulated seconds)."""
        index = architecture.index
        return float(self._errors[index]), float(self._seconds[index])

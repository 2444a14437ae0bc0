"""Random search: the baseline that every board needs (Li and Talwalkar 2019)."""

from typing import Any

import numpy as np

from methods.sample_based import SampleBasedMethod


class RandomSearch(SampleBasedMethod):
    """Draw architectures uniformly, keep the one with the lowest validation error."""

    def propose(self, generator: np.random.Generator) -> Any:
        """A uniformly drawn architecture."""
        return self.space.sample(generator)

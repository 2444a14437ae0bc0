"""Regularised (ageing) evolution (Real et al. 2019, Algorithm 1)."""

from typing import Any

import numpy as np
from pydantic import Field

from methods.sample_based import SampleBasedMethod


class RegularisedEvolution(SampleBasedMethod):
    """Mutate the best of a random sample of the population; the oldest member dies."""

    class Settings(SampleBasedMethod.Settings):
        """Sizes of the population and of the tournament."""

        population_size: int = Field(10, ge=2)  # NAS-Bench-201, Section 5 (its REA)
        sample_size: int = Field(3, ge=1)

    def propose(self, generator: np.random.Generator) -> Any:
        """A random architecture until the population is full, then a mutated tournament winner."""
        settings = self.task.settings
        if len(self.history) < settings.population_size:
            return self.space.sample(generator)
        alive = self.history[-settings.population_size :]
        contestants = generator.choice(len(alive), size=min(settings.sample_size, len(alive)), replace=False)
        winner = min((alive[index] for index in contestants), key=lambda pair: pair[1])
        return self.space.mutate(winner[0], generator)

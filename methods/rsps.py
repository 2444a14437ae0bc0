"""Random search with parameter sharing (Li and Talwalkar, "Random Search and Reproducibility for NAS", UAI 2019)."""

from typing import Any

import numpy as np

from methods.one_shot import OneShotMethod


class Rsps(OneShotMethod):
    """Each batch trains a uniformly drawn architecture; of uniformly drawn ones, the best one-shot error wins.

    One architecture a batch, the same in all cells, as in Section 3.2 there; NAS-Bench-201's code draws every cell's
    operations anew.
    """

    def path_to_train(self) -> Any:
        """A uniform draw."""
        return self.choices.architecture(self.choices.sample(self.generator))

    def candidate(self) -> Any:
        """A uniform draw."""
        return self.path_to_train()

    def guess(self) -> Any:
        """The first draw of the seed: before the first judgement nothing is known."""
        return self.choices.architecture(self.choices.sample(np.random.default_rng(self.task.seed)))


__all__ = ["Rsps"]

"""How skip connections change the decay of the training loss (Zhou et al., PR-DARTS, NeurIPS 2020, Fig. 2).

Eight stacked cells whose operations are all 3x3 convolutions, of which a random share is replaced by skip connections;
each cell has two edges a node, eight in all, so that 37.5 % and 62.5 % are three and five of them. The convolutions are
those of PR-DARTS' and DARTS' search space, separable ones; the paper does not tell which input an edge has, so it is
drawn. A seed draws the inputs and the order of replacement once for all shares: with more skips, a network differs from
one with fewer in nothing else.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from harness.data.datasets import ImageDataset
from harness.repeatable import deterministic_kernels, own_generators, seed_generators
from spaces.darts.architecture import Edge, Genotype
from spaces.darts.cell import INPUTS, NODES
from spaces.darts.network import DartsNetwork

SHARES = (0.0, 0.375, 0.625)  # PR-DARTS, Fig. 2
POINTS = 40  # of a curve: the losses of so many equal parts of the training are averaged


@dataclass(frozen=True)
class Decay:
    """How one network is trained: DARTS' search settings (Liu et al. 2019, Appendix A.1.1), the paper's cells."""

    steps: int = 39_050  # 50 epochs of CIFAR-10
    batch_size: int = 64
    channels: int = 16
    cells: int = 8  # PR-DARTS, Fig. 2
    learning_rate: float = 0.025  # to learning_rate_end along half a cosine
    learning_rate_end: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 3e-4
    gradient_clip: float = 5.0


@dataclass(frozen=True)
class LossCurve:
    """The training loss of one network: means over POINTS equal parts of the steps, or over every step if fewer."""

    skip_share: float
    seed: int
    ends: tuple[int, ...]  # the last step of each part
    losses: tuple[float, ...]  # mean cross entropy in nats
    final_loss: float  # mean over the last tenth of the steps
    mean_loss: float  # over all steps: the smaller, the faster the decay


def skipping(seed: int, share: float) -> Genotype:
    """The seed's cells with that share of the edges, rounded to whole edges, replaced by skip connections."""
    generator = np.random.default_rng(seed)
    cells = []
    for _ in range(2):  # normal and reduction
        nodes = range(INPUTS, INPUTS + NODES)
        wiring = [
            (int(source), node) for node in nodes for source in sorted(generator.choice(node, INPUTS, replace=False))
        ]
        skips = set(generator.permutation(len(wiring))[: round(share * len(wiring))].tolist())
        cells.append(
            tuple(
                Edge("skip_connect" if place in skips else "sep_conv_3x3", source, node)
                for place, (source, node) in enumerate(wiring)
            )
        )
    every = tuple(range(INPUTS, INPUTS + NODES))
    return Genotype(normal=cells[0], normal_concat=every, reduce=cells[1], reduce_concat=every)


def loss_curves(
    dataset: ImageDataset,
    *,
    seeds: Sequence[int],
    decay: Decay,
    shares: Sequence[float] = SHARES,
    progress: Callable[[], None] = lambda: None,
) -> Iterator[LossCurve]:
    """One network a seed and share, trained one after the other; `progress()` is called after every step."""
    for seed in seeds:
        for share in shares:
            losses = np.array(_train(dataset, skipping(seed, share), seed=seed, decay=decay, progress=progress))
            parts = np.array_split(losses, min(POINTS, len(losses)))
            yield LossCurve(
                skip_share=share,
                seed=seed,
                ends=tuple(np.cumsum([len(part) for part in parts]).tolist()),
                losses=tuple(float(part.mean()) for part in parts),
                final_loss=float(losses[-max(1, len(losses) // 10) :].mean()),
                mean_loss=float(losses.mean()),
            )


def _train(
    dataset: ImageDataset, genotype: Genotype, *, seed: int, decay: Decay, progress: Callable[[], None]
) -> list[float]:
    """The loss of every step, on augmented images of the training split."""
    stream = dataset.stream(
        batch_size=decay.batch_size, generator=torch.Generator().manual_seed(seed), augment=dataset.augmentation
    )
    losses: list[Tensor] = []
    with own_generators(dataset.device), deterministic_kernels():
        seed_generators(seed)
        network = DartsNetwork(
            genotype, channels=decay.channels, cells=decay.cells, classes=dataset.classes, in_channels=dataset.channels
        ).to(dataset.device)
        optimiser = torch.optim.SGD(
            network.parameters(), lr=decay.learning_rate, momentum=decay.momentum, weight_decay=decay.weight_decay
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, decay.steps, decay.learning_rate_end)
        for _ in range(decay.steps):
            batch = stream.next()
            loss = F.cross_entropy(network(batch.inputs), batch.targets)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), decay.gradient_clip)
            optimiser.step()
            schedule.step()
            losses.append(loss.detach())
            progress()
    return torch.stack(losses).tolist()

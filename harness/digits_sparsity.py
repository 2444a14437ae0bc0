"""SparseNAS' ablation on digits: which optimiser and which penalty prune a small network (Wu et al. 2021, Fig. 3).

A fully connected network, 64-40-20-10, is trained at one level under a penalty on its weights. As in Scardapane et al.
(2017), whose experiment the paper follows, the weights that leave an input or a hidden neuron form a group, and so
does every bias.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from harness.data.datasets import ImageDataset, load_dataset
from harness.data.streams import BatchStream, ordered_batches
from harness.repeatable import own_generators, seed_generators
from methods.proximal import AdamHapg, Groups, Hapg, sparse_group_lasso
from spaces.space import Batch

WIDTHS = (64, 40, 20, 10)  # SparseNAS, "Ablation Study"
STRENGTHS = tuple(10**exponent for exponent in (-5, -4.5, -4, -3.7, -3.35, -3))  # SparseNAS: 10^-5 to 10^-3.7
HELD_OUT = 5  # every so many training images validates
BATCH_SIZE = 64
ZERO = 1e-3  # Scardapane et al. (2017), Section 4.1: smaller weights are set to zero after the training
BETAS = (0.5, 0.999)  # DARTS' for alpha; Adam and AdamHAPG alike

Optimiser = Literal["SGD", "Adam", "HAPG", "AdamHAPG"]
# The paper names no learning rates. These were chosen from a scan in factors of about three on two seeds: SGD and HAPG
# have the largest with which no training diverged, Adam the one that prunes most, and AdamHAPG the same.
LEARNING_RATES: dict[Optimiser, float] = {"SGD": 0.1, "Adam": 1e-3, "HAPG": 0.03, "AdamHAPG": 1e-3}
# Where t in the momentum (t - 2) / (t + 1) counts steps, it comes so near to 1 that HAPG bears only smaller ones.
COUNTING_STEPS: dict[Optimiser, float] = LEARNING_RATES | {"HAPG": 0.01, "AdamHAPG": 3e-5}


@dataclass(frozen=True)
class Curve:
    """One line of the figure: an optimiser under a penalty, which is `mixing` times the l1 norm and the rest l2."""

    optimiser: Optimiser
    penalty: str
    mixing: float

    @property
    def name(self) -> str:
        """As it is called in tables."""
        return f"{self.optimiser}, {self.penalty}"


CURVES = (
    Curve("SGD", "sparse group lasso", 0.5),
    Curve("Adam", "sparse group lasso", 0.5),
    Curve("HAPG", "sparse group lasso", 0.5),
    Curve("AdamHAPG", "sparse group lasso", 0.5),
    Curve("HAPG", "lasso", 1.0),
    Curve("HAPG", "group lasso", 0.0),
)


@dataclass(frozen=True)
class Outcome:
    """What is left of one network when weights below ZERO have been removed."""

    curve: str
    strength: float  # lambda
    seed: int
    accuracy: float  # of the images held out from the training split, %
    features: int  # of 64 inputs, those with a weight
    neurons: int  # of 60 hidden ones, those with a weight that leaves them
    sparsity: float  # weights and biases that are zero, %
    exact_zeros: float  # those that were exactly zero already, %


class Network:
    """64-40-20-10 with ReLUs; all parameters are parts of one vector, `weights`, so that one call moves them all."""

    def __init__(self) -> None:
        layers = [torch.nn.Linear(inputs, outputs) for inputs, outputs in pairwise(WIDTHS)]
        parts = [part.detach() for layer in layers for part in (layer.weight, layer.bias)]
        self.shapes = [part.shape for part in parts]
        self.weights = torch.cat([part.flatten() for part in parts]).requires_grad_()

    def parts(self) -> list[Tensor]:
        """The matrix (outputs, inputs) and the bias (outputs,) of every layer."""
        pieces = self.weights.split([shape.numel() for shape in self.shapes])
        return [piece.view(shape) for piece, shape in zip(pieces, self.shapes, strict=True)]

    def logits(self, images: Tensor) -> Tensor:
        """Images (N, 1, 8, 8) -> (N, 10)."""
        features, parts = images.flatten(1), self.parts()
        for place, (matrix, bias) in enumerate(zip(parts[::2], parts[1::2], strict=True)):
            features = F.linear(features.relu() if place else features, matrix, bias)
        return features

    def labels(self) -> Tensor:
        """The group of every entry of the vector: all that leaves one neuron, or one bias."""
        labels: list[Tensor] = []
        groups = 0
        for shape in self.shapes:
            labels.append((groups + torch.arange(shape[-1])).expand(shape).flatten())
            groups += shape[-1]
        return torch.cat(labels)


def run_ablation(
    *, seeds: Sequence[int], epochs: int, count_steps: bool = False, strengths: Sequence[float] = STRENGTHS
) -> Iterator[Outcome]:
    """Every network of the figure, one after the other."""
    for seed in seeds:
        for strength in strengths:
            for curve in CURVES:
                yield train(curve, strength=strength, seed=seed, epochs=epochs, count_steps=count_steps)


def train(curve: Curve, *, strength: float, seed: int, epochs: int, count_steps: bool = False) -> Outcome:
    """Train one network; the seed decides its start and the order of the images.

    In HAPG's momentum (t - 2) / (t + 1), t counts epochs or, with `count_steps`, steps.
    """
    stream, validation = _data(seed)
    with own_generators(torch.device("cpu")):
        seed_generators(seed)
        network = Network()
    period = 1 if count_steps else stream.batches_per_epoch
    rate = (COUNTING_STEPS if count_steps else LEARNING_RATES)[curve.optimiser]
    optimiser, penalty = _optimiser(network, curve, strength, rate=rate, period=period)
    for _ in range(epochs * stream.batches_per_epoch):
        batch = stream.next()
        loss = F.cross_entropy(network.logits(batch.inputs), batch.targets) + penalty()
        (network.weights.grad,) = torch.autograd.grad(loss, [network.weights])
        optimiser.step()
    return _outcome(network, validation, curve, strength=strength, seed=seed)


def _optimiser(
    network: Network, curve: Curve, strength: float, *, rate: float, period: int
) -> tuple[torch.optim.Optimizer, Callable[[], Tensor | float]]:
    """(the optimiser, the penalty that is to be part of the loss; HAPG has its own)."""
    labels, weights, mixing = network.labels(), [network.weights], curve.mixing
    match curve.optimiser:
        case "HAPG":
            return Hapg(weights, rate, groups=[labels], strength=strength, mixing=mixing, period=period), float
        case "AdamHAPG":
            return AdamHapg(
                weights, rate, groups=[labels], strength=strength, mixing=mixing, period=period, betas=BETAS
            ), float
        case "Adam":
            plain: torch.optim.Optimizer = torch.optim.Adam(weights, lr=rate, betas=BETAS)
        case _:
            plain = torch.optim.SGD(weights, lr=rate)
    groups = Groups(labels)
    return plain, lambda: sparse_group_lasso(network.weights, groups, strength=strength, mixing=mixing)


def _data(seed: int) -> tuple[BatchStream, Batch]:
    """(batches to train on, the images to validate on), of the training split; pixels in [0, 1]."""
    dataset = _digits()
    places = torch.arange(len(dataset.train_images))
    held_out = places % HELD_OUT == HELD_OUT - 1
    images, labels = dataset.train_images, dataset.train_labels
    stream = BatchStream(
        images, labels, batch_size=BATCH_SIZE, generator=torch.Generator().manual_seed(seed), mean=[0.0], std=[1.0],
        indices=places[~held_out],
    )  # fmt: skip
    validation = ordered_batches(
        images, labels, batch_size=int(held_out.sum()), mean=[0.0], std=[1.0], indices=places[held_out]
    )
    return stream, next(validation)


@cache
def _digits() -> ImageDataset:
    return load_dataset("digits")


@torch.no_grad()
def _outcome(network: Network, validation: Batch, curve: Curve, *, strength: float, seed: int) -> Outcome:
    exact = network.weights.eq(0).double().mean().item()
    network.weights.masked_fill_(network.weights.abs() < ZERO, 0)
    features, *neurons = [int(matrix.ne(0).any(0).sum()) for matrix in network.parts()[::2]]
    right = (network.logits(validation.inputs).argmax(1) == validation.targets).double().mean().item()
    return Outcome(
        curve=curve.name,
        strength=strength,
        seed=seed,
        accuracy=100 * right,
        features=features,
        neurons=sum(neurons),
        sparsity=100 * network.weights.eq(0).double().mean().item(),
        exact_zeros=100 * exact,
    )

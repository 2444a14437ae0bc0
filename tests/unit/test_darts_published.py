"""The published genotypes' networks have the sizes that their papers state."""

import pytest
import torch
from torch import Tensor, nn

from spaces.cost import Cost, network_cost
from spaces.darts.architecture import Genotype
from spaces.darts.isomorphism import canonical
from spaces.darts.network import DartsNetwork, ImageNetNetwork
from spaces.darts.published import PUBLISHED

# Parameters of the CIFAR-10 network without the auxiliary head, in millions: the papers' figures, to their rounding.
PARAMETERS = {
    "DARTS_V2": 3.3,
    "PDARTS": 3.4,
    "PC_DARTS_cifar": 3.6,
    "GDAS_V1": 3.4,
    "SNAS_moderate": 2.8,
    "FairDARTS_c": 2.59,
    "MiLeNAS": 3.9,
    "DrNAS_cifar10": 4.1,
}
# What the papers state differs from the released genotype's network: {name: (stated, counted)}.
DIFFERENT = {"DARTS_V1": (3.3, 3.17), "SNAS_mild": (2.9, 2.66)}
# Stated with the auxiliary head (0.476 M), cut after two decimals or rounded.
WITH_HEAD = {
    "FairDARTS_a": 2.83,
    "FairDARTS_b": 3.88,
    "FairDARTS_d": 3.84,
    "FairDARTS_e": 3.12,
    "FairDARTS_f": 3.62,
    "FairDARTS_g": 3.38,
}
# Multiply-adds of the CIFAR-10 network, in millions (README of github.com/xiaomi-automl/FairDARTS).
CIFAR_FLOPS = {
    "FairDARTS_a": 373,
    "FairDARTS_b": 536,
    "FairDARTS_c": 400,
    "FairDARTS_d": 532,
    "FairDARTS_e": 414,
    "FairDARTS_f": 497,
    "FairDARTS_g": 453,
    "PDARTS": 532,
    "PC_DARTS_cifar": 558,
    "GDAS_V1": 519,
    "DARTS_V2": 528,
}
IMAGENET_PARAMETERS = {
    "DARTS_V2": 4.7,
    "PDARTS": 4.9,
    "PC_DARTS_cifar": 5.3,
    "PC_DARTS_image": 5.3,
    "DrNAS_imagenet": 5.7,
}


def _cifar(name: str, auxiliary: bool = False) -> Cost:
    genotype = Genotype.parse(name)
    return network_cost(lambda: DartsNetwork(genotype, auxiliary=auxiliary), (3, 32, 32))


def _imagenet(name: str, channels: int = 48) -> Cost:
    genotype = Genotype.parse(name)
    return network_cost(lambda: ImageNetNetwork(genotype, channels=channels), (3, 224, 224))


@pytest.mark.parametrize("name", PUBLISHED)
def test_text_round_trip(name: str) -> None:
    published = PUBLISHED[name]
    genotype = Genotype.parse(published.text)
    assert Genotype.parse(name) == Genotype.parse(name.lower()) == Genotype.parse(str(genotype)) == genotype
    assert genotype.connected
    assert canonical(Genotype.parse(canonical(genotype))) == canonical(genotype)


def test_published_genotypes_differ() -> None:
    assert len({canonical(Genotype.parse(name)) for name in PUBLISHED}) == len(PUBLISHED)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameters_are_those_of_the_paper(name: str) -> None:
    assert PUBLISHED[name].parameters_m == PARAMETERS[name]
    assert _cifar(name).parameters_m == pytest.approx(PARAMETERS[name], abs=0.05)


@pytest.mark.parametrize("name", DIFFERENT)
def test_known_differences_are_noted(name: str) -> None:
    stated, counted = DIFFERENT[name]
    assert PUBLISHED[name].parameters_m == stated
    assert _cifar(name).parameters_m == pytest.approx(counted, abs=0.005)
    assert str(counted) in PUBLISHED[name].note


@pytest.mark.parametrize("name", WITH_HEAD)
def test_fair_darts_counts_the_auxiliary_head(name: str) -> None:
    assert PUBLISHED[name].parameters_m == WITH_HEAD[name]
    assert _cifar(name, auxiliary=True).parameters_m == pytest.approx(WITH_HEAD[name], abs=0.01)


def test_every_stated_size_is_checked() -> None:
    stated = {name for name, published in PUBLISHED.items() if published.parameters_m is not None}
    assert stated == {*PARAMETERS, *DIFFERENT, *WITH_HEAD}


@pytest.mark.parametrize("name", CIFAR_FLOPS)
def test_multiply_adds_on_cifar(name: str) -> None:
    assert _cifar(name).flops_m == pytest.approx(CIFAR_FLOPS[name], rel=0.005)


@pytest.mark.parametrize("name", IMAGENET_PARAMETERS)
def test_parameters_on_imagenet(name: str) -> None:
    assert PUBLISHED[name].imagenet_parameters_m == IMAGENET_PARAMETERS[name]
    assert _imagenet(name).parameters_m == pytest.approx(IMAGENET_PARAMETERS[name], abs=0.05)


def test_multiply_adds_on_imagenet_of_convolutions_and_the_classifier() -> None:
    """FairDARTS counts as we do; so does GDAS, whose network has 50 channels."""
    assert _imagenet("FairDARTS_b").flops_m == pytest.approx(541, rel=0.001)
    gdas = _imagenet("GDAS_V1", channels=50)
    assert gdas.flops_m == pytest.approx(581, rel=0.001)
    assert gdas.parameters_m == pytest.approx(5.3, abs=0.05)


def test_darts_states_the_multiply_adds_of_another_width() -> None:
    """574 M (Liu et al. 2019, Table 3) is the count for 50 channels; the stated 4.7 M parameters are those of 48."""
    assert _imagenet("DARTS_V2", channels=50).flops_m == pytest.approx(574, rel=0.002)
    stated = _imagenet("DARTS_V2")
    assert stated.flops_m == pytest.approx(529.9, abs=0.1)
    assert stated.parameters_m == pytest.approx(4.72, abs=0.005)


@pytest.mark.parametrize(("name", "flops_m"), [("PDARTS", 557), ("PC_DARTS_cifar", 586), ("PC_DARTS_image", 597)])
def test_multiply_adds_on_imagenet_as_ptflops_counts_them(name: str, flops_m: int) -> None:
    """These papers add two per value of a batch norm, one per value of a ReLU and one per value that is pooled."""
    with torch.device("meta"):
        network = ImageNetNetwork(Genotype.parse(name)).eval()
        images = torch.empty(1, 3, 224, 224)
    others = 0

    def count(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        nonlocal others
        if isinstance(module, nn.BatchNorm2d):
            others += 2 * output.numel()
        elif isinstance(module, nn.ReLU):
            others += output.numel()
        elif isinstance(module, nn.MaxPool2d | nn.AvgPool2d):
            others += inputs[0].numel()

    for module in network.modules():
        module.register_forward_hook(count)
    network(images)
    assert PUBLISHED[name].imagenet_flops_m == flops_m
    assert _imagenet(name).flops_m + others / 1e6 == pytest.approx(flops_m, rel=0.001)

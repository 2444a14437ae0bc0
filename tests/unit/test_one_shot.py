"""Weight sharing: gradients are those of single networks, draws follow their distribution, the best sample wins."""

import io
import itertools
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.stats import chisquare
from torch import Tensor

from methods import Task, find_method
from spaces.choices import choices_of
from spaces.darts.space import DartsSpace
from spaces.errors import InputError
from spaces.quadratic import QuadraticSpace
from spaces.topology.architecture import EDGES, OPERATIONS
from spaces.topology.space import TopologySpace
from tests.unit.one_shot_searches import Images, run, start
from tests.unit.plain_spaces import PlainDartsSpace, PlainTopologySpace
from tests.unit.xautodl_supernet import copied_to_xautodl

METHODS = ["rsps", "enas", "setn"]
PLAIN_SGD = {"momentum": 0, "weight_decay": 0, "gradient_clip": 1e9, "weight_learning_rate": 0.1}


@pytest.fixture(autouse=True)
def _double_precision() -> Any:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def xautodl_twin(method: Any, module: str, network: str) -> tuple[Any, dict[Tensor, Tensor]]:
    """xautodl's search network with the same weights; {our weight: its weight}."""
    search = pytest.importorskip(f"xautodl.models.cell_searchs.{module}")
    theirs = getattr(search, network)(4, 1, 4, 5, list(OPERATIONS), False, False).double()
    return theirs, copied_to_xautodl(method.network, theirs)


def structure(architecture: Any) -> Any:
    genotypes = pytest.importorskip("xautodl.models.cell_searchs.genotypes")
    return genotypes.Structure.str2structure(str(architecture))


def assert_moved_along(pairs: dict[Tensor, Tensor], loss: Tensor, *, rate: float) -> None:
    """Our weights, which were equal to theirs, are now where a step along the loss' gradient leads."""
    gradients = torch.autograd.grad(loss, list(pairs.values()), allow_unused=True)
    assert any(gradient is not None and bool(gradient.abs().sum() > 0) for gradient in gradients)
    for (ours, theirs), gradient in zip(pairs.items(), gradients, strict=True):
        expected = theirs if gradient is None else theirs - rate * gradient
        torch.testing.assert_close(ours.detach(), expected.detach())


@pytest.mark.parametrize("seed", range(3))
def test_an_rsps_step_descends_on_one_uniformly_drawn_network(seed: int) -> None:
    method = start("rsps", seed=seed, **PLAIN_SGD)
    theirs, pairs = xautodl_twin(method, "search_model_random", "TinyNetworkRANDOM")
    batch, choices = Images(1).next(), choices_of(TopologySpace())
    theirs.arch_cache = structure(choices.architecture(choices.sample(np.random.default_rng(seed))))
    loss = F.cross_entropy(theirs(batch.inputs)[1], batch.targets)
    assert method.step() == {"train_loss": pytest.approx(loss.item())}
    assert_moved_along(pairs, loss, rate=0.1)


def test_a_setn_step_descends_on_a_uniform_path_and_then_on_the_softmax_mixture() -> None:
    plain = {"alpha_optimiser": "sgd", "alpha_learning_rate": 0.5, "alpha_weight_decay": 0}
    method = start("setn", seed=1, **PLAIN_SGD, **plain)
    theirs, pairs = xautodl_twin(method, "search_model_setn", "TinyNetworkSETN")
    train, validation, choices = Images(1).next(), Images(2).next(), choices_of(TopologySpace())
    with torch.no_grad():
        method.alphas[0].copy_(torch.randn(len(EDGES), len(OPERATIONS), generator=torch.Generator().manual_seed(0)))
        theirs.arch_parameters.copy_(method.alphas[0])
    theirs.set_cal_mode("dynamic", structure(choices.architecture(choices.sample(np.random.default_rng(1)))))
    loss = F.cross_entropy(theirs(train.inputs)[1], train.targets)
    metrics = method.step()
    assert_moved_along(pairs, loss, rate=0.1)

    with torch.no_grad():
        for ours, its in pairs.items():
            its.copy_(ours)
    theirs.set_cal_mode("joint")
    loss = F.cross_entropy(theirs(validation.inputs)[1], validation.targets)
    (gradient,) = torch.autograd.grad(loss, [theirs.arch_parameters])
    assert metrics["validation_loss"] == pytest.approx(loss.item())
    torch.testing.assert_close(method.alphas[0], (theirs.arch_parameters - 0.5 * gradient).detach())


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("fast", "plain"), [(TopologySpace, PlainTopologySpace), (DartsSpace, PlainDartsSpace)], ids=["topology", "darts"]
)
def test_a_short_search_ends_where_it_ends_on_the_plain_network(name: str, fast: Any, plain: Any) -> None:
    ours, expected = start(name, fast()), start(name, plain())
    for found, known in zip(run(ours), run(expected), strict=True):
        assert found == pytest.approx(known, rel=1e-6)
    assert ours.architecture() == expected.architecture()


@pytest.mark.parametrize("space", ["topology", "darts-cnn"])
@pytest.mark.parametrize("name", METHODS)
def test_the_lowest_one_shot_error_on_common_validation_batches_wins(name: str, space: str) -> None:
    method = start(name, space, samples=12, judging_batches=3)
    while not method.judged:
        position = method.validation_stream.state_dict()
        method.step()
    run(method)
    stream = Images(0)
    stream.load_state_dict(position)
    batches = [stream.next() for _ in range(3)]
    for architecture, error in method.judged:
        mixture = [torch.as_tensor(chosen) for chosen in method.space.chosen(architecture)]
        wrong = sum(int((method.network(b.inputs, mixture).argmax(1) != b.targets).sum()) for b in batches)
        assert error == pytest.approx(100 * wrong / 18)
    errors = [error for _, error in method.judged]
    assert len(errors) == 12
    assert len(set(errors)) > 1
    assert method.architecture() == method.judged[int(np.argmin(errors))][0]


@pytest.mark.parametrize("name", METHODS)
def test_judging_moves_no_weight_and_reads_no_training_batch(name: str) -> None:
    method = start(name, samples=3)
    while not method.judged:
        position = method.train_stream.state_dict()["generator"].clone()
        weights = [weight.detach().clone() for weight in method.network.parameters()]
        method.step()
    run(method)
    torch.testing.assert_close(list(method.network.parameters()), weights, rtol=0, atol=0)
    assert torch.equal(method.train_stream.state_dict()["generator"], position)


@pytest.mark.parametrize("name", METHODS)
def test_a_search_killed_after_any_step_ends_as_if_it_were_not(name: str) -> None:
    method, states, metrics = start(name), [], []
    while method.progress < 1:
        buffer = io.BytesIO()
        torch.save(method.state_dict(), buffer)
        states.append(buffer)
        metrics.append(dict(method.step()))
    for done, buffer in enumerate(states):
        buffer.seek(0)
        resumed = start(name)
        resumed.load_state_dict(torch.load(buffer, weights_only=True))
        assert metrics[:done] + run(resumed) == metrics
        assert resumed.judged == method.judged


@pytest.mark.parametrize("name", ["rsps", "setn"])
def test_trained_paths_are_uniform_whatever_alpha_says(name: str) -> None:
    method = start(name)
    for alpha in method.alphas:
        alpha.data[:, 2] = 5.0
    drawn = [method.path_to_train().operations for _ in range(2000)]
    for edge in range(len(EDGES)):
        seen = Counter(operations[edge] for operations in drawn)
        assert chisquare([seen[name] for name in OPERATIONS]).pvalue > 1e-4


def test_setn_judges_draws_from_the_softmax_of_alpha() -> None:
    method = start("setn")
    alpha = method.alphas[0]
    alpha.data = torch.randn(alpha.shape, generator=torch.Generator().manual_seed(3))
    drawn = [method.candidate().operations for _ in range(3000)]
    for edge, row in enumerate(alpha.detach().softmax(-1).tolist()):
        seen = Counter(operations[edge] for operations in drawn)
        assert chisquare([seen[name] for name in OPERATIONS], np.array(row) * 3000).pvalue > 1e-4


def assert_inputs_of_node_three(method: Any, mass: np.ndarray) -> None:
    """Two of three inputs drawn without replacement, in proportion to their mass."""
    share = mass / mass.sum()
    expected = {
        pair: sum(share[i] * share[j] / (1 - share[i]) for i, j in (pair, pair[::-1]))
        for pair in itertools.combinations(range(3), 2)
    }
    drawn = [method.candidate().normal for _ in range(3000)]
    seen = Counter(tuple(edge.source for edge in cell if edge.target == 3) for cell in drawn)
    assert chisquare([seen[pair] for pair in expected], np.array(list(expected.values())) * 3000).pvalue > 1e-4


def test_setn_draws_two_inputs_of_a_darts_node_in_proportion_to_their_operations() -> None:
    method = start("setn", "darts-cnn")
    normal = method.alphas[0]
    normal.data = torch.randn(normal.shape, generator=torch.Generator().manual_seed(4))
    mass = normal.detach().softmax(-1)[2:, 1:].sum(-1).numpy()  # of the edges into node 3, without `none`
    assert_inputs_of_node_three(method, mass)


def test_setn_draws_inputs_of_a_weighed_node_in_proportion_to_weight_times_operations() -> None:
    method = start("setn", "agd")
    generator = torch.Generator().manual_seed(5)
    for alpha in method.alphas:
        alpha.data = torch.randn(alpha.shape, generator=generator)
    normal, weights = method.alphas[0].softmax(-1), method.alphas[4].softmax(-1)  # node 3 of the normal cell
    mass = (normal[2:, 1:].sum(-1) * weights[0]).detach().numpy()
    assert_inputs_of_node_three(method, mass)


def test_before_the_first_judgement_setn_returns_the_operations_of_the_largest_alpha() -> None:
    method = start("setn")
    best = [4, 0, 1, 3, 3, 2]
    method.alphas[0].data = F.one_hot(torch.tensor(best), 5).to(torch.float64)
    assert method.architecture().operations == tuple(OPERATIONS[index] for index in best)
    assert method.one_shot().mixture[0].argmax(-1).tolist() == best


@pytest.mark.parametrize("name", METHODS)
def test_a_space_without_architectures_to_sample_is_refused(name: str) -> None:
    space = QuadraticSpace()
    train, validation = space.streams()
    method = find_method(name).implementation()
    task = Task(
        space=space, settings=method.Settings(), seed=0, device=torch.device("cpu"), space_settings={},
        train=train, validation=validation,
    )  # fmt: skip
    with pytest.raises(InputError, match="topology or darts-cnn"):
        method.start(task)

"""ENAS' controller against enumeration and xautodl's; REINFORCE against the gradient of the expected reward."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import chisquare
from torch import Tensor

from methods.controller import Controller
from methods.enas import Enas
from spaces.space import Batch
from tests.unit.one_shot_searches import run, start

OPTIONS = (3, 2, 3, 4)
EVERY = torch.tensor(list(itertools.product(*map(range, OPTIONS))))


@pytest.fixture(autouse=True)
def _double_precision() -> Iterator[None]:
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def controller(options: Sequence[int] = OPTIONS, **settings: Any) -> Controller:
    """A controller that is far from uniform."""
    generator = torch.Generator().manual_seed(0)
    made = Controller(options, generator=generator, **{"hidden_size": 8, "temperature": 1.0, **settings})
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.normal_(generator=generator)
    return made


def test_probabilities_of_all_architectures_add_up_and_draws_follow_them() -> None:
    made = controller()
    with torch.no_grad():
        probabilities = made(EVERY)[0].exp()
    assert probabilities.sum().item() == pytest.approx(1)
    assert probabilities.max() > 5 * probabilities.min()
    drawn = made.draw(5000, np.random.default_rng(0))
    places = np.ravel_multi_index(tuple(drawn.T.numpy()), OPTIONS)
    counts = np.bincount(places, minlength=len(EVERY))
    likely = probabilities.numpy() * 5000 > 5
    rest = [counts[~likely].sum() + 1e-9], [probabilities.numpy()[~likely].sum() * 5000 + 1e-9]
    expected = np.concatenate([probabilities.numpy()[likely] * 5000, rest[1]])
    assert chisquare(np.concatenate([counts[likely], rest[0]]), expected).pvalue > 1e-4


def test_entropy_of_the_choices_is_the_entropy_of_architectures_on_average() -> None:
    with torch.no_grad():
        log_probabilities, entropies = controller()(EVERY)
    probabilities = log_probabilities.exp()
    torch.testing.assert_close((probabilities * entropies).sum(), -(probabilities * log_probabilities).sum())


def test_log_probability_and_entropy_are_those_of_xautodl() -> None:
    module = pytest.importorskip("xautodl.models.cell_searchs.search_model_enas_utils")
    ours, theirs = controller((5,) * 6, hidden_size=32, temperature=5.0), module.Controller(6, 5)
    with torch.no_grad():
        theirs.input_vars.copy_(ours.first_input)
    theirs.w_lstm.load_state_dict(ours.lstm.state_dict())
    theirs.w_embd.load_state_dict(ours.embeddings["5"].state_dict())
    theirs.w_pred.load_state_dict(ours.heads["5"].state_dict())
    torch.manual_seed(0)
    for _ in range(5):
        log_probability, entropy, picks = theirs()
        found = ours(torch.tensor([picks]))
        torch.testing.assert_close(found, (log_probability[None], entropy[None]))


def test_the_likeliest_option_is_written_choice_by_choice() -> None:
    made = controller()
    written: list[int] = []
    for choice, options in enumerate(OPTIONS):
        tails = torch.zeros(options, len(OPTIONS), dtype=torch.int64)
        tails[:, :choice] = torch.tensor(written, dtype=torch.int64)
        tails[:, choice] = torch.arange(options)
        shorter = [made(EVERY[(EVERY[:, : choice + 1] == row[: choice + 1]).all(1)])[0].exp().sum() for row in tails]
        written.append(int(torch.stack(shorter).argmax()))
    assert made.likeliest().tolist() == written


@pytest.mark.parametrize("baseline", [0.0, 0.7])
def test_the_expected_policy_gradient_is_that_of_the_expected_reward(baseline: float) -> None:
    made, method = controller(), Enas()
    method.controller = made
    rewards = torch.rand(len(EVERY), generator=torch.Generator().manual_seed(1))
    weights = list(made.parameters())
    probabilities = made(EVERY)[0].exp()
    expected = torch.autograd.grad(-(probabilities * rewards).sum(), weights, allow_unused=True)
    # The mean over all rows, each weighted by its probability, is the expectation over draws.
    weighted = (rewards - baseline) * probabilities.detach() * len(EVERY)
    found = torch.autograd.grad(method.policy_loss(EVERY, weighted), weights, allow_unused=True)
    for ours, theirs in zip(found, expected, strict=True):
        if theirs is None:
            assert ours is None
        else:
            torch.testing.assert_close(ours, theirs)


def test_controller_rounds_stand_between_epochs_of_weights_and_at_the_end() -> None:
    method = start("enas", steps=7, controller_interval=3, controller_steps=2, samples=2)
    kinds = {"train_loss": "w", "controller_error": "c", "judged_error": "j"}
    sequence = "".join(kind for row in run(method) for key, kind in kinds.items() if key in row)
    assert sequence == "wwwccwwwccwccjj"
    assert method.progress == 1


def test_the_baseline_is_the_moving_average_of_accuracy_and_entropy() -> None:
    method = start("enas", controller_samples=1, controller_steps=5, entropy_weight=0.1, baseline_decay=0.8)
    rounds = [row for row in run(method) if "controller_error" in row]
    rewards = [1 - row["controller_error"] / 100 + 0.1 * row["controller_entropy"] for row in rounds]
    average = rewards[0]
    for row, reward in zip(rounds, rewards, strict=True):
        average = 0.8 * average + 0.2 * reward
        assert row["baseline"] == pytest.approx(average)


class KnownRewards(Enas):
    """ENAS on an invented error of architectures: convolutions of 3 x 3 are good."""

    def one_shot_error(self, architecture: Any, batches: Sequence[Batch]) -> float:
        return 100.0 * (1 - architecture.operations.count("nor_conv_3x3") / 6)


def test_the_controller_learns_to_write_what_is_rewarded() -> None:
    method = start(KnownRewards, steps=1, controller_steps=60, controller_learning_rate=0.03)

    def convolutions() -> float:
        drawn: Tensor = method.controller.draw(500, np.random.default_rng(0))
        return float((drawn == 3).double().mean())

    assert convolutions() == pytest.approx(0.2, abs=0.05)
    run(method)
    assert convolutions() > 0.6
    assert method.architecture().operations.count("nor_conv_3x3") >= 4

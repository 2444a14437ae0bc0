"""Two processes (gloo, on CPUs) train as one does with the doubled batch; under torchrun the command does so."""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from harness.data import load_dataset
from harness.distributed import ALONE, Group, process_group
from harness.search import InterruptedSearchError
from harness.training import train_standalone
from harness.training_settings import TrainingSettings
from results.store import Store
from spaces.darts.space import DartsSpace
from spaces.errors import InputError
from spaces.topology.space import TopologySpace

# Two edges have weights and lead nowhere: they get no gradient.
IDLE = "|nor_conv_3x3~0|+|nor_conv_1x1~0|nor_conv_3x3~1|+|skip_connect~0|avg_pool_3x3~1|none~2|"
CASES = {
    "topology": TrainingSettings(epochs=2, batch_size=240, gradient_clip=1, label_smoothing=0.1),
    "topology, accumulated": TrainingSettings(epochs=1, batch_size=240, accumulation=3),
    "darts": TrainingSettings(epochs=1, batch_size=240, learning_rate=0.025, auxiliary_weight=0.4, cutout=2),
    "darts, paths dropped": TrainingSettings(epochs=2, batch_size=240, learning_rate=0.01, drop_path=0.3),
    "darts, bfloat16": TrainingSettings(epochs=1, batch_size=240, learning_rate=0.01, precision="bfloat16"),
}


class Double(nn.Module):
    """A network computed in float64, in which two orders of summation agree to many digits."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.double()

    def forward(self, images: Tensor) -> Any:
        return self.network(images.double())


def build(case: str) -> nn.Module:
    if case.startswith("topology"):
        topology = TopologySpace()
        return Double(topology.network(topology.parse(IDLE), classes=10, in_channels=1, channels=2, cells_per_stage=1))
    darts = DartsSpace()
    auxiliary = CASES[case].auxiliary_weight > 0
    genotype = darts.parse("DARTS_V2")
    network = darts.network(genotype, classes=10, in_channels=1, channels=2, cells=3, auxiliary=auxiliary)
    return network if CASES[case].precision == "bfloat16" else Double(network)


def train(case: str, group: Group, **more: Any) -> tuple[dict[str, Tensor], list[float], float]:
    """The trained weights and running statistics, the mean loss of every epoch, and the test error."""
    networks: list[nn.Module] = []
    losses: list[float] = []
    result = train_standalone(
        lambda: networks.append(build(case)) or networks[-1], load_dataset("digits"), settings=CASES[case], seed=2,
        progress=lambda epoch, epochs, loss: losses.append(loss), group=group, **more,
    )  # fmt: skip
    return dict(networks[-1].state_dict()), losses, result.test_error_percent


def work(rank: int, port: int, folder: Path) -> None:
    """One of the two processes: what it finds goes to a file."""
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": "2",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
    }
    with process_group("cpu") as group:
        found: dict[str, Any] = {case: train(case, group) for case in CASES}
        found["resumed"] = stopped_and_resumed(group, folder / "training.pt")
        try:
            train_standalone(
                lambda: build("topology"), load_dataset("digits"), settings=TrainingSettings(batch_size=241), seed=0,
                group=group,
            )  # fmt: skip
        except InputError as error:
            found["refused"] = str(error)
    torch.save(found, folder / f"{rank}.pt")


def stopped_and_resumed(group: Group, checkpoint: Path) -> tuple[dict[str, Tensor], list[float], float]:
    """Only the second process asks to stop, after its fourth step."""
    steps = 0

    def fifth() -> bool:
        nonlocal steps
        steps += 1
        return group.rank == 1 and steps > 4

    with pytest.raises(InterruptedSearchError):
        train("darts, paths dropped", group, checkpoint=checkpoint, should_stop=fifth)
    torch.distributed.barrier()
    return train("darts, paths dropped", group, checkpoint=checkpoint)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What each of the two processes found."""
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=work, args=(rank, port, folder)) for rank in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(2)]


@pytest.mark.parametrize("case", CASES)
def test_both_processes_end_with_the_same_weights(two: list[dict[str, Any]], case: str) -> None:
    (first, losses, error), (second, other_losses, other_error) = two[0][case], two[1][case]
    assert first.keys() == second.keys()
    for name in first:
        assert torch.equal(first[name], second[name]), name
    assert (losses, error) == (other_losses, other_error)


@pytest.mark.parametrize("case", ["topology", "darts"])
def test_two_processes_train_as_one_with_the_doubled_batch(two: list[dict[str, Any]], case: str) -> None:
    weights, losses, error = train(case, ALONE)
    ours, our_losses, our_error = two[0][case]
    assert weights.keys() == ours.keys()
    for name, value in weights.items():
        torch.testing.assert_close(ours[name], value, rtol=1e-7, atol=1e-9, msg=name)
    assert our_losses == pytest.approx(losses, rel=1e-6)
    assert our_error == error


def test_processes_that_stop_together_go_on_bit_for_bit(two: list[dict[str, Any]]) -> None:
    for found in two:
        (weights, losses, error), (ours, our_losses, our_error) = found["darts, paths dropped"], found["resumed"]
        for name, value in weights.items():
            assert torch.equal(ours[name], value), name
        assert (our_losses[-1], our_error) == (losses[-1], error)


def test_a_batch_that_two_processes_cannot_share_is_refused(two: list[dict[str, Any]]) -> None:
    assert "2 equal parts (2 processes" in two[0]["refused"]


def test_several_processes_without_torchrun_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.delenv("RANK", raising=False)
    with pytest.raises(InputError, match="2 without RANK: start several processes with torchrun"), process_group("cpu"):
        pass


def test_the_command_under_torchrun_writes_and_prints_once(tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "harness.main",
        "evaluate", IDLE, "--space", "topology", "--recipe", "nats-bench-small", "--dataset", "digits", "--set",
        "epochs=1", "--set", "channels=2", "--store", str(tmp_path), "--json",
    ]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1", "COLUMNS": "80"}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found = json.loads(ended.stdout)
    (evaluation,) = Store(tmp_path).evaluations().to_dict("records")
    assert found["test_error_percent"] == {"0": evaluation["error_percent"]}
    assert ended.stderr.count("seed 0") == 1
    assert not list(tmp_path.glob("runs/*/training-*"))

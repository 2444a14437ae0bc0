"""Functions at the same time, and passes that cannot be captured."""

import threading

import pytest
import torch

from harness.data.guard import TestDataInSearchError, refuse_test_data_in_search, search_phase
from methods.cuda_graph import CudaGraphs
from methods.side_by_side import SideBySide

CPU = torch.device("cpu")


@pytest.fixture
def _two_threads() -> object:
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("_two_threads")
def test_two_functions_wait_for_each_other_with_a_thread_each() -> None:
    barrier = threading.Barrier(2)

    def meet(name: str) -> tuple[str, int]:
        barrier.wait(timeout=30)  # broken, were one called after the other
        return name, torch.get_num_threads()

    found = SideBySide(CPU, places=2)([lambda: meet("first"), lambda: meet("second")])
    assert found == [("first", 1), ("second", 1)]
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("_two_threads")
def test_the_wall_around_test_data_stands_in_the_threads_too() -> None:
    both = SideBySide(CPU, places=2)
    read = lambda: refuse_test_data_in_search("digits")  # noqa: E731
    assert both([read, read]) == [None, None]
    with search_phase(), pytest.raises(TestDataInSearchError):
        both([read, read])


def test_what_cannot_be_captured_is_called_as_it_is_after_one_warning() -> None:
    """On a CPU, where there are no graphs."""
    graphs, calls = CudaGraphs(), []

    def double(values: torch.Tensor) -> list[torch.Tensor]:
        calls.append(values)
        return [2 * values]

    with pytest.warns(UserWarning, match="no CUDA graph, going on without"):
        (first,) = graphs("double", double, torch.ones(3))
    (second,) = graphs("double", double, torch.full((3,), 5.0))
    assert torch.equal(first, torch.full((3,), 2.0))
    assert torch.equal(second, torch.full((3,), 10.0))
    assert len(calls) == 2

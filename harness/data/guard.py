"""The wall between searching and test data: while a search runs, reading the test split is an error."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_searching: ContextVar[bool] = ContextVar("searching", default=False)


class TestDataInSearchError(RuntimeError):
    """Something asked for test images while a search was running; the search must see the training split only."""

    __test__ = False  # not a test class, whatever its name


@contextmanager
def search_phase() -> Iterator[None]:
    """While this is entered, `ImageDataset.test()` raises TestDataInSearchError in this thread or task."""
    token = _searching.set(True)
    try:
        yield
    finally:
        _searching.reset(token)


def refuse_test_data_in_search(dataset: str) -> None:
    """Raises TestDataInSearchError inside `search_phase()`."""
    if _searching.get():
        raise TestDataInSearchError(
            f"the test split of {dataset} was read during a search: a search sees training data only, evaluate after it"
        )


__all__ = ["TestDataInSearchError", "refuse_test_data_in_search", "search_phase"]

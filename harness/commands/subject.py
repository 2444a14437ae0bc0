"""What a command is asked about: an architecture's text, a published name, or the architecture that a run found."""

import re
from typing import TYPE_CHECKING, NamedTuple

from spaces.errors import InputError

if TYPE_CHECKING:
    from results.store import Store


class Subject(NamedTuple):
    """An architecture, and where it comes from."""

    run_id: str | None
    space: str
    dataset: str | None  # that the run searched
    architecture: str


def resolve(text: str, space: str, store: "Store") -> Subject:
    """The subject that the text means: 6 to 12 hexadecimal digits are a run's id; raises StoreError or InputError."""
    if not re.fullmatch(r"[0-9a-f]{6,12}", text):
        return Subject(None, space, None, text)
    run = store.run(text)
    if run.architecture is None:
        raise InputError(f"run {run.id} has found no architecture yet: choose a finished run")
    return Subject(run.id, run.space, run.dataset, run.architecture)

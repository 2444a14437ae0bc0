"""Reading a pickle without letting it run code: only what an allow-list names is ever constructed."""

import pickle
from collections.abc import Mapping
from typing import IO, Any

Allowed = Mapping[tuple[str, str], Any]  # (module, name) as the pickle spells it -> what is constructed instead


class _RestrictedUnpickler(pickle.Unpickler):
    def __init__(self, file: IO[bytes], allowed: Allowed, *, encoding: str) -> None:
        super().__init__(file, encoding=encoding)
        self.allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self.allowed[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}") from None


def load_restricted(file: IO[bytes], allowed: Allowed, *, encoding: str = "ASCII") -> Any:
    """The pickled object; raises pickle.UnpicklingError where it needs anything that is not allowed."""
    return _RestrictedUnpickler(file, allowed, encoding=encoding).load()


__all__ = ["load_restricted"]

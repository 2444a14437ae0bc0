"""The error that tells a user what to change."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """Something the user gave cannot be used; the message is one sentence with the fix (exit code 2, no traceback)."""


def unknown(kind: str, name: str, known: Iterable[str]) -> InputError:
    """The error for a name that is not registered, offering the nearest known names, or all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.4)
    offer = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names) or 'none'}"
    return InputError(f"unknown {kind} '{name}': {offer}")

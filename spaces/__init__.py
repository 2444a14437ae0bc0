"""What can be found: operations, cells, supernets, architectures, tabular benchmarks.

Names are imported when they are first asked for, since `spaces.errors` is used by much that needs no torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spaces.errors import InputError, unknown
    from spaces.quadratic import QuadraticSpace
    from spaces.space import Architecture, Batch, CellEdge, CellSpace, OperationSite, Space, Stream, SuperNet

_HOMES = {"InputError": "spaces.errors", "unknown": "spaces.errors", "QuadraticSpace": "spaces.quadratic"}

__all__ = [
    "Architecture",
    "Batch",
    "CellEdge",
    "CellSpace",
    "InputError",
    "OperationSite",
    "QuadraticSpace",
    "Space",
    "Stream",
    "SuperNet",
    "unknown",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'spaces' has no attribute '{name}'")
    return getattr(import_module(_HOMES.get(name, "spaces.space")), name)

"""What can be found: operations, cells, supernets, architectures, tabular benchmarks."""

from spaces.errors import InputError, unknown
from spaces.quadratic import QuadraticSpace
from spaces.space import Architecture, Batch, CellEdge, CellSpace, OperationSite, Space, Stream, SuperNet

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

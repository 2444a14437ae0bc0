"""What can be found: operations, cells, supernets, architectures, tabular benchmarks."""

from spaces.errors import InputError, unknown
from spaces.quadratic import QuadraticSpace
from spaces.space import Architecture, Batch, CellSpace, Space, SuperNet

__all__ = ["Architecture", "Batch", "CellSpace", "InputError", "QuadraticSpace", "Space", "SuperNet", "unknown"]

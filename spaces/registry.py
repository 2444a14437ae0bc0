"""The named spaces. Other packages add theirs through the entry point group `nas_harness.spaces`."""

from functools import cache
from importlib.metadata import entry_points

from spaces.darts.accelerated import AcceleratedSpace
from spaces.darts.heavy_ball import HeavyBallRandomStartSpace, HeavyBallSpace
from spaces.darts.mixed_path import MixedPathSpace
from spaces.darts.space import DartsSpace
from spaces.darts.subspaces import DartsS1Space, DartsS2Space, DartsS3Space, DartsS4Space
from spaces.errors import unknown
from spaces.quadratic import QuadraticSpace
from spaces.space import Space
from spaces.topology.space import TopologySpace

OWN = (
    TopologySpace,
    DartsSpace,
    DartsS1Space,
    DartsS2Space,
    DartsS3Space,
    DartsS4Space,
    MixedPathSpace,
    HeavyBallSpace,
    HeavyBallRandomStartSpace,
    AcceleratedSpace,
    QuadraticSpace,
)


@cache
def list_spaces() -> dict[str, type[Space]]:
    """All spaces by name."""
    known: dict[str, type[Space]] = {space.name: space for space in OWN}
    return known | {entry.name: entry.load() for entry in entry_points(group="nas_harness.spaces")}


def find_space(name: str) -> Space:
    """The space of that name; raises InputError offering the nearest names."""
    known = list_spaces()
    if name not in known:
        raise unknown("space", name, known)
    return known[name]()

"""What the five kinds of parts of a differentiable method have in common."""

from typing import TYPE_CHECKING

from methods.method import SettingsModel
from spaces.space import Space

if TYPE_CHECKING:
    from methods.parts import Parts


class Part:
    """A relaxation, an update rule, a regulariser, a schedule or a discretisation."""

    class Settings(SettingsModel):
        """No settings."""

    @classmethod
    def misfit(cls, parts: "Parts") -> str:
        """Why the part makes no sense among the others; empty where it does."""
        return ""

    @classmethod
    def misplaced(cls, space: Space) -> str:
        """Why the part makes no sense on the space; empty where it does."""
        return ""


def needs_gates(parts: "Parts", what: str) -> str:
    """The objection to something that makes no sense where the operations of an edge share one sum."""
    if parts.relaxation.gates:
        return ""
    return f"{what} needs a probability of its own for every operation: use it with sigmoid or hard-concrete"

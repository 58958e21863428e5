"""The steps of a consolidation and their boxes, as frozen values."""

from typing import Final, Literal

import msgspec

StepName = Literal["audit", "discover", "tests", "plan", "execute", "stability", "close"]

#: The titles in order; the position is the step's number.
TITLES: Final[dict[StepName, str]] = {
    "audit": "Audit",
    "discover": "Discover and plan tests",
    "tests": "New tests of the target",
    "plan": "Plan",
    "execute": "Execute, and migrate consumers",
    "stability": "Stability loop",
    "close": "Close",
}


class Judgement(msgspec.Struct, frozen=True):
    """The evidence for a box."""

    done: bool
    evidence: str  #: a sentence; names, such as file names, are in backticks


class Box(msgspec.Struct, frozen=True, kw_only=True):
    """One box: something that must be done."""

    text: str  #: a sentence that is true if the box is done
    done: bool
    evidence: str  #: why the box is ticked, or why it is not
    command: str  #: shell command for the tree's folder that repeats the evidence


class TrackerStep(msgspec.Struct, frozen=True, kw_only=True):
    """One step."""

    step: int  #: 0 to 6
    title: str
    boxes: tuple[Box, ...]

    @property
    def done(self) -> int:
        """How many boxes are ticked."""
        return sum(box.done for box in self.boxes)

    @property
    def total(self) -> int:
        """How many boxes there are."""
        return len(self.boxes)

"""What the parts of a comparison find, before it is classified."""

from functools import lru_cache
from typing import Literal

import msgspec

from migration.comparison.paths import Path, Value
from migration.comparison.policy import Change
from migration.model import DivergenceKind

Detail = Literal["", "whole_lane", "whole_pair", "repeated", "renamed_id", "out_of_tolerance"]
"""What makes a finding special among those of its kind.

whole_lane        all events of the lane are missing or extra
whole_pair        too many fields differ to name each
repeated          the effect was performed before in this run, with an equal request
renamed_id        an id that stands for another one here than elsewhere in the run
out_of_tolerance  numbers further apart than the policy's tolerance
"""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One difference, or one broken rule."""

    kind: DivergenceKind
    lane: str
    path: Path  #: starts with the event's kind, or "run", "model", "tool", "clock", "id"
    control: Value = msgspec.UNSET  #: UNSET: nothing there
    candidate: Value = msgspec.UNSET
    change: Change = "value"
    detail: Detail = ""
    rule: str = ""  #: the rule of the contract or of latency that is broken, as a clause; empty for plain differences
    stops: bool = False  #: an effect that the shadow got no answer to: what its agent would have done from there on is not known
    at: tuple[int | None, int | None] = (None, None)  #: index of the event in each stream; None: not about an event there

    @property
    def subject(self) -> str:
        """The first part of the path."""
        return str(self.path[0]) if self.path else ""


@lru_cache(maxsize=4096)
def agent_of(lane: str) -> str:
    """Return the agent that a lane belongs to: all before the first "/"."""
    return lane.partition("/")[0]

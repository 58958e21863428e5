"""The findings of a comparison, before they are classified."""

from collections.abc import Container, Iterable
from typing import Literal

import msgspec

from migration.comparison.paths import Path, Value
from migration.comparison.policy import Change
from migration.model import DivergenceKind

Detail = Literal["", "whole_lane", "whole_pair", "repeated", "renamed_id", "out_of_tolerance", "moved_item", "ended_early", "failed_over"]
"""Distinguishes a finding from others of its kind.

whole_lane        all events of the lane are missing or extra
whole_pair        too many fields differ to name each
repeated          the effect was performed before in this run, with an equal request
renamed_id        an id that corresponds to another id here than elsewhere in the run
out_of_tolerance  numbers further apart than the policy's tolerance
moved_item        an item of a list is at another place in the list
ended_early       this run ended, usually with an exception, while the other one continued
failed_over       both runs ended alike, but the served one had failed, and the other engine produced the end that its user saw
"""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One difference, or one broken rule."""

    kind: DivergenceKind
    lane: str
    path: Path  #: starts with the event's kind, or "run", "model", "tool", "clock", "id"
    control: Value = msgspec.UNSET  #: UNSET: control has nothing there
    candidate: Value = msgspec.UNSET
    change: Change = "value"
    detail: Detail = ""
    rule: str = ""  #: the rule of the contract or of latency that is broken, as a clause; empty for plain differences
    rule_id: str = ""  #: id of the broken rule of the contract; "" for all other findings
    stops: bool = False  #: the shadow got no answer to this effect, so it is not known how its agent would have continued
    tail: bool = False  #: the side that lacks the event or effect has nothing more after that place
    asked: int | None = None  #: index of the effect in the journal of the only side that has it; None: not about such an effect
    because: str = ""  #: fingerprint of the finding that this one follows from; empty: it is independent
    at: tuple[int | None, int | None] = (None, None)  #: index of the event in each stream; None: not about an event there

    @property
    def ended_early(self) -> str:
        """The side whose run ended while the other one continued; empty: the finding is about something else."""
        return self.rule.partition(" ")[0] if self.detail == "ended_early" else ""

    @property
    def mark(self) -> str:
        """A text that differs from other findings of its kind at its place. It does not depend on the wording of a rule."""
        return self.rule_id or self.rule

    @property
    def subject(self) -> str:
        """The first part of the path."""
        return str(self.path[0]) if self.path else ""


def is_last(lane: str, begun: Iterable[str], others: Container[str]) -> bool:
    """Tell whether the other side has none of the lanes that one side began after this one. `begun`: that side's lanes, in order."""
    lanes = list(begun)
    return not any(later in others for later in lanes[lanes.index(lane) + 1 :])

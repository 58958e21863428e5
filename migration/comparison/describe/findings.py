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
whole_pair        too many fields differ to name each of them
repeated          the run performed an effect with an equal request before
renamed_id        an id that corresponds to one id here, and to another one elsewhere in the run
out_of_tolerance  numbers further apart than the policy's tolerance
moved_item        an item of a list is at another place in the list
ended_early       this run ended, usually with an exception, while the other one continued
failed_over       both runs ended with the same outcome, but the served one had failed, and the other engine produced its end
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
    tail: bool = False  #: the side that lacks the event or effect has no further ones after this place
    asked: int | None = None  #: index of the effect in its journal, if only one side has it; None: the finding is about something else
    because: str = ""  #: fingerprint of the finding that this one follows from; empty: it is independent
    #: index of the event in control's and candidate's stream; None: the finding is not about an event of this stream
    at: tuple[int | None, int | None] = (None, None)

    @property
    def ended_early(self) -> str:
        """The side whose run ended while the other one continued; empty: the finding is about something else."""
        return self.rule.partition(" ")[0] if self.detail == "ended_early" else ""

    @property
    def mark(self) -> str:
        """A text that distinguishes the finding from others of its kind at the same place. It does not depend on the wording of a rule."""
        return self.rule_id or self.rule

    @property
    def subject(self) -> str:
        """The first segment of the path."""
        return str(self.path[0]) if self.path else ""


def is_last(lane: str, begun: Iterable[str], others: Container[str]) -> bool:
    """Return whether the other side lacks all lanes that this side began after the given one. `begun`: this side's lanes, in order."""
    lanes = list(begun)
    return not any(later in others for later in lanes[lanes.index(lane) + 1 :])

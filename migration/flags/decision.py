"""What the flags decided for one request: the interface between `flags/` and the facade."""

from dataclasses import dataclass
from typing import Literal, Protocol

from migration.model import Comparison, Outcome, RunRequest
from migration.stages import Plan

Reason = Literal["flag", "kill_switch", "last_known", "default_off"]
"""The origin of the plan: the flag itself, the kill switch, the last plan known for the tenant, or nothing known at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A plan, pinned for one run."""

    plan: Plan
    reason: Reason
    flag_key: str
    sampled: bool  #: False: the plan names a shadow, but this run was not drawn; it is counted as not sampled
    probability: float = 1.0  #: with which the run was drawn, 0 to 1; 0: no run could be drawn
    fails_over: bool = False  #: whether control resumes the run if candidate, which serves, fails it before its commit point


class Flags(Protocol):
    """Decides in memory, without I/O or locks."""

    def decide(self, request: RunRequest, /) -> Decision:
        """Return the plan for this request. Never raises: without flags the last known plan is used, and without one `off`."""
        ...

    def finished(self, request: RunRequest, decision: Decision, outcome: Outcome, duration_s: float, /) -> None:
        """The served run ended. Completes the migration op event if no shadow will be compared; otherwise it waits for `compared`."""
        ...

    def compared(self, run_id: str, comparison: Comparison | None, /) -> None:
        """The shadow of that run ended, with a comparison or, if it was shed or failed, with None. Completes the migration op event."""
        ...

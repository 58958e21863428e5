"""The decision of the flags for one request: the interface between `flags/` and the facade."""

from dataclasses import dataclass
from typing import Literal, Protocol

from migration.model import Comparison, Outcome, RunRequest
from migration.stages import Plan
from migration.telemetry import spans

Reason = Literal["flag", "kill_switch", "last_known", "default_off"]
"""The origin of the plan: the flag itself, the kill switch, the last plan known for the tenant, or `off` because nothing is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A plan, fixed for one run."""

    plan: Plan
    reason: Reason
    flag_key: str
    sampled: bool  #: False: the plan names a shadow, but this run was not drawn; it is counted as not sampled
    probability: float = 1.0  #: probability with which the run was drawn, 0 to 1; 0: no run could be drawn
    fails_over: bool = False  #: whether control resumes the run if candidate serves it and fails before the commit point

    def evaluated(self) -> dict[str, str]:
        """Return the attributes of the event `feature_flag.evaluation`, see `migration/telemetry/spans.py`."""
        reason = {"last_known": "stale", "default_off": "default"}.get(self.reason, "unknown")
        return {spans.FLAG_KEY: self.flag_key, spans.FLAG_VARIANT: self.plan.stage.value, spans.FLAG_REASON: reason}

    @property
    def effects_are_read(self) -> bool:
        """Whether the run's effects are needed later: by its shadow, or by control if it resumes the run."""
        return self.fails_over or (self.sampled and self.plan.shadows is not None)


class Flags(Protocol):
    """Decides in memory, without I/O or locks."""

    def decide(self, request: RunRequest, /) -> Decision:
        """Return the plan for this request.

        Never raises: without flags the last known plan is used; without a last plan, the plan of `off`.
        """
        ...

    def finished(self, request: RunRequest, decision: Decision, outcome: Outcome, duration_s: float, /) -> None:
        """Record the end of the served run.

        This completes the migration op event; if a shadow will be compared, `compared` completes it instead.
        """
        ...

    def compared(self, run_id: str, comparison: Comparison | None, /) -> None:
        """Record the end of a run's shadow and complete the migration op event. The comparison is None if the shadow was shed or failed."""
        ...

"""Actions and decisions of a controller, for the history, the log and webhooks."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from migration.rollout.gate import GateDecision, intervals
from migration.rollout.gate_rules import Gate
from migration.rollout.standing import Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An action or decision of a controller."""

    surface: str
    what: Literal["promote", "hold", "roll back", "pause", "complete"]
    sentence: str
    reasons: tuple[str, ...] = ()
    evidence: str = ""  #: the evidence of the decision, as a sentence
    id: str = ""  #: an id that all reports of one event have, from any process; "": the event is reported only once
    tenants: tuple[str, ...] = ()  #: the tenants that the sentence names


def document(decision: GateDecision, standing: Standing | None, now: float, gate: Gate | None) -> dict[str, Any]:
    """Return a decision in the form in which it is stored and shown. `gate` made the decision; None: no gate did."""
    return {
        "what": decision.what,
        "reasons": list(decision.reasons),
        "runs_needed": decision.runs_needed,
        "on": None if decision.on is None else decision.on.isoformat(),
        "evidence": "" if standing is None else _evidence(standing),
        "intervals": [] if standing is None or gate is None else [asdict(one) for one in intervals(gate, standing)],
        "recent": "" if standing is None else standing.recent,
        "at": now,
    }


def _evidence(standing: Standing) -> str:
    outcomes = standing.outcomes
    seen = f"{outcomes.divergent:,} of {outcomes.compared:,} comparisons diverge, {outcomes.unseen:,} runs were not seen"
    return f"{seen}, {outcomes.tenants_seen:,} tenants, {standing.breaches:,} breaches; basis {standing.basis or 'not known'}"

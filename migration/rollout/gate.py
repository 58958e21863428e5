"""The gate: decides what to do at a step, as a pure function of the step, the evidence and the time.

1. a run contains another tenant's or user's data                         -> always roll back
2. more divergence, failures or slow runs than the gate allows are proved -> roll back
3. some rules are not proved                                              -> hold, with a sentence for each of these rules
4. otherwise                                                              -> promote

The chance of a wrong promotion is at most `alpha`, over all checks. A promotion needs the proof of every rule. It is wrong only if
candidate breaks a rule and the bound of this rule is wrong, so each bound can use the whole `alpha`. For a rollback one bound is enough, so
all bounds share `alpha`. Failures, slow runs, the strata, and the other rates of divergence each get a quarter of it. New strata can still
appear, so the n-th stratum gets 1 / (n (n + 1)) of the quarter of the strata.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from math import ceil, isfinite, log
from typing import Final

from migration.rollout.gate_rules import DAYS, Gate, What
from migration.rollout.ramp_file import Step
from migration.rollout.standing import Standing
from migration.stages import PLANS
from migration.statistics import THESE, Outcomes, least_share

_DAY_S: Final = 86400.0
_DETECTED_ALPHA: Final = 0.05
_FAR: Final = 36500.0  #: days; a later date is shown as not known


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDecision:
    """The decision of a gate, and its reasons."""

    what: What
    reasons: tuple[str, ...]  #: sentences; for a promotion, what was proved
    #: how many more runs like the earlier ones must be drawn until divergence allows a promotion; 0: none; None: not known or never
    runs_needed: int | None = None
    on: date | None = None  #: day on which there are enough runs, at today's rate, and the soak time is over; None: not known


@dataclass(frozen=True, slots=True)
class _Bound:
    """A rate and its limit."""

    name: str
    outcomes: Outcomes
    most: float  #: the rate that is allowed
    part: float  #: share of the half of alpha that is for divergence


def decide(step: Step, standing: Standing, now: float) -> GateDecision:
    """Return the decision at a step, with its reasons.

    Args:
        step: the step that the ramp has reached.
        standing: evidence of the step's runs.
        now: Unix seconds.
    """
    if standing.breaches:
        return GateDecision(what="roll back", reasons=(f"{_count(standing.breaches, 'comparison')} found somebody else's data.",))
    if standing.unreadable is not None:
        return GateDecision(what="hold", reasons=(f"The evidence cannot be read: {standing.unreadable}.",))
    shadowed = PLANS[step.stage].shadows is not None
    if shadowed and (worse := tuple(_worse(step.gate, standing))):
        return GateDecision(what="roll back", reasons=worse)
    held = tuple(_held(step, standing, now, shadowed=shadowed))
    needed = _needed(step.gate, standing) if shadowed else 0
    if held:
        reasons = (*held, *_left_out(standing))
        return GateDecision(what="hold", reasons=reasons, runs_needed=needed, on=_day(step.gate, standing, now, needed))
    return GateDecision(what="promote", reasons=(*_proved(step, standing, shadowed=shadowed), *_left_out(standing)), runs_needed=0)


def outcome(step: Step, standing: Standing, now: float) -> What:
    """Return the decision of `decide` without its reasons. This is much faster while a step has to wait."""
    if standing.breaches:
        return "roll back"
    shadowed = PLANS[step.stage].shadows is not None
    if standing.unreadable is None and shadowed and any(_worse(step.gate, standing)):
        return "roll back"
    return "hold" if standing.unreadable is not None or any(_held(step, standing, now, shadowed=shadowed)) else "promote"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """The bounds of a rate and the rate that the gate allows, all from 0 to 1."""

    name: str
    lower: float
    upper: float
    most: float  #: the rate that the gate allows


def intervals(gate: Gate, standing: Standing, strata: int = 4) -> list[Interval]:
    """Return the bounds of all rates that a gate limits: of all runs, of each severity, and of the strata with the highest upper bounds."""
    if not standing.outcomes.compared:
        return []
    found = [
        Interval(name=one.name, lower=bounds.lower, upper=bounds.upper, most=one.most)
        for one in _bounds(gate, standing)
        for bounds in (one.outcomes.bounds(gate.claim, gate.alpha),)
    ]
    first = len(found) - len(standing.by_stratum)
    return [*found[:first], *sorted(found[first:], key=lambda one: -one.upper)[:strata]]


def _bounds(gate: Gate, standing: Standing) -> Iterator[_Bound]:
    rates = [("All runs", standing.outcomes, gate.most_divergent)]
    # If a severity has no count, no comparison was counted yet.
    rates += [(f"Severity {kind}", standing.by_severity.get(kind, _NOTHING), most) for kind, most in gate.most_divergent_of.items()]
    for name, outcomes, most in rates:
        yield _Bound(name, outcomes, most, 0.5 / len(rates))
    for number, (name, outcomes) in enumerate(standing.by_stratum.items(), 1):
        yield _Bound(f"Stratum {name}", outcomes, gate.most_divergent_stratum, 0.5 / (number * (number + 1)))


def _worse(gate: Gate, standing: Standing) -> Iterator[str]:
    """Yield a sentence for each rate that is proved to be worse than the gate allows."""
    half = gate.alpha / 2
    for one in _bounds(gate, standing):
        if one.outcomes.evidence_above(gate.claim, one.most) >= -log(half * one.part):
            yield f"{one.name}: more than {one.most:.2%} of the runs of {gate.claim} diverge; {_seen(one.outcomes)}."
    if standing.failed_more.evidence_above(gate.most_failed_more) >= -log(half / 2):
        yield f"Candidate fails in more runs than control, by more than {gate.most_failed_more:.2%} of all runs."
    if gate.most_slow_more < 1 and standing.latency.evidence_slower(gate.most_slow_more) >= -log(half / 2):
        yield f"Candidate has more slow runs than control, by more than {gate.most_slow_more:.2%} of all runs."


def _held(step: Step, standing: Standing, now: float, *, shadowed: bool) -> Iterator[str]:
    """Yield a sentence for each rule that is not proved."""
    gate = step.gate
    if standing.expired:
        yield f"Accepted divergences have expired: {', '.join(standing.expired)}."
    if (left := gate.soak_s - (now - standing.since)) > 0:
        yield f"The step has to last {_duration(left)} longer."
    if (missing := gate.approvals - len(set(standing.approved_by))) > 0:
        yield f"It waits for {_count(missing, 'approval')}" + (" of somebody else." if standing.approved_by else ".")
    if why := gate.closed(datetime.fromtimestamp(now, UTC)):
        yield f"Nothing is promoted now: {why}."
    if shadowed:
        yield from _unproved(gate, standing)


def _unproved(gate: Gate, standing: Standing) -> Iterator[str]:
    outcomes, proof = standing.outcomes, -log(gate.alpha)
    if not outcomes.compared:
        yield "Nothing was looked at: no run was compared."
        return
    if outcomes.compared < gate.least_comparisons:
        yield f"{_count(outcomes.compared, 'run')} compared; at least {gate.least_comparisons:,} are needed."
    if outcomes.tenants_seen < gate.least_tenants:
        yield f"{_count(outcomes.tenants_seen, 'tenant')} compared; at least {gate.least_tenants:,} are needed."
    for one in _bounds(gate, standing):
        if one.outcomes.evidence_below(gate.claim, one.most) < proof:
            upper = one.outcomes.bounds(gate.claim, gate.alpha).upper
            yield f"{one.name}: up to {upper:.2%} of the runs of {gate.claim} may diverge, {one.most:.2%} allowed; {_seen(one.outcomes)}."
    yield from _unproved_beside_control(gate, standing, proof)
    if (coverage := outcomes.compared / (outcomes.compared + outcomes.unseen)) < gate.least_coverage:
        yield f"The shadow saw {coverage:.1%} of the drawn runs; at least {gate.least_coverage:.1%} is needed."
    yield from _blind(gate, standing)
    if standing.noise_rounds < gate.least_noise_rounds:
        yield f"{_count(standing.noise_rounds, 'round')} of noise; at least {gate.least_noise_rounds:,} are needed."


def _blind(gate: Gate, standing: Standing) -> Iterator[str]:
    """Yield the reasons why it is not known whether the comparison sees differences."""
    if not standing.injected:
        yield "No known difference was injected with this policy, ledger, build and version of the tool: the comparison may be blind."
        return
    lower = least_share(standing.seen, standing.injected, _DETECTED_ALPHA)
    if lower < gate.least_detected:
        yield (
            f"The comparison saw {standing.seen:,} of {_count(standing.injected, 'injected difference')}: it sees at least {lower:.2%}; "
            f"at least {gate.least_detected:.2%} is needed."
        )


def _unproved_beside_control(gate: Gate, standing: Standing, proof: float) -> Iterator[str]:
    """Yield the rules about failures and slow runs that are not proved."""
    if standing.failed_more.evidence_below(gate.most_failed_more) < proof:
        yield f"Candidate may fail in up to {standing.failed_more.upper(gate.alpha):.2%} more of all runs than control."
    if gate.most_slow_more >= 1:
        return
    if standing.latency.evidence_slower() >= proof:
        yield f"Candidate has more slow runs than control, by {standing.latency.excess(gate.alpha).lower:.2%} of all runs or more."
    elif standing.latency.evidence_no_slower(gate.most_slow_more) < proof:
        yield f"Candidate may have up to {standing.latency.excess(gate.alpha).upper:.2%} more slow runs than control."


def _proved(step: Step, standing: Standing, *, shadowed: bool) -> Iterator[str]:
    """Yield the reasons for a promotion."""
    if not shadowed:
        yield f"Nothing is shadowed at {step.stage.value}: the step has lasted as long as it must."
        return
    for one in _bounds(step.gate, standing):
        yield f"{one.name}: fewer than {one.most:.2%} of the runs of {step.gate.claim} diverge; {_seen(one.outcomes)}."


def _left_out(standing: Standing) -> Iterator[str]:
    if standing.other_basis:
        yield f"Not counted: {_count(standing.other_basis, 'comparison')} made with another policy, ledger, build or version of the tool."


def _needed(gate: Gate, standing: Standing) -> int | None:
    """Return how many runs are missing; None: no number is enough, or the gate's claim is about tenants like these."""
    if gate.claim != THESE:
        return None
    most = max(0, gate.least_comparisons - standing.outcomes.compared)
    for one in _bounds(gate, standing):
        more = one.outcomes.runs_to_promote(one.most, gate.alpha)
        if more is None:
            return None
        # A stratum contains only a share of the runs.
        share = (one.outcomes.compared or 1) / standing.outcomes.compared if standing.outcomes.compared else 1.0
        most = max(most, ceil(more / min(1.0, share)))
    return most


def _day(gate: Gate, standing: Standing, now: float, needed: int | None) -> date | None:
    if needed is None or (needed and standing.runs_a_day <= 0.0):
        return None
    days = max(needed / standing.runs_a_day if needed else 0.0, (standing.since + gate.soak_s - now) / _DAY_S, 0.0)
    if not isfinite(days) or days > _FAR:
        return None
    then = datetime.fromtimestamp(now, UTC) + timedelta(days=days)
    here = then.astimezone(gate.time_zone).date()
    week = (here + timedelta(days=more) for more in range(len(DAYS)))
    return next((day for day in week if DAYS[day.weekday()] not in gate.not_on), None)


def _seen(outcomes: Outcomes) -> str:
    unseen = f", {outcomes.unseen:,} not seen" if outcomes.unseen else ""
    return f"{outcomes.divergent:,} of {outcomes.compared:,} do{unseen}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _duration(seconds: float) -> str:
    for unit, size in (("d", _DAY_S), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{ceil(seconds)} s"  # never "0 s": some time is left


_NOTHING: Final = Outcomes()

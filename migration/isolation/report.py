"""Makes divergences from breaches. A report contains the kind of leaked data and its owner's digest, never the data itself."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

import msgspec

from migration.identifiers import without_ids
from migration.isolation.identity import Field
from migration.isolation.scan import Hit
from migration.model import Comparison, Divergence, DivergenceKind, Origin, Verdict
from migration.sentence import Sentence, say, word

#: Kinds of breaches that one comparison reports one by one. Further ones would add no information.
MOST: Final = 50

_SIDES: Final = (Origin.CONTROL, Origin.CANDIDATE)
_CONTROLS_OWN: Final = "Only control mixes people up here: it is a finding about control, and not a difference that the candidate causes."
_ENVELOPE: Final = frozenset(name.value for name in Field)


@dataclass(frozen=True, slots=True)
class Breach:
    """Other people's data, at one place."""

    side: Origin
    lane: str
    path: str
    hit: Hit
    shared: bool = False  #: both runs got this data
    event: int | None = None  #: index of the event in its stream; None: the data is not in an event


def cross_talk(breaches: Iterable[Breach]) -> tuple[tuple[int, str], ...]:
    """Return the places where control's events contain other people's data and candidate's do not: index of the event, and path."""
    breaches = tuple(breaches)
    of_both = {(_shape(one.lane), _shape(one.path)) for one in breaches if one.side is Origin.CANDIDATE}
    return tuple(
        (one.event, one.path)
        for one in breaches
        if one.side is Origin.CONTROL and one.event is not None and (_shape(one.lane), _shape(one.path)) not in of_both
    )


def divergences(breaches: Iterable[Breach], comparison: Comparison) -> tuple[Divergence, ...]:
    """Return one divergence for each kind of breach, without breaches in envelopes, which the comparison itself reports."""
    reported = {(_shape(one.lane), _shape(one.path)) for one in comparison.divergences if one.kind == "isolation_breach"}
    grouped: dict[tuple[str, ...], list[Breach]] = {}
    for breach in breaches:
        lane, path = _shape(breach.lane), _shape(breach.path)
        if any((lane, known) in reported for known in _claims(path)):
            continue
        grouped.setdefault((breach.hit.what, breach.hit.relation, lane, path), []).append(breach)
    # Breaches of control come last, so that many of them leave room for breaches of the candidate.
    told = sorted(grouped.items(), key=lambda item: _is_controls_own(item[1]))
    return tuple(_divergence(kind, same) for kind, same in told[:MOST])


def _is_controls_own(same: Iterable[Breach]) -> bool:
    """Return whether only control mixes people up there; data that both runs got says nothing about either engine."""
    return all(one.side is Origin.CONTROL and not one.shared for one in same)


def with_breaches(comparison: Comparison, found: tuple[Divergence, ...], reasons: tuple[Sentence, ...]) -> Comparison:
    """Return the comparison with these divergences. It is no longer a match, whatever the ledger says about its other divergences.

    If only control mixed up data, these divergences make the comparison noise; only other differences can make it divergent.
    """
    if not found and not reasons:
        return comparison
    verdicts = [comparison.verdict, *(one.verdict for one in found), *([Verdict.INCONCLUSIVE] if reasons else [])]
    verdict = max(verdicts, key=tuple(Verdict).index)
    return msgspec.structs.replace(
        comparison, verdict=verdict, divergences=(*found, *comparison.divergences), reasons=(*comparison.reasons, *reasons)
    )


def _claims(path: str) -> tuple[str, ...]:
    """Return the paths under which the comparison may report this place.

    If an envelope names another identity, the comparison reports one field.
    """
    kind, _, name = path.partition(".")
    return tuple(f"{kind}.{field}" for field in _ENVELOPE) if name in _ENVELOPE else (path,)


def _divergence(kind: tuple[str, ...], same: list[Breach]) -> Divergence:
    first = same[0]
    sides = {breach.side: breach for breach in reversed(same)}
    there = [side for side in _SIDES if side in sides]
    controls = _is_controls_own(same)
    reported_as: DivergenceKind = "control_cross_talk" if controls else "isolation_breach"
    named = ("cross_talk" if controls else "isolation", *kind, *(side.value for side in there))
    mark = blake2b("\x00".join(named).encode(), digest_size=6).hexdigest()
    values = {side: _value(sides[side].hit) for side in there}
    return Divergence(
        kind=reported_as,
        severity="security",
        fingerprint=mark,
        lane=first.lane,
        path=first.path,
        control=values.get(Origin.CONTROL),
        candidate=values.get(Origin.CANDIDATE),
        sentence=_sentence(first, there),
        verdict=Verdict.NOISE if controls else Verdict.DIVERGENT,
        occurrences=len(same),
        note=_CONTROLS_OWN if controls else "",
    )


def _value(hit: Hit) -> str:
    return msgspec.json.encode({"kind": hit.what, "of": hit.relation, "tenant_digest": hit.tenant}).decode()


def _sentence(breach: Breach, sides: list[Origin]) -> Sentence:
    where = word(" and ".join(side.value for side in sides))
    what = word("a canary" if breach.hit.what == "canary" else f"a {breach.hit.what} id")
    whose = word("another tenant" if breach.hit.relation == "another_tenant" else "another user of the same tenant")
    who = say("`{lane}`", lane=breach.lane) if breach.lane else word("the run")
    return say("In {where}, `{path}` of {who} contains {what} of {whose}.", where=where, path=breach.path, who=who, what=what, whose=whose)


def _shape(name: str) -> str:
    """Return a lane or path without the parts that vary from run to run."""
    return without_ids(name)

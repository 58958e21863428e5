"""The scanned data of two runs: frames, effects, both ends, and both logs, all as bytes."""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter

import msgspec

from migration.isolation.identity import Identity
from migration.model import Effect, Origin, RunLog, RunRecord

_PAYLOAD, _REQUEST, _REPLY, _ERROR = map(attrgetter, ("payload", "request", "reply", "error"))

Logs = tuple[RunLog, RunLog]
"""The logs of the served run and its shadow."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One piece of the data, with its place."""

    side: Origin
    lane: str
    subject: str  #: what the piece is: an event's kind, "model.request", "tool.usage_summary.reply", "run.request", "log"
    data: bytes  #: JSON; plain text for logs and the messages of errors
    own_words: bool = False  #: True: the user wrote it, so identifiers in it are not a leak
    shared: bool = False  #: True: both runs got it, so it does not show which engine mixes users up
    event: int | None = None  #: index of the event; None: it is not an event


def all_at_once(served: RunRecord, shadow: RunRecord, logs: Logs) -> bytes:
    """Return all data in one piece, each part once, without those parts of envelopes that name the run's own identity.

    A shadow's replies from its journal are left out, because the served run has the same ones. Requests that are equal in both runs are
    left out too.
    """
    journals = (*served.journal, *shadow.journal)
    pieces = [*map(_PAYLOAD, served.events), *map(_PAYLOAD, shadow.events)]
    pieces += filter(None, {*map(_REQUEST, journals)})
    pieces += filter(None, map(_REPLY, served.journal))
    pieces += [effect.reply or b"" for effect in shadow.journal if effect.performed_by_shadow]
    if any(map(_ERROR, (served, shadow, *journals))):
        pieces += map(_bytes, (*_errors(served), *_errors(shadow)))
    pieces += map(_bytes, (*logs[0].lines, *logs[1].lines))
    pieces.append(served.request.payload)
    # Splitting and joining takes half the time of `replace`, which reads the bytes twice.
    return b"".join(b"\n".join(pieces).split(_envelope(Identity.of(served.request))))


def passages(served: RunRecord, shadow: RunRecord, logs: Logs) -> Iterator[Passage]:
    """Yield everything, piece by piece."""
    yield Passage(side=served.origin, lane="", subject="run.request", data=served.request.payload, own_words=True, shared=True)
    for run in (served, shadow):
        for index, event in enumerate(run.events):
            yield Passage(side=run.origin, lane=event.lane, subject=event.kind, data=event.payload, event=index)
        for effect in run.journal:
            yield from _effect(effect, run.origin, with_reply=run is served or effect.performed_by_shadow)
        if run.error is not None:
            yield Passage(side=run.origin, lane="", subject="run.error", data=_bytes(run.error.message))
    for run, log in zip((served, shadow), logs, strict=True):
        for line in log.lines:
            yield Passage(side=run.origin, lane="", subject="log", data=_bytes(line))


def _effect(effect: Effect, side: Origin, *, with_reply: bool) -> Iterator[Passage]:
    subject = effect.kind if effect.kind in {"model", "clock"} else f"{effect.kind}.{effect.name}"
    if effect.request is not None:
        yield Passage(side=side, lane=effect.lane, subject=f"{subject}.request", data=effect.request)
    if effect.reply is not None and with_reply:
        yield Passage(side=side, lane=effect.lane, subject=f"{subject}.reply", data=effect.reply, shared=not effect.performed_by_shadow)
    if effect.error is not None:
        yield Passage(side=side, lane=effect.lane, subject=f"{subject}.error", data=_bytes(effect.error.message), shared=True)


def _errors(run: RunRecord) -> list[str]:
    return [one.message for one in (run.error, *[effect.error for effect in run.journal]) if one is not None]


def _envelope(owner: Identity) -> bytes:
    """Return the identity's fields as our encoder writes them, next to each other. For a backend that writes them differently, the scan
    only takes longer.
    """
    return msgspec.json.encode(dict(owner.values()))[1:-1]


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")

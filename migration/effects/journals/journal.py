"""The journal: a run's effects in the order of their requests. Append-only and bounded."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from migration.effects.journals.streams import encode_stream
from migration.model import Effect, EffectError, EffectKind

#: Error type of an effect that was requested and never answered: its caller was cancelled, or the run ended first.
UNANSWERED: Final = "CancelledError"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalLimits:
    """The limits of a run's record. Beyond them the record is truncated, and a truncated record is never replayed."""

    effects: int = 10_000
    events: int = 10_000
    size_bytes: int = 8 * 2**20  #: requests, replies and event payloads together


@dataclass(slots=True, kw_only=True)
class Asked:
    """An unfinished effect. It gets its place in the journal when it is requested."""

    kind: EffectKind
    name: str
    lane: str
    request: bytes
    key: str
    started_s: float
    ended_s: float | None = None  #: None while it is unfinished
    reply: bytes | None = None
    error: EffectError | None = None
    performed_by_shadow: bool = False
    chunks: list[tuple[float, bytes]] | None = None  #: pieces of a streamed reply, each with the seconds since the request
    whole: bool = False  #: whether the source of a streamed reply reached its end


class Journal:
    """Collects effects until it is closed. Never raises when the journal is full or closed: it marks the record as truncated and drops the
    effect.

    Args:
        clock: seconds since run start.
        limits: how much it records.
    """

    __slots__ = ("_asked", "_clock", "_effects", "_limits", "size_bytes", "truncated")

    def __init__(self, *, clock: Callable[[], float], limits: JournalLimits) -> None:
        self._clock = clock
        self._limits = limits
        self._asked: list[Asked] = []
        self._effects: tuple[Effect, ...] | None = None
        self.size_bytes = 0
        self.truncated = False  #: True: something was not recorded, so a replay of this journal would be wrong

    @property
    def closed(self) -> bool:
        """Whether the run is over. Later calls come from a task that the run left behind, and change nothing here."""
        return self._effects is not None

    def ask(self, kind: EffectKind, name: str, lane: str, request: bytes, *, key: str = "") -> Asked | None:
        """Give the effect its place in the order. None: it is not recorded, because the journal is closed or truncated."""
        if self._effects is not None or self.truncated:
            return None
        if len(self._asked) >= self._limits.effects or not self.take(len(request)):
            self.truncate()
            return None
        asked = Asked(kind=kind, name=name, lane=lane, request=bytes(request), key=key, started_s=self._clock())
        self._asked.append(asked)
        return asked

    def names(self, kind: EffectKind) -> frozenset[str]:
        """Return the names of the effects of that kind, the unfinished ones included."""
        # Copied in one step of the interpreter, because threads of an engine may add effects at the same time.
        asked, closed = tuple(self._asked), self._effects or ()
        return frozenset((*(one.name for one in asked if one.kind == kind), *(one.name for one in closed if one.kind == kind)))

    def answer(self, asked: Asked | None, reply: bytes) -> None:
        """Record the reply."""
        if asked is None or self._effects is not None:
            return
        if not self.take(len(reply)):
            self.truncate()
            return
        asked.reply = bytes(reply)
        asked.ended_s = self._clock()

    def stream(self, asked: Asked | None, chunk: bytes | None) -> None:
        """Record a piece of a reply; None: the reply begins, but has no piece yet."""
        if asked is None or self._effects is not None:
            return
        asked.chunks = [] if asked.chunks is None else asked.chunks
        if chunk is None:
            return
        if not self.take(len(chunk)):
            self.truncate()
            return
        asked.chunks.append((self._clock() - asked.started_s, bytes(chunk)))

    def end_stream(self, asked: Asked | None, *, whole: bool) -> None:
        """Record that no piece follows, because the source is at its end or the reader left. If both happen, the first one counts."""
        if asked is None or self._effects is not None or asked.ended_s is not None:
            return
        asked.whole = whole
        asked.ended_s = self._clock()

    def fail(self, asked: Asked | None, error: EffectError) -> None:
        """Record the failure."""
        if asked is None or self._effects is not None:
            return
        asked.error = error
        asked.ended_s = self._clock()

    def take(self, size_bytes: int) -> bool:
        """Count bytes against the limit; False when they do not fit."""
        self.size_bytes += size_bytes
        return self.size_bytes <= self._limits.size_bytes

    def truncate(self) -> None:
        """Mark the record as incomplete, and free its contents: half a journal is useless."""
        self.truncated = True
        self._asked.clear()

    def close(self) -> tuple[Effect, ...]:
        """Return the effects in the order of their requests; unfinished ones are recorded as unanswered. Idempotent."""
        if self._effects is None:
            now_s = self._clock()
            self._effects = tuple(_effect(asked, now_s) for asked in self._asked)
            self._asked.clear()
        return self._effects


def _effect(asked: Asked, now_s: float) -> Effect:
    under_way = asked.ended_s is None
    error = EffectError(type=UNANSWERED, message="the run ended first") if under_way and not asked.chunks else asked.error
    reply = asked.reply
    if asked.chunks is not None and (asked.chunks or error is None):
        reply = encode_stream(asked.chunks, "failed" if error is not None else "done" if asked.whole else "left")
    return Effect(
        kind=asked.kind,
        name=asked.name,
        lane=asked.lane,
        key=asked.key,
        request=asked.request,
        reply=reply,
        error=error,
        started_s=asked.started_s,
        duration_s=max(0.0, (now_s if asked.ended_s is None else asked.ended_s) - asked.started_s),
        performed_by_shadow=asked.performed_by_shadow,
    )

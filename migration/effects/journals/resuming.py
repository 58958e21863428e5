"""Resuming: a run continues where another engine failed.

Effects of the failed engine are answered from its journal; new effects are performed and recorded.
"""

import asyncio
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from typing import Final

from migration.effects.journals.answers import pieces, recorded_error
from migration.effects.journals.journal import UNANSWERED, JournalLimits
from migration.effects.journals.recorded import RecordedEffects
from migration.effects.journals.recording import OnFailure, Recording
from migration.effects.journals.streams import StreamReply, decode_stream
from migration.effects.ports import Canary, StreamTape
from migration.errors import TakenOverError
from migration.model import Effect, EffectKind, Event, RunRequest

#: Errors of effects that gave no answer: the caller was stopped while it waited, or the effect was refused.
_WITHOUT_ANSWER: Final = frozenset({UNANSWERED, "GeneratorExit", TakenOverError.__name__})


class ResumedRecording(Recording):
    """The tape of a run that a second engine resumes: it begins with the events that were delivered, and with the answers so far.

    If an effect of the first engine was answered or failed, it gets the same result and is not performed again. If it got no answer or was
    read only in part, it is performed again.

    Args:
        request: what the run answers.
        effects: the first engine's.
        events: the delivered events.
        started: when the run started, on the clock.
        clock: monotonic seconds.
        limits: see `Recording`.
        on_failure: see `Recording`.
        canary: see `Recording`; recorded answers already contain it.
    """

    def __init__(
        self,
        request: RunRequest,
        effects: Sequence[Effect],
        events: Sequence[Event],
        *,
        started: float,
        clock: Callable[[], float],
        limits: JournalLimits,
        on_failure: OnFailure,
        canary: Canary | None = None,
    ) -> None:
        super().__init__(request, clock=clock, limits=limits, on_failure=on_failure, canary=canary, started=started)
        self._known = RecordedEffects(effects, _is_answered)
        self._one_at_a_time = threading.Lock()  # an engine's threads ask too
        for event in events:
            self.append(event)

    async def perform(self, kind: EffectKind, name: str, *, lane: str, request: bytes, call: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the recorded reply, or perform the effect and record it; exceptions of `call` pass through unchanged.

        Raises:
            RecordedEffectError: the effect failed when the first engine asked for it.
        """
        known = self._find(kind, name, lane, request)
        if known is None:
            return await super().perform(kind, name, lane=lane, request=request, call=call)
        await asyncio.sleep(0)  # a recorded reply also lets the other tasks run, as a real one does
        return super().perform_now(kind, name, lane=lane, request=request, call=lambda: _reply(known))

    def perform_now(self, kind: EffectKind, name: str, *, lane: str, request: bytes, call: Callable[[], bytes]) -> bytes:
        """Return the recorded reply, or perform the effect. In all other respects, and in its errors, like `perform`."""
        known = self._find(kind, name, lane, request)
        return super().perform_now(kind, name, lane=lane, request=request, call=call if known is None else lambda: _reply(known))

    def record_stream(self, kind: EffectKind, name: str, *, lane: str, request: bytes) -> StreamTape | None:  # noqa: ARG002 - the signature
        """Return None, because the pieces may come from the failed engine's journal."""
        return None

    def perform_stream(
        self,
        kind: EffectKind,
        name: str,
        *,
        lane: str,
        request: bytes,
        call: Callable[[], AsyncIterator[bytes]],
        whole: Callable[[bytes], Iterable[bytes]] | None,
    ) -> AsyncGenerator[bytes, None]:
        """Yield the recorded pieces, or perform the effect. In all other respects, and in its errors, like `perform`."""
        known = self._find(kind, name, lane, request, streamed=True)
        source = call if known is None else lambda: _each(pieces(known, whole), known)
        return super().perform_stream(kind, name, lane=lane, request=request, call=source, whole=whole)

    def perform_stream_now(
        self,
        kind: EffectKind,
        name: str,
        *,
        lane: str,
        request: bytes,
        call: Callable[[], Iterator[bytes]],
        whole: Callable[[bytes], Iterable[bytes]] | None,
    ) -> Generator[bytes, None, None]:
        """Yield the recorded pieces, or perform the effect, in a thread. In all other respects, and in its errors, like `perform`."""
        known = self._find(kind, name, lane, request, streamed=True)
        source = call if known is None else lambda: _each_now(pieces(known, whole), known)
        return super().perform_stream_now(kind, name, lane=lane, request=request, call=source, whole=whole)

    def _find(self, kind: EffectKind, name: str, lane: str, request: bytes, *, streamed: bool = False) -> Effect | None:
        with self._one_at_a_time:
            effect = self._known.take(self._known.key(kind, name, lane, request), kind, lane)
        # A reply that was read as a stream does not answer a request for a whole reply.
        return None if effect is None or (not streamed and decode_stream(effect.reply) is not None) else effect


def _is_answered(effect: Effect) -> bool:
    if effect.error is not None:
        return effect.error.type not in _WITHOUT_ANSWER
    streamed = decode_stream(effect.reply)
    return effect.reply is not None and (streamed is None or streamed.ended == "done")


def _reply(effect: Effect) -> bytes:
    if effect.error is not None:
        raise recorded_error(effect.error)
    return effect.reply or b"null"


async def _each(reply: StreamReply, effect: Effect) -> AsyncGenerator[bytes, None]:
    for chunk in _each_now(reply, effect):
        await asyncio.sleep(0)
        yield chunk


def _each_now(reply: StreamReply, effect: Effect) -> Generator[bytes, None, None]:
    for _at_s, chunk in reply.stream:
        yield bytes(chunk)
    if effect.error is not None:
        raise recorded_error(effect.error)

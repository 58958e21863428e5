"""Replaying: effects are answered from a journal; only those that a miss policy permits are performed. All requests are recorded."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from migration.effects.journals.answers import pieces, recorded_error
from migration.effects.journals.journal import UNANSWERED, Asked, Journal, JournalLimits
from migration.effects.journals.misses import BLOCK, MissPolicy
from migration.effects.journals.recorded import RecordedEffects
from migration.effects.journals.streams import StreamReply, decode_stream
from migration.effects.ports import StreamTape, current
from migration.errors import EffectMissingError, ReadTimeoutError
from migration.model import Effect, EffectError, EffectKind, Outcome

Pacing = Literal["none", "recorded"]
"""Whether a reply comes immediately, or after its recorded duration."""

_DEFAULT_LIMITS: Final = JournalLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """The counts of the effects of one replayed run."""

    recorded: int  #: effects in the journal
    replayed: int  #: effects that the journal answered
    missing: int  #: effects that the run asked for and the journal does not contain: refused, or performed if permitted
    unused: int  #: effects in the journal that the run did not ask for
    performed: int  #: calls of the outside: 0 unless the miss policy permits some; measured, not assumed
    permitted: int = 0  #: missing effects that the miss policy permitted; if `performed` is larger, the product broke a promise


def is_replayed() -> bool:
    """Return whether this context's run is a replay, for additional work of frameworks, such as exporting traces."""
    return isinstance(current(), ReplayJournal)


class ReplayJournal:
    """Answers a run's effects from the journal of another run of the same request.

    An effect is found by its key. If a recording does not contain requests, effects of the same kind and lane are answered in their
    recorded order. An effect without an answer in the recording gets no answer here either: its caller waits until it reaches its own time
    limit, or is cancelled. An
    effect that the
    journal does not contain is refused, unless the miss policy permits it: then it is performed, within a budget, and marked.

    Args:
        effects: what was recorded, in order; empty keys are filled in.
        pacing: when replies come.
        clock: monotonic seconds.
        sleep: waits seconds; for `pacing="recorded"`.
        limits: how much the run may ask for; beyond it every effect is missing.
        canary: the run's token, for its contexts; recorded replies are not changed.
        misses: which effects may be performed although they were not recorded.
    """

    def __init__(
        self,
        effects: Sequence[Effect],
        *,
        pacing: Pacing = "none",
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        limits: JournalLimits = _DEFAULT_LIMITS,
        canary: str | None = None,
        misses: MissPolicy = BLOCK,
    ) -> None:
        self.canary = canary
        self.outcome: Outcome | None = None  #: set by the engine's adapter; None: not set yet
        self._misses = misses
        # Taking the next permit is one step of the interpreter, so two tasks or threads never get the same one.
        self._permits = iter(range(misses.budget))
        self._one_at_a_time = threading.Lock()  # an engine's threads ask too
        self._pacing = pacing
        self._sleep = sleep
        self._effects = RecordedEffects(effects)
        self.started = started = clock()  #: time on the clock from which times in the journal count
        self._asked = Journal(clock=lambda: clock() - started, limits=limits)
        self._recorded = len(effects)
        self._replayed = self._missing = self._performed = self._permitted = 0

    @property
    def truncated(self) -> bool:
        """Whether the run asked for more than the limits allow."""
        return self._asked.truncated

    @property
    def tally(self) -> Tally:
        """The counts of the effects so far."""
        return Tally(
            recorded=self._recorded,
            replayed=self._replayed,
            missing=self._missing,
            unused=self._recorded - self._replayed,
            # A permitted effect counts from the permit on, even if the run ends before it is performed.
            performed=max(self._performed, self._permitted),
            permitted=self._permitted,
        )

    def settle(self, outcome: Outcome, /) -> None:
        """Store the outcome."""
        self.outcome = outcome

    def close(self) -> tuple[Effect, ...]:
        """End the run: return the effects that it requested, in order, and refuse all later requests. Idempotent."""
        return self._asked.close()

    async def perform(self, kind: EffectKind, name: str, *, lane: str, request: bytes, call: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the recorded reply. `call` is called only for an effect that is not recorded and permitted; its exceptions pass through.

        Raises:
            EffectMissingError: the journal does not contain this effect, and it is not permitted or gave no answer; or the run is over.
            RecordedEffectError: the effect failed when it was recorded.
            asyncio.CancelledError: the run was cancelled while it waited for the reply.
        """
        asked, effect = self._find(kind, name, lane, request)
        if effect is None:
            if self._misses.permits(kind, name) and next(self._permits, None) is not None:
                return await self._let_out(asked, call)
            try:
                # The reader of the stream first gets the events that were sent earlier: they are not a consequence of the missing answer.
                await asyncio.sleep(0)
            finally:
                missing = self._refuse(asked)
            raise missing
        try:
            if effect.error is not None and effect.error.type == UNANSWERED:
                await asyncio.get_running_loop().create_future()
            # Even without pacing a reply lets the other tasks run, as a real one does.
            await self._sleep(effect.duration_s if self._pacing == "recorded" else 0.0)
        except asyncio.CancelledError as cancelled:
            self._asked.fail(asked, EffectError(type=UNANSWERED, message=str(cancelled)))
            raise
        return self._reply(asked, effect)

    def perform_now(
        self,
        kind: EffectKind,
        name: str,
        *,
        lane: str,
        request: bytes,
        call: Callable[[], bytes],  # noqa: ARG002 - a replay must not call it
    ) -> bytes:
        """Return the recorded reply; `call` is not called.

        Raises:
            EffectMissingError: the journal does not contain this effect, or the run is over.
            RecordedEffectError: the effect failed when it was recorded.
        """
        asked, effect = self._find(kind, name, lane, request)
        if effect is None:
            raise self._refuse(asked)
        return self._reply(asked, effect)

    def record_stream(self, kind: EffectKind, name: str, *, lane: str, request: bytes) -> StreamTape | None:  # noqa: ARG002 - the signature
        """Return None, because the pieces come from the journal."""
        return None

    async def perform_stream(
        self,
        kind: EffectKind,
        name: str,
        *,
        lane: str,
        request: bytes,
        call: Callable[[], AsyncIterator[bytes]],  # noqa: ARG002 - a replay must not call it
        whole: Callable[[bytes], Iterable[bytes]] | None,
    ) -> AsyncGenerator[bytes, None]:
        """Yield the recorded pieces; `call` is not called. With recorded pacing, each comes at its recorded time.

        Raises:
            EffectMissingError: the journal does not contain this effect or does not contain its next pieces, or the run is over.
            RecordedEffectError: the effect failed at this point when it was recorded.
        """
        asked, effect = self._find(kind, name, lane, request)
        if effect is None:
            try:
                await asyncio.sleep(0)  # this lets the other tasks run, see `perform`
            finally:
                missing = self._refuse(asked)
            raise missing
        if effect.error is not None and effect.error.type == UNANSWERED and effect.reply is None:
            await asyncio.get_running_loop().create_future()
        self._asked.stream(asked, None)
        recorded, waited_s = pieces(effect, whole), 0.0
        try:
            for at_s, chunk in recorded.stream:
                await self._sleep(max(0.0, at_s - waited_s) if self._pacing == "recorded" else 0.0)
                waited_s = max(at_s, waited_s)
                self._asked.stream(asked, bytes(chunk))
                yield bytes(chunk)
            await self._sleep(max(0.0, effect.duration_s - waited_s) if self._pacing == "recorded" else 0.0)
            self._end(asked, effect, recorded)
        finally:
            self._asked.end_stream(asked, whole=False)

    def perform_stream_now(
        self,
        kind: EffectKind,
        name: str,
        *,
        lane: str,
        request: bytes,
        call: Callable[[], Iterator[bytes]],  # noqa: ARG002 - a replay must not call it
        whole: Callable[[bytes], Iterable[bytes]] | None,
    ) -> Generator[bytes, None, None]:
        """Yield the recorded pieces immediately, in a thread. In all other respects, and in its errors, like `perform_stream`."""
        asked, effect = self._find(kind, name, lane, request)
        if effect is None:
            raise self._refuse(asked)
        self._asked.stream(asked, None)
        recorded = pieces(effect, whole)
        try:
            for _at_s, chunk in recorded.stream:
                self._asked.stream(asked, bytes(chunk))
                yield bytes(chunk)
            self._end(asked, effect, recorded)
        finally:
            self._asked.end_stream(asked, whole=False)

    def _end(self, asked: Asked, effect: Effect, recorded: StreamReply) -> None:
        if effect.error is not None:
            self._asked.fail(asked, effect.error)
            raise recorded_error(effect.error)
        if recorded.ended == "left":
            self._missing += 1
            raise self._unanswered(asked, f"the recorded run read {len(recorded.stream)} pieces of it and left")
        self._asked.end_stream(asked, whole=True)

    @property
    def records(self) -> bool:
        """True: the journal answers every effect."""
        return True

    def performing(self) -> None:
        """Count a call of the outside; only permitted calls may happen."""
        self._performed += 1

    def _find(self, kind: EffectKind, name: str, lane: str, request: bytes) -> tuple[Asked, Effect | None]:
        with self._one_at_a_time:
            key = self._effects.key(kind, name, lane, request)
            asked = self._asked.ask(kind, name, lane, request, key=key)
            if asked is None:
                self._missing += not self._asked.closed
                raise EffectMissingError(kind, name, lane)
            effect = self._effects.take(key, kind, lane)
            self._replayed += effect is not None
            return asked, effect

    async def _let_out(self, asked: Asked, call: Callable[[], Awaitable[bytes]]) -> bytes:
        """Perform a permitted effect. If it gives no answer, it is refused after all; what the engine does after that means nothing."""
        self._missing += 1
        self._permitted += 1
        asked.performed_by_shadow = True
        try:
            reply = await self._misses.perform(call)
        except ReadTimeoutError as late:
            raise self._unanswered(asked, f"it may be performed, but {late}") from None
        except BaseException as error:
            self._asked.fail(asked, EffectError(type=type(error).__name__, message=str(error)))
            raise
        self._asked.answer(asked, reply)
        return reply

    def _refuse(self, asked: Asked) -> EffectMissingError:
        self._missing += 1
        return self._unanswered(asked, "a shadow performs no effect")

    def _unanswered(self, asked: Asked, reason: str) -> EffectMissingError:
        error = EffectMissingError(asked.kind, asked.name, asked.lane, reason)
        self._asked.fail(asked, EffectError(type=type(error).__name__, message=str(error)))
        return error

    def _reply(self, asked: Asked, effect: Effect) -> bytes:
        if effect.error is None and decode_stream(effect.reply) is not None:
            self._missing += 1
            raise self._unanswered(asked, "it was recorded as a stream; ask for it with `perform_stream`")
        if effect.error is not None or effect.reply is None:
            error = effect.error or EffectError(type="RecordingError", message="the recording contains neither a reply nor an error")
            self._asked.fail(asked, error)
            raise recorded_error(error)
        self._asked.answer(asked, effect.reply)
        return effect.reply

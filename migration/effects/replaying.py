"""Replaying: effects are answered from a journal. Nothing is performed; what is asked for is put on record."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from migration.effects.journal import UNANSWERED, Asked, Journal, JournalLimits
from migration.effects.keys import Occurrences, with_keys
from migration.errors import EffectMissingError, RecordedEffectError
from migration.model import Effect, EffectError, EffectKind

Pacing = Literal["none", "recorded"]
"""Whether a reply comes at once, or after the time it took when it was recorded."""

_DEFAULT_LIMITS: Final = JournalLimits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What became of the effects of one replayed run."""

    recorded: int  #: in the journal
    replayed: int  #: answered from it
    missing: int  #: asked for, but not in it
    unused: int  #: in it, but not asked for
    performed: int  #: calls of the outside made all the same: always 0; measured, not assumed


class ReplayJournal:
    """Answers a run's effects from the journal of another run of the same request.

    An effect is found by its key. Where a recording does not hold requests, effects of that kind and lane are answered in sequence.
    An effect that was never answered when it was recorded is not answered here either: its caller waits until it gives up.

    Args:
        effects: what was recorded, in order; empty keys are filled in.
        pacing: when replies come.
        clock: monotonic seconds.
        sleep: waits seconds; for `pacing="recorded"`.
        limits: how much the run may ask for; beyond it every effect is missing.
        canary: the run's token, for its contexts; replies stay as they were recorded.
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
    ) -> None:
        self.canary = canary
        self._pacing = pacing
        self._sleep = sleep
        self._by_key: dict[str, Effect] = {}
        self._in_sequence: dict[tuple[EffectKind, str], deque[Effect]] = {}
        for effect in with_keys(effects):
            if effect.request is None:
                self._in_sequence.setdefault((effect.kind, effect.lane), deque()).append(effect)
            else:
                self._by_key[effect.key] = effect
        started = clock()
        self._occurrences = Occurrences()
        self._asked = Journal(clock=lambda: clock() - started, limits=limits)
        self._recorded = len(effects)
        self._replayed = self._missing = self._performed = 0

    @property
    def truncated(self) -> bool:
        """Whether the run asked for more than the limits allow."""
        return self._asked.truncated

    @property
    def tally(self) -> Tally:
        """What became of the effects so far."""
        return Tally(
            recorded=self._recorded,
            replayed=self._replayed,
            missing=self._missing,
            unused=self._recorded - self._replayed,
            performed=self._performed,
        )

    def close(self) -> tuple[Effect, ...]:
        """Return what was asked for, in order; refuse every later effect. Idempotent."""
        return self._asked.close()

    async def perform(
        self,
        kind: EffectKind,
        name: str,
        *,
        lane: str,
        request: bytes,
        call: Callable[[], Awaitable[bytes]],  # noqa: ARG002 - not calling it is what a replay is for
    ) -> bytes:
        """Return the recorded reply; `call` is not called.

        Raises:
            EffectMissingError: the journal does not hold this effect, or the run is over.
            RecordedEffectError: the effect failed when it was recorded.
        """
        asked, effect = self._find(kind, name, lane, request)
        if effect is None:
            try:
                # Whoever reads the stream hears first what was sent before this: that is no consequence of having no answer.
                await asyncio.sleep(0)
            finally:
                missing = self._refuse(asked)
            raise missing
        try:
            if effect.error is not None and effect.error.type == UNANSWERED:
                await asyncio.get_running_loop().create_future()
            # Even without pacing a reply lets the other tasks have their turn, as a real one does.
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
        call: Callable[[], bytes],  # noqa: ARG002 - not calling it is what a replay is for
    ) -> bytes:
        """Return the recorded reply; `call` is not called.

        Raises:
            EffectMissingError: the journal does not hold this effect, or the run is over.
            RecordedEffectError: the effect failed when it was recorded.
        """
        asked, effect = self._find(kind, name, lane, request)
        if effect is None:
            raise self._refuse(asked)
        return self._reply(asked, effect)

    def performing(self) -> None:
        """Count a call of the outside: there must be none."""
        self._performed += 1

    def _find(self, kind: EffectKind, name: str, lane: str, request: bytes) -> tuple[Asked, Effect | None]:
        key = self._occurrences.key(kind, name, lane, request)
        asked = self._asked.ask(kind, name, lane, request, key=key)
        if asked is None:
            self._missing += not self._asked.closed
            raise EffectMissingError(kind, name, lane)
        effect = self._by_key.pop(key, None)
        if effect is None and (waiting := self._in_sequence.get((kind, lane))):
            effect = waiting.popleft()
        self._replayed += effect is not None
        return asked, effect

    def _refuse(self, asked: Asked) -> EffectMissingError:
        self._missing += 1
        error = EffectMissingError(asked.kind, asked.name, asked.lane)
        self._asked.fail(asked, EffectError(type=type(error).__name__, message=str(error)))
        return error

    def _reply(self, asked: Asked, effect: Effect) -> bytes:
        if effect.error is not None or effect.reply is None:
            error = effect.error or EffectError(type="RecordingError", message="the recording holds neither a reply nor an error")
            self._asked.fail(asked, error)
            raise RecordedEffectError(error.type, error.message)
        self._asked.answer(asked, effect.reply)
        return effect.reply

"""Recording: effects are performed normally, and recorded. Recording never changes the run, not even when the recording itself fails."""

import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator, Sequence
from typing import Final, Literal

from migration.effects.journals.journal import Asked, Journal, JournalLimits
from migration.effects.journals.log_tape import LogTape
from migration.effects.journals.unfailing import UnfailingJournal
from migration.effects.ports import Canary, StreamTape, activate, deactivate
from migration.errors import Operation, TakenOverError
from migration.model import EffectError, EffectKind, Event, Origin, Outcome, RunLog, RunRecord, RunRequest

logger = logging.getLogger(__name__)

#: Limit of the log of a served run. Further lines are only counted, and the comparison reports this.
_LOG_LINES: Final = 1_000
_LOG_CHARACTERS: Final = 2**18

OnFailure = Callable[[Operation, BaseException], None]
_DEFAULT_LIMITS: Final = JournalLimits()


def log_failure(operation: Operation, error: BaseException) -> None:
    """Log a failure of the tool itself, without the error's text: it may quote a message."""
    logger.error("%s failed with %s; the run was not affected", operation, type(error).__name__)


class Recording:
    """The tape of one served run, which starts now: its events and the journal of its effects.

    Args:
        request: what the run answers.
        clock: monotonic seconds.
        limits: beyond them the recording is truncated and the run continues.
        on_failure: called when recording itself fails ("effects.record").
        canary: added to the replies of this run, both for the engine and in the record; None: replies stay unchanged.
        started: when the run started, on the clock; None: now.
        records: whether effects and log lines are recorded; False: nobody will read them, so only events are.
    """

    def __init__(
        self,
        request: RunRequest,
        *,
        clock: Callable[[], float] = time.monotonic,
        limits: JournalLimits = _DEFAULT_LIMITS,
        on_failure: OnFailure = log_failure,
        canary: Canary | None = None,
        started: float | None = None,
        records: bool = True,
    ) -> None:
        self.records = records
        self._request = request
        self._canary = canary
        self._clock = clock
        self._most_bytes, self._most_events = limits.size_bytes, limits.events
        self._on_failure = on_failure
        self._started = begun = clock() if started is None else started
        self._ended_s: float | None = None
        self._events: list[Event] = []
        self._last: Event | None = None
        # Not `self.elapsed_s`, because a reference cycle would keep a finished run in memory until the next garbage collection.
        self._journal = Journal(clock=lambda: clock() - begun, limits=limits)
        self._record = UnfailingJournal(self._journal, on_failure)
        self._cancelled = self._taken_over = False
        self.outcome: Outcome | None = None  #: set by the engine's adapter; None: not set yet
        self._log: LogTape | None = None

    def elapsed_s(self) -> float:
        """Return the seconds since the run started."""
        return self._clock() - self._started

    @property
    def truncated(self) -> bool:
        """Whether something was not recorded, because of a limit or a failure. Such a record must not be replayed."""
        return self._journal.truncated

    @property
    def events(self) -> Sequence[Event]:
        """The events so far: all of them, or the first ones and the last one."""
        return self._taped()

    async def next_of(self, events: AsyncGenerator[Event, None]) -> Event | None:
        """Return the engine's next event, None at the end. Its effects, and those of tasks that it starts, are recorded.

        This recording is the current one only inside this call: code that consumes the events never records into it.
        """
        token = activate(self)
        try:
            return await anext(events)
        except StopAsyncIteration:
            return None
        finally:
            deactivate(token)

    def append(self, event: Event) -> None:
        """Record an event. A full recording keeps its beginning and the last event, which contains the answer."""
        self._last = event
        journal, events = self._journal, self._events
        journal.size_bytes = size_bytes = journal.size_bytes + len(event.payload)
        if size_bytes > self._most_bytes or len(events) >= self._most_events:
            journal.truncate()
        else:
            events.append(event)

    def take_line(self, record: logging.LogRecord) -> None:
        """Record a line that the run logs; lines that a task logs after the run's end are ignored. Never raises."""
        if self._journal.closed or not self.records:
            return
        if self._log is None:
            self._log = LogTape(lines=_LOG_LINES, characters=_LOG_CHARACTERS)
        self._log.take(record)

    @property
    def log(self) -> RunLog | None:
        """The run's log so far; None if it is empty."""
        return None if self._log is None else self._log.log()

    def settle(self, outcome: Outcome, /) -> None:
        """Store the outcome."""
        self.outcome = outcome

    async def close(self, events: AsyncGenerator[Event, None]) -> None:
        """Stop the engine's work, then close the journal: effects that a task performs later are not recorded.

        An exception that the engine raises while it stops is logged: its stream is over, and nothing can handle it.
        """
        token = activate(self)
        try:
            await events.aclose()
        except Exception as error:  # noqa: BLE001 - whatever an engine raises while it stops
            logger.warning("the engine of run %s raised %s while it was closed", self._request.run_id, type(error).__name__)
        finally:
            deactivate(token)
            self._ended_s = self.elapsed_s()
            self._journal.close()

    def record(self, origin: Origin, outcome: Outcome, error: EffectError | None, trace_id: str | None) -> RunRecord:
        """Return the record of the run.

        Args:
            origin: the engine that ran.
            outcome: how it ended.
            error: the exception that ended the stream; None when it ended by itself.
            trace_id: 32 hex digits; None when the run was not traced.
        """
        self._cancelled = outcome in ("cancelled", "cut")
        return RunRecord(
            request=self._request,
            origin=origin,
            events=self._taped(),
            journal=self._journal.close(),
            outcome=outcome,
            duration_s=self.elapsed_s() if self._ended_s is None else self._ended_s,
            trace_id=trace_id,
            error=error,
        )

    def shed_reason(self) -> Literal["cancelled", "job_bytes"] | None:
        """Return why the recorded run must not be shadowed; None when it may be. Call it after `record`."""
        if self._cancelled:
            return "cancelled"
        return "job_bytes" if self.truncated else None

    async def perform(self, kind: EffectKind, name: str, *, lane: str, request: bytes, call: Callable[[], Awaitable[bytes]]) -> bytes:
        """Perform the effect and record it; its exceptions pass through unchanged."""
        asked = self._record.ask(kind, name, lane, request)
        try:
            reply = await call()
        except BaseException as error:
            self._record.fail(asked, error)
            raise
        if self._canary is not None:
            reply = self._planted(self._canary, kind, reply)
        self._record.answer(asked, reply)
        return reply

    def perform_now(self, kind: EffectKind, name: str, *, lane: str, request: bytes, call: Callable[[], bytes]) -> bytes:
        """Perform the effect and record it; its exceptions pass through unchanged."""
        asked = self._record.ask(kind, name, lane, request)
        try:
            reply = call()
        except BaseException as error:
            self._record.fail(asked, error)
            raise
        self._record.answer(asked, reply)
        return reply

    def record_stream(self, kind: EffectKind, name: str, *, lane: str, request: bytes) -> StreamTape | None:
        """Return the tape of a streamed reply; the port performs the effect itself."""
        return _Taped(self._record, self._record.ask(kind, name, lane, request, streamed=True))

    async def perform_stream(
        self,
        kind: EffectKind,
        name: str,
        *,
        lane: str,
        request: bytes,
        call: Callable[[], AsyncIterator[bytes]],
        whole: Callable[[bytes], Iterable[bytes]] | None,  # noqa: ARG002 - a recording has none
    ) -> AsyncGenerator[bytes, None]:
        """Perform the effect, record each piece as it comes, and yield it; its exceptions pass through unchanged."""
        asked = self._record.ask(kind, name, lane, request, streamed=True)
        source = call()
        try:
            while True:
                try:
                    chunk = await anext(source)
                except StopAsyncIteration:
                    break
                except BaseException as error:
                    self._record.fail(asked, error)
                    raise
                self._record.stream(asked, chunk)
                yield chunk
            self._record.end_stream(asked, whole=True)
        finally:
            self._record.end_stream(asked, whole=False)
            if (close := getattr(source, "aclose", None)) is not None:
                await close()

    def perform_stream_now(
        self,
        kind: EffectKind,
        name: str,
        *,
        lane: str,
        request: bytes,
        call: Callable[[], Iterator[bytes]],
        whole: Callable[[bytes], Iterable[bytes]] | None,  # noqa: ARG002 - a recording has none
    ) -> Generator[bytes, None, None]:
        """Perform the effect in a thread; in all other respects like `perform_stream`."""
        asked = self._record.ask(kind, name, lane, request, streamed=True)
        source = call()
        try:
            while True:
                try:
                    chunk = next(source)
                except StopIteration:
                    break
                except BaseException as error:
                    self._record.fail(asked, error)
                    raise
                self._record.stream(asked, chunk)
                yield chunk
            self._record.end_stream(asked, whole=True)
        finally:
            self._record.end_stream(asked, whole=False)
            if (close := getattr(source, "close", None)) is not None:
                close()

    @property
    def canary(self) -> str | None:
        """The run's token; None when it has none."""
        return None if self._canary is None else self._canary.token

    def performing(self) -> None:
        """Let the call pass: a serving run may call the outside until another engine takes over the run.

        Raises:
            TakenOverError: another engine has taken over the run.
        """
        if self._taken_over:
            raise TakenOverError(self._request.run_id)

    def take_over(self) -> None:
        """Refuse every effect from now on: another engine resumes the run, and both engines must not perform the same effect."""
        self._taken_over = True

    def asked_for(self, kind: EffectKind) -> frozenset[str]:
        """Return the names of the effects of that kind that the run has asked for so far, the unfinished ones included."""
        return self._journal.names(kind)

    def _planted(self, canary: Canary, kind: EffectKind, reply: bytes) -> bytes:
        try:
            return canary.plant(kind, reply)
        except Exception as failure:  # noqa: BLE001 - a reply that cannot carry the token is returned without it
            self._on_failure("effects.record", failure)
            return reply

    def _taped(self) -> tuple[Event, ...]:
        cut_off = self._last is not None and (not self._events or self._events[-1] is not self._last)
        return (*self._events, self._last) if self._last is not None and cut_off else tuple(self._events)


class _Taped:
    """The tape of one streamed reply. Implements `StreamTape`."""

    __slots__ = ("_asked", "_record")

    def __init__(self, record: UnfailingJournal, asked: Asked | None) -> None:
        self._record, self._asked = record, asked

    def take(self, chunk: bytes, /) -> None:
        """Record a piece."""
        self._record.stream(self._asked, chunk)

    def fail(self, error: BaseException, /) -> None:
        """Record that the source raised this."""
        self._record.fail(self._asked, error)

    def end(self, *, whole: bool) -> None:
        """Record that no piece follows."""
        self._record.end_stream(self._asked, whole=whole)

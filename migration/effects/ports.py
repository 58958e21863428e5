"""How a port reaches the outside: through the current run's journal if there is one, otherwise directly."""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterable, Iterator
from contextvars import ContextVar
from typing import Final, Protocol

from migration.effects.lanes import current_lane
from migration.model import EffectKind, Outcome


class Canary(Protocol):
    """A token that belongs to one run, so that its appearance in another run shows a leak from here."""

    @property
    def token(self) -> str:
        """The token."""
        ...

    def plant(self, kind: EffectKind, reply: bytes, /) -> bytes:
        """Return the reply to an effect, with the token added where it does no harm.

        Raises:
            Exception: it cannot be added; the reply stays unchanged.
        """
        ...


class StreamTape(Protocol):
    """Records the reply to one effect while its port performs it, piece by piece. Raises nothing."""

    def take(self, chunk: bytes, /) -> None:
        """Record a piece."""
        ...

    def fail(self, error: BaseException, /) -> None:
        """Record that the source raised this."""
        ...

    def end(self, *, whole: bool) -> None:
        """Record that no piece follows: the source ended, or the reader left. A second call does nothing."""
        ...


class Performer(Protocol):
    """Performs or answers the effects of a run."""

    async def perform(self, kind: EffectKind, name: str, *, lane: str, request: bytes, call: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the reply to one effect."""
        ...

    def perform_now(self, kind: EffectKind, name: str, *, lane: str, request: bytes, call: Callable[[], bytes]) -> bytes:
        """Return the reply to one effect that needs no waiting."""
        ...

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
        """Yield the pieces of the reply to one effect."""
        ...

    def record_stream(self, kind: EffectKind, name: str, *, lane: str, request: bytes) -> StreamTape | None:
        """Return the tape of a reply that the port itself gets from outside; None: the port has to call `perform_stream`."""
        ...

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
        """Yield the pieces of the reply to one effect, in a thread."""
        ...

    @property
    def canary(self) -> str | None:
        """The token that belongs to this run; None when it has none."""
        ...

    @property
    def records(self) -> bool:
        """Whether effects are recorded, or answered from a record. If not, ports call the outside directly, as they do outside a run."""
        ...

    def settle(self, outcome: Outcome, /) -> None:
        """Receive the run's outcome from the engine's adapter."""
        ...

    def performing(self) -> None:
        """Record that `call` is being called.

        The port calls this and not the performer, so that a performer that must not call the outside cannot do it unnoticed.
        """
        ...


_current: ContextVar[Performer | None] = ContextVar("migration_effects", default=None)


def current() -> Performer | None:
    """Return the performer of this context's effects; None if they reach the outside directly."""
    return _current.get()


activate: Final = _current.set
"""Makes a performer the current one of this context; tasks that start from here inherit it. Returns the token for `deactivate`."""

deactivate: Final = _current.reset
"""Undoes `activate`, in the same context."""


def is_recorded() -> bool:
    """Return whether the effects of this context are recorded, or answered from a record.

    If not, a port whose replies survive JSON unchanged may call the outside itself, without making JSON of request and reply.
    """
    performer = _current.get()
    return performer is not None and performer.records


def canary() -> str | None:
    """Return the canary of the current run, for contexts that engines do not send; None if the run has none."""
    performer = _current.get()
    return None if performer is None else performer.canary


def run_ended(outcome: Outcome) -> None:
    """Set the outcome of the current run. The adapter of an engine calls it once, at the very end: only the backend knows what an event
    means.
    """
    performer = _current.get()
    if performer is not None:
        performer.settle(outcome)


async def perform(kind: EffectKind, name: str, *, request: bytes, call: Callable[[], Awaitable[bytes]], lane: str | None = None) -> bytes:
    """Return the reply to one effect.

    While a run is served, recorded or not, and outside a run, this is the result of `call`; its exceptions pass through unchanged. While a
    run is replayed `call` is not called, unless the miss policy permits it.

    Args:
        kind: what kind of effect.
        name: model, tool, or what it is for.
        request: JSON; the key order does not matter.
        call: reaches the outside and returns JSON.
        lane: the part of the run that asks, e.g. an agent's name. It separates equal calls of different lanes. None: the lane of the
            context (`lane`).

    Raises:
        EffectMissingError: replaying, and the journal does not contain this effect.
        RecordedEffectError: replaying, and the effect failed when it was recorded.
    """
    performer = _current.get()
    if performer is None or not performer.records:
        return await call()

    async def counted() -> bytes:
        performer.performing()
        return await call()

    return await performer.perform(kind, name, lane=current_lane() if lane is None else lane, request=request, call=counted)


def perform_now(kind: EffectKind, name: str, *, request: bytes, call: Callable[[], bytes], lane: str | None = None) -> bytes:
    """Return the reply to one effect that needs no waiting, such as the clock or a new id, or for which a thread waits.

    In all other respects like `perform`.

    A replay answers immediately, whatever the recorded duration.

    Raises:
        EffectMissingError: replaying, and the journal does not contain this effect.
        RecordedEffectError: replaying, and the effect failed when it was recorded.
    """
    performer = _current.get()
    if performer is None or not performer.records:
        return call()

    def counted() -> bytes:
        performer.performing()
        return call()

    return performer.perform_now(kind, name, lane=current_lane() if lane is None else lane, request=request, call=counted)


async def perform_stream(
    kind: EffectKind,
    name: str,
    *,
    request: bytes,
    call: Callable[[], AsyncIterator[bytes]],
    lane: str | None = None,
    whole: Callable[[bytes], Iterable[bytes]] | None = None,
) -> AsyncGenerator[bytes, None]:
    """Yield the reply to one effect piece by piece, each as it comes.

    In a recording, each piece is kept with its time; in a replay, the same pieces come at the same times. A reader may leave early: close
    the generator then (`contextlib.aclosing`).

    Args:
        kind: what kind of effect.
        name: model, tool, or what it is for.
        request: JSON; it should say that a stream is wanted (`"stream": true`).
        call: reaches the outside and yields JSON, a piece at a time; its exceptions pass through.
        lane: see `perform`.
        whole: splits a reply that was recorded as a whole into pieces, for recordings of other tools; None: such a reply is one piece.

    Raises:
        EffectMissingError: replaying, and the journal does not contain this effect, or lacks its next pieces, because the recorded run
            stopped reading earlier.
        RecordedEffectError: replaying, and the effect failed at this point when it was recorded.
    """
    tape = stream_tape(kind, name, request=request, lane=lane)
    source = call() if tape is not None else _answered(kind, name, request=request, call=call, lane=lane, whole=whole)
    following = source.__anext__
    # There is no other generator between source and reader: each would add about as much time to every piece as recording takes.
    try:
        while True:
            try:
                chunk = await following()
            except StopAsyncIteration:
                break
            except BaseException as error:
                if tape is not None:
                    tape.fail(error)
                raise
            if tape is not None:
                tape.take(chunk)
            yield chunk
        if tape is not None:
            tape.end(whole=True)
    finally:
        if tape is not None:
            tape.end(whole=False)
        if (close := getattr(source, "aclose", None)) is not None:
            await close()


def stream_tape(kind: EffectKind, name: str, *, request: bytes, lane: str | None = None) -> StreamTape | None:
    """Return the tape for a streamed effect that the caller performs itself; see `perform_stream` for the arguments.

    None: the pieces do not come from outside, for example because the run is a replay; call `perform_stream` then.

    Raises:
        TakenOverError: another engine has taken the run over, so this effect must not be performed.
    """
    performer = _current.get()
    if performer is None or not performer.records:
        return _NO_TAPE
    tape = performer.record_stream(kind, name, lane=current_lane() if lane is None else lane, request=request)
    if tape is not None:
        performer.performing()
    return tape


class _NoTape:
    """Records nothing, because no run is recorded."""

    def take(self, chunk: bytes, /) -> None:
        """Do nothing."""

    def fail(self, error: BaseException, /) -> None:
        """Do nothing."""

    def end(self, *, whole: bool) -> None:
        """Do nothing."""


_NO_TAPE: Final = _NoTape()


def _answered(
    kind: EffectKind,
    name: str,
    *,
    request: bytes,
    call: Callable[[], AsyncIterator[bytes]],
    lane: str | None,
    whole: Callable[[bytes], Iterable[bytes]] | None,
) -> AsyncIterator[bytes]:
    performer = _current.get()
    if performer is None or not performer.records:
        return call()

    def counted() -> AsyncIterator[bytes]:
        performer.performing()
        return call()

    whose = current_lane() if lane is None else lane
    return performer.perform_stream(kind, name, lane=whose, request=request, call=counted, whole=whole)


def perform_stream_now(
    kind: EffectKind,
    name: str,
    *,
    request: bytes,
    call: Callable[[], Iterator[bytes]],
    lane: str | None = None,
    whole: Callable[[bytes], Iterable[bytes]] | None = None,
) -> Generator[bytes, None, None]:
    """Yield the reply to one effect piece by piece, in a thread that waits for each piece. In all other respects like `perform_stream`.

    A replay answers immediately, whatever the recorded times.

    Raises:
        EffectMissingError: see `perform_stream`.
        RecordedEffectError: see `perform_stream`.
    """
    performer = _current.get()
    if performer is None or not performer.records:
        yield from call()
        return

    def counted() -> Iterator[bytes]:
        performer.performing()
        return call()

    whose = current_lane() if lane is None else lane
    yield from performer.perform_stream_now(kind, name, lane=whose, request=request, call=counted, whole=whole)

"""Turns functions into engines. The functions may yield, return or call back, as coroutines or in a separate thread."""

import asyncio
import contextlib
import dataclasses
import inspect
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from typing import Any, Final

import msgspec

from migration.effects import current_lane, lane
from migration.effects.journals import follow_threads
from migration.model import Engine, Event, RunRequest

Place = Callable[[Any], tuple[str, str]]
"""Maps an item, as plain values, to the kind of its event and the lane; the lane "" is the run itself."""

Emit = Callable[[Any], None]
"""Accepts one item, from any thread."""

_END: Final = object()
_AHEAD: Final = 64  #: number of items that a thread may be ahead of its reader
_encode: Final = msgspec.json.encode


def by_field(kind: str = "type", whose: str = "") -> Place:
    """Return a `Place` that reads kind and lane from fields of an item.

    Args:
        kind: the field with the event's kind; an item without this field is an event of kind "item".
        whose: the field that names the lane; if it is empty or missing in an item: the lane of the context that yielded the item.
    """

    def place(item: Any) -> tuple[str, str]:  # noqa: ANN401 - plain values
        fields = item if isinstance(item, Mapping) else {}
        return str(fields.get(kind, "item")), str(fields[whose]) if whose and fields.get(whose) is not None else current_lane()

    return place


def stream_engine(
    run: Callable[[RunRequest], AsyncIterable[Any] | Iterable[Any] | Awaitable[Any]],
    place: Place | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Engine:
    """Return an engine around a function that answers a request.

    Args:
        run: returns an async iterator of items, an iterable of items (which runs in a separate thread), or an awaitable of one item. Items
            are dicts, dataclasses, msgspec structs or pydantic models; bytes and texts that contain a JSON object are passed on unchanged.
        place: returns the kind of event and the lane of each item; None: `by_field()`.
        clock: monotonic seconds.

    The engine's `run` raises the function's errors, and TypeError for an item that is not JSON. Closing its stream closes the iterator;
    a thread is stopped at its next item.
    """
    placed = place or by_field()

    def items(request: RunRequest) -> AsyncIterator[Any]:
        made = run(request)
        if isinstance(made, AsyncIterable):
            return aiter(made)
        if inspect.isawaitable(made):
            return _one(made)
        return _in_thread(lambda emit: _feed(made, emit))

    return _StreamEngine(items, placed, clock)


def emitter_engine(
    run: Callable[[RunRequest, Emit], Awaitable[object] | object],
    place: Place | None = None,
    *,
    clock: Callable[[], float] = time.monotonic,
) -> Engine:
    """Return an engine around a function that calls `on_event` with each item and returns at the end.

    Args:
        run: gets the request and the callback; a coroutine function, or a plain function, which runs in a separate thread.
        place: see `stream_engine`.
        clock: see `stream_engine`.
    """

    def items(request: RunRequest) -> AsyncIterator[Any]:
        if inspect.iscoroutinefunction(run):
            return _in_task(lambda emit: run(request, emit))
        return _in_thread(lambda emit: run(request, emit))

    return _StreamEngine(items, place or by_field(), clock)


class _StreamEngine:
    """Turns items into events."""

    def __init__(self, items: Callable[[RunRequest], AsyncIterator[Any]], place: Place, clock: Callable[[], float]) -> None:
        self._items, self._place, self._clock = items, place, clock

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        """Yield the run's events; see `stream_engine`."""
        started = self._clock()
        items = self._items(request)
        try:
            async for item in items:
                if isinstance(item, _Emitted):
                    with lane(item.lane):
                        event = self._event(item.item, started)
                    yield event
                else:
                    yield self._event(item, started)
        finally:
            if (close := getattr(items, "aclose", None)) is not None:
                await close()

    def _event(self, item: Any, started: float) -> Event:  # noqa: ANN401 - whatever an engine yields
        payload, plain = _encoded(item)
        kind, whose = self._place(plain)
        return Event(kind=kind, lane=whose, payload=payload, at_s=self._clock() - started)


class _Emitted(msgspec.Struct, frozen=True, gc=False):
    """An item with the lane of the context that emitted it."""

    item: Any
    lane: str


def _encoded(item: Any) -> tuple[bytes, Any]:  # noqa: ANN401 - whatever an engine yields
    """Return the item as JSON and as plain values."""
    if type(item) is dict:  # most engines yield dicts
        return _encode(item), item
    if isinstance(item, bytes | str):
        payload = item.encode() if isinstance(item, str) else item
        try:
            return payload, msgspec.json.decode(payload)
        except (msgspec.MsgspecError, ValueError) as error:
            raise TypeError(f"an engine yielded text that is not JSON ({error}); yield an object, such as a dict with a `type`") from None
    if (dump := getattr(item, "model_dump", None)) is not None:
        item = dump(mode="json")
    elif dataclasses.is_dataclass(item) and not isinstance(item, type):
        item = dataclasses.asdict(item)
    payload = _encode(item)
    return payload, item if isinstance(item, Mapping) else msgspec.json.decode(payload)


async def _one(made: Awaitable[Any]) -> AsyncGenerator[Any, None]:
    yield await made


def _feed(items: Iterable[Any], emit: Emit) -> None:
    with contextlib.closing(items) if hasattr(items, "close") else contextlib.nullcontext():  # type: ignore[type-var]  # it has `close`
        for item in items:
            emit(item)


async def _in_task(work: Callable[[Emit], Awaitable[object]]) -> AsyncGenerator[Any, None]:
    """Yield the items that the work emits; the work is awaited, and cancelled if the reader stops reading."""
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[Any]()

    def emit(item: Any) -> None:  # noqa: ANN401 - an item
        loop.call_soon_threadsafe(queue.put_nowait, _Emitted(item, current_lane()))

    async def worked() -> None:
        try:
            await work(emit)
        finally:
            loop.call_soon_threadsafe(queue.put_nowait, _END)

    task = loop.create_task(worked())
    try:
        while (item := await queue.get()) is not _END:
            yield item
        await task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task


class _ReaderGoneError(BaseException):
    """Stops an engine in a thread after its reader stopped reading. An `except Exception` in the engine does not catch it."""


class _OwnThread(Executor):
    """Runs each job in a daemon thread, so that an engine that hangs does not prevent a server from stopping."""

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:  # noqa: ANN401 - as given
        done: Future[Any] = Future()

        def run() -> None:
            try:
                result = function(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - raised again where it is awaited
                done.set_exception(error)
            else:
                done.set_result(result)

        done.set_running_or_notify_cancel()
        threading.Thread(target=run, name="engine", daemon=True).start()
        return done


async def _in_thread(work: Callable[[Emit], object]) -> AsyncGenerator[Any, None]:
    """Yield the items that the work emits in a separate thread. The work waits if it is too far ahead.

    If the reader leaves, the work is stopped at its next item.
    """
    follow_threads()
    loop, queue = asyncio.get_running_loop(), asyncio.Queue[Any]()
    room, gone = threading.Semaphore(_AHEAD), threading.Event()

    def emit(item: Any) -> None:  # noqa: ANN401 - an item
        if not gone.is_set():
            room.acquire()
        if gone.is_set():
            room.release()  # other threads of the engine that wait for room must be woken too
            raise _ReaderGoneError
        loop.call_soon_threadsafe(queue.put_nowait, _Emitted(item, current_lane()))

    def worked() -> None:
        try:
            work(emit)
        except _ReaderGoneError:
            pass
        finally:
            with contextlib.suppress(RuntimeError):  # the loop is closed, so no code waits for the end
                loop.call_soon_threadsafe(queue.put_nowait, _END)

    thread = loop.run_in_executor(_OwnThread(), worked)  # started by the loop, so that virtual time waits for the thread
    try:
        while (item := await queue.get()) is not _END:
            room.release()
            yield item
        await thread
    finally:
        gone.set()
        room.release()
        if thread.done() and not thread.cancelled():
            thread.exception()

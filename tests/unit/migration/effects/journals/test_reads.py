"""Permitted reads: performed in a thread of their own, in real time, and given up in time."""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from migration.effects.journals.reads import Reads
from migration.errors import ReadTimeoutError
from migration.shadow.virtual_time import VirtualTimeLoop

PATIENCE_S = 30.0


@pytest.fixture
def make() -> Iterator[Callable[[float], Reads]]:
    with contextlib.ExitStack() as closing:

        def made(timeout_s: float = PATIENCE_S) -> Reads:
            reads = Reads(timeout_s=timeout_s)
            closing.callback(reads.close)
            return reads

        yield made


async def test_a_read_runs_in_a_thread_of_its_own(make) -> None:
    async def call() -> bytes:
        return threading.current_thread().name.encode()

    assert await make().perform(call) == b"permitted reads"


async def test_what_a_read_raises_passes_through(make) -> None:
    async def call() -> bytes:
        raise TimeoutError("of the tool itself")

    with pytest.raises(TimeoutError, match="of the tool itself"):
        await make().perform(call)


async def test_a_read_that_hangs_is_given_up_and_cancelled(make) -> None:
    cancelled = threading.Event()

    async def call() -> bytes:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return b""

    with pytest.raises(ReadTimeoutError):
        await make(0.01).perform(call)
    assert await asyncio.to_thread(cancelled.wait, PATIENCE_S)


async def test_a_run_that_is_cancelled_cancels_its_read(make) -> None:
    begun, cancelled = threading.Event(), threading.Event()

    async def call() -> bytes:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        return b""

    task = asyncio.create_task(make().perform(call))
    assert await asyncio.to_thread(begun.wait, PATIENCE_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await asyncio.to_thread(cancelled.wait, PATIENCE_S)


async def test_a_read_that_exits_ends_no_other_read(make) -> None:
    reads = make()

    async def leave() -> bytes:
        sys.exit(3)

    async def answer() -> bytes:
        return b"1"

    with pytest.raises(SystemExit):
        await reads.perform(leave)
    assert await reads.perform(answer) == b"1"


def test_virtual_time_does_not_jump_over_a_read(make) -> None:
    reads, fired = make(), []

    async def call() -> bytes:
        for _ in range(100):
            await asyncio.sleep(0)
        return b"1"

    async def run() -> list[str]:
        asyncio.get_running_loop().call_later(3600.0, fired.append, "an hour later")
        await reads.perform(call)
        return list(fired)

    with contextlib.closing(VirtualTimeLoop()) as loop:
        assert loop.drive(run()) == []


async def test_what_reads_have_opened_is_closed_where_it_was_opened() -> None:
    reads, closed = Reads(timeout_s=PATIENCE_S), []

    async def close() -> None:
        closed.append(threading.current_thread().name)

    await asyncio.to_thread(reads.close, close)
    assert closed == ["permitted reads"]

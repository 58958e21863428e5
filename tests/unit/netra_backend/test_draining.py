"""`Drain`: nothing new is taken, runs under way end or are cut, and each ends once."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest

from netra_backend.app.draining import Drain
from netra_backend.app.errors import DrainingError, RunCutError
from netra_backend.app.services.runs.ending import RunEnding


class Run:
    """A run as an execution serves it: two frames, the second one when the test says so."""

    def __init__(self, drain: Drain) -> None:
        self.ending, self.waiting, self.go_on, self.kept = RunEnding(), asyncio.Event(), asyncio.Event(), []
        self.frames = drain.pass_on(self._frames(), self.ending)

    async def _frames(self) -> AsyncGenerator[bytes, None]:
        try:
            yield b"one"
            self.waiting.set()
            await self.go_on.wait()
            yield b"two"
            self.ending.finished()
        except BaseException as error:
            self.ending.broken_off(error)
            raise
        finally:
            await asyncio.sleep(0)
            self.kept.append(self.ending.outcome)

    async def consume(self) -> list[bytes]:
        async with aclosing(self.frames):
            return [frame async for frame in self.frames]


@pytest.fixture
def drain() -> Drain:
    return Drain()


async def test_a_run_under_way_ends_as_ever_while_the_server_drains(drain):
    run = Run(drain)
    task = asyncio.create_task(run.consume())
    await run.waiting.wait()
    drain.begin()
    run.go_on.set()
    assert (await task, run.kept) == ([b"one", b"two"], ["completed"])


async def test_nothing_new_is_let_in(drain):
    drain.admit()
    drain.begin()
    with pytest.raises(DrainingError):
        drain.admit()


async def test_a_run_that_waits_for_its_engine_is_cut_kept_as_cut_and_told(drain):
    run = Run(drain)
    task = asyncio.create_task(run.consume())
    await run.waiting.wait()
    assert drain.cut() == 1
    with pytest.raises(RunCutError):
        await task
    assert run.kept == ["cut"]


async def test_a_run_whose_client_does_not_read_is_cut_with_its_next_frame(drain):
    run = Run(drain)
    async with aclosing(run.frames):
        assert await anext(run.frames) == b"one"
        drain.cut()
        with pytest.raises(RunCutError):
            await anext(run.frames)
    assert run.kept == ["cut"]


async def test_a_run_that_begins_after_the_cut_is_cut(drain):
    drain.cut()
    run = Run(drain)
    with pytest.raises(RunCutError):
        await run.consume()


async def test_a_run_that_had_ended_when_it_was_cut_has_ended_well(drain):
    ending, closing = RunEnding(), asyncio.Event()

    async def frames() -> AsyncGenerator[bytes, None]:
        yield b"one"
        ending.finished()
        closing.set()
        await asyncio.Event().wait()  # it is being written to its store

    passed = drain.pass_on(frames(), ending)

    async def consume() -> list[bytes]:
        return [frame async for frame in passed]

    task = asyncio.create_task(consume())
    await closing.wait()
    drain.cut()
    assert (await task, ending.outcome) == ([b"one"], "completed")


async def test_who_is_cancelled_and_cut_at_once_is_cancelled(drain):
    run = Run(drain)
    task = asyncio.create_task(run.consume())
    await run.waiting.wait()
    task.cancel()
    drain.cut()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


async def test_what_comes_before_a_run_is_cut_too(drain):
    waiting = asyncio.create_task(drain.unless_cut(asyncio.Event().wait()))
    await asyncio.sleep(0)
    assert drain.cut() == 0  # it is not a run
    with pytest.raises(RunCutError):
        await waiting


async def test_who_listens_is_told_of_the_beginning_and_of_the_cut_once_each(drain):
    told = []
    with drain.listening(lambda: told.append((drain.begun, drain.cutting))):
        for _ in range(2):
            drain.begin()
        for _ in range(2):
            drain.cut()
    drain.cut()
    assert told == [(True, False), (True, True)]

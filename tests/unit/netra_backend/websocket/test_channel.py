"""Work that sends frames, as a stream of frames."""

import asyncio
import gc
from contextlib import aclosing

import pytest

from netra_backend.app.websocket.channel import stream
from netra_backend.app.websocket.sender import Sink


async def test_frames_come_out_as_they_go_in() -> None:
    async def work(sink: Sink) -> None:
        for number in range(3):
            assert sink.offer(b"%d" % number)
            await asyncio.sleep(0)

    assert [frame async for frame in stream(work)] == [b"0", b"1", b"2"]


async def test_a_slow_reader_makes_the_work_wait() -> None:
    sent: list[int] = []

    async def work(sink: Sink) -> None:
        for number in range(10):
            while not sink.offer(b"x"):
                await sink.room()
            sent.append(number)

    async with aclosing(stream(work, limit=3)) as frames:
        await anext(frames)
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(sent) == 4  # one read, three waiting
        assert len([frame async for frame in frames]) == 9


async def test_an_exception_comes_after_the_frames() -> None:
    async def work(sink: Sink) -> None:
        sink.offer(b"last words")
        raise KeyError("work")

    frames = stream(work)
    assert await anext(frames) == b"last words"
    with pytest.raises(KeyError):
        await anext(frames)


async def test_closing_cancels_the_work_and_waits_for_it() -> None:
    ended: list[str] = []

    async def work(sink: Sink) -> None:
        sink.offer(b"x")
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            sink.offer(b"into the void")
            ended.append("work")

    frames = stream(work)
    await anext(frames)
    await frames.aclose()
    assert ended == ["work"]


@pytest.mark.parametrize("fails", ["at once", "when cancelled"])
async def test_a_failure_that_nobody_reads_is_logged_without_its_message(fails: str, caplog: pytest.LogCaptureFixture) -> None:
    async def work(sink: Sink) -> None:
        sink.offer(b"x")
        sink.offer(b"y")
        try:
            if fails == "when cancelled":
                await asyncio.Event().wait()
        finally:
            raise KeyError("a secret of ann")

    frames = stream(work)
    await anext(frames)
    await frames.aclose()
    gc.collect()
    assert [record.__dict__["error_type"] for record in caplog.records] == ["KeyError"]
    assert "a secret of ann" not in caplog.text

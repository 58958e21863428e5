"""Turns work that sends frames into a stream of frames, with a bounded channel in between."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from typing import Any

from netra_backend.app.websocket.sender import Sink

logger = logging.getLogger(__name__)

FRAMES_IN_FLIGHT = 256


class FrameChannel:
    """A bounded queue of frames with one reader. Implements `Sink`."""

    def __init__(self, limit: int = FRAMES_IN_FLIGHT) -> None:
        self._frames: deque[bytes] = deque()
        self._limit = limit
        self._closed = False
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()

    def offer(self, frame: bytes, /) -> bool:
        """Queue the frame, unless the reader is `limit` frames behind. After `close`, frames are accepted and dropped."""
        if self._closed:
            return True
        if len(self._frames) >= self._limit:
            return False
        self._frames.append(frame)
        self._readable.set()
        return True

    async def room(self) -> None:
        """Wait until the reader has taken a frame, or the channel is closed."""
        self._writable.clear()
        await self._writable.wait()

    async def next(self) -> bytes | None:
        """Return the next frame, or None when the channel is closed and empty."""
        while not self._frames:
            if self._closed:
                return None
            self._readable.clear()
            await self._readable.wait()
        frame = self._frames.popleft()
        self._writable.set()
        return frame

    def close(self, _task: object = None) -> None:
        """Queue no more frames; the queued ones can still be read."""
        self._closed = True
        self._readable.set()
        self._writable.set()


async def stream(work: Callable[[Sink], Coroutine[Any, Any, object]], limit: int = FRAMES_IN_FLIGHT) -> AsyncGenerator[bytes, None]:
    """Run `work` in a separate task, and yield each frame as soon as it is sent.

    The task starts with the first `__anext__` and inherits its context variables. Closing the generator cancels the task and waits for it.
    An exception of the task is raised after the last frame.

    Args:
        work: gets the sink to send frames to.
        limit: frames that may wait for the reader; at the limit the work waits.
    """
    channel = FrameChannel(limit)
    task = asyncio.create_task(work(channel))
    task.add_done_callback(channel.close)
    drained = False
    try:
        while (frame := await channel.next()) is not None:
            yield frame
        drained = True
        await task
    finally:
        channel.close()
        if not task.done():
            task.cancel()
            await asyncio.wait({task})
        if not drained and not task.cancelled() and (error := task.exception()) is not None:
            logger.warning("the work of a closed stream failed", extra={"error_type": type(error).__name__})

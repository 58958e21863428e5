"""Performs the reads that the miss policy permits: in a separate thread, on a loop in real time, each for a bounded time.

A shadow's own thread stays sealed, and its loop may be in virtual time. A database connection works neither in this thread nor on this
loop.
"""

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from migration.errors import ReadTimeoutError


class Reads:
    """The thread in which reads are performed. It is made before the process is sealed, so that `Guard` trusts it.

    Args:
        timeout_s: seconds of real time that one read may take.
    """

    def __init__(self, *, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._loop = asyncio.new_event_loop()
        self._closing = False
        self._stuck = False
        self._thread = threading.Thread(target=self._serve, name="permitted reads", daemon=True)
        self._thread.start()

    def stuck(self) -> bool:
        """Return whether a read blocks the thread: no later one will be answered, so the process should be replaced."""
        return self._stuck

    async def perform(self, call: Callable[[], Awaitable[bytes]], /) -> bytes:
        """Return what `call` returns. Its exceptions pass through.

        If the caller is cancelled or the call takes too long, the call is cancelled in the thread too.

        Raises:
            ReadTimeoutError: there was no answer in time.
            TimeoutError: `call` raised it.
        """
        reading = asyncio.run_coroutine_threadsafe(_called(call), self._loop)
        try:
            # A waiting thread keeps virtual time from skipping over the read.
            return await asyncio.get_running_loop().run_in_executor(None, reading.result, self._timeout_s)
        except TimeoutError:
            if reading.done() and isinstance(reading.exception(), TimeoutError):
                raise
            await self._look_whether_stuck()
            raise ReadTimeoutError(self._timeout_s) from None
        finally:
            reading.cancel()

    async def _look_whether_stuck(self) -> None:
        alive = threading.Event()
        self._loop.call_soon_threadsafe(alive.set)
        self._stuck = not await asyncio.get_running_loop().run_in_executor(None, alive.wait, self._timeout_s)

    def close(self, closing: Callable[[], Coroutine[Any, Any, None]] | None = None) -> None:
        """End the thread.

        Args:
            closing: called in the thread first, and awaited, to close connections that reads have opened; its failure is ignored. None:
                nothing is open.
        """
        if closing is not None:
            with contextlib.suppress(Exception):
                asyncio.run_coroutine_threadsafe(closing(), self._loop).result(self._timeout_s)
        self._closing = True
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(self._timeout_s)
        if not self._thread.is_alive():
            self._loop.close()

    def _serve(self) -> None:
        asyncio.set_event_loop(self._loop)
        while not self._closing:
            # A tool that raises `SystemExit` ends a loop, but must not end the reads of later runs.
            with contextlib.suppress(SystemExit, KeyboardInterrupt):
                self._loop.run_forever()


async def _called(call: Callable[[], Awaitable[bytes]]) -> bytes:
    return await call()

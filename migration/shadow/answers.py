"""The worker's end of the pipe on which it answers. Several threads write to it, and each frame is written whole."""

import contextlib
import os
import threading

import msgspec

from migration.shadow.frames import frame


class AnswerWriter:
    """Writes frames to the parent, one at a time.

    Args:
        descriptor: the pipe.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._lock = threading.Lock()
        self._whole = True  #: whether the last frame was written completely: no frame may follow one that a signal interrupted

    def say(self, *bodies: bytes) -> None:
        """Write frames; after an incomplete frame nothing more is written.

        Raises:
            BrokenPipeError: the parent is gone.
        """
        with self._lock:
            if not self._whole:
                return
            self._whole, rest = False, memoryview(b"".join(map(frame, bodies)))
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
            self._whole = True

    def lost(self, reason: str, number: int) -> None:
        """Report how many spans did not reach the collector, and why. Never raises: if the parent is gone, the number is lost."""
        with contextlib.suppress(OSError):
            self.say(msgspec.msgpack.encode({reason: number}))

"""Frames on a pipe: four bytes of length, big-endian, then the body. The parent's side never blocks; the worker's side does."""

import os
import struct
from collections import deque
from collections.abc import Iterator
from typing import Final

_LENGTH: Final = struct.Struct(">I")
_READ_BYTES: Final = 2**18
#: The longest possible frame: a larger length means that the two sides no longer agree where a frame begins.
MAX_FRAME_BYTES: Final = 2**28


class FrameError(Exception):
    """The stream of frames is damaged: it ends inside a frame, or claims an impossible length."""


def frame(body: bytes) -> bytes:
    """Return the body with its length before it."""
    return _LENGTH.pack(len(body)) + body


class FrameAssembler:
    """Puts frames together from the pieces that non-blocking reads return."""

    __slots__ = ("_pieces",)

    def __init__(self) -> None:
        self._pieces = bytearray()

    @property
    def pending(self) -> bool:
        """Whether a part of a frame has arrived."""
        return bool(self._pieces)

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield the frames that are complete now.

        Raises:
            FrameError: a length is impossible.
        """
        self._pieces += piece
        while len(self._pieces) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._pieces)
            _check(length)
            end = _LENGTH.size + length
            if len(self._pieces) < end:
                return
            body = bytes(self._pieces[_LENGTH.size : end])
            del self._pieces[:end]
            yield body


class FramePipe:
    """Reads frames from a pipe, as many at a time as have arrived.

    Args:
        descriptor: the pipe's end; it blocks.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._frames = FrameAssembler()
        self._whole: deque[bytes] = deque()

    def close(self) -> None:
        """Close the pipe's end."""
        os.close(self._descriptor)

    def some(self, most: int) -> list[bytes]:
        """Wait for the next frame, and return it with all others that have arrived. An empty list: the other side closed the pipe.

        Raises:
            FrameError: the pipe ended inside a frame, or a length is impossible.
        """
        while not self._whole:
            piece = os.read(self._descriptor, _READ_BYTES)
            if not piece:
                if self._frames.pending:
                    raise FrameError("the pipe ended inside a frame")
                return []
            self._whole.extend(self._frames.feed(piece))
        return [self._whole.popleft() for _ in range(min(most, len(self._whole)))]


def _check(length: int) -> None:
    if length > MAX_FRAME_BYTES:
        raise FrameError(f"a frame claims {length} bytes; at most {MAX_FRAME_BYTES} are sent")

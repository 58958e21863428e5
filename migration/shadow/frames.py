"""Frames on a pipe: four bytes of length, big-endian, then the body. The parent's side never blocks; the worker's side does."""

import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

_LENGTH: Final = struct.Struct(">I")
#: No frame is longer: a length beyond it means that the two sides have lost each other.
MAX_FRAME_BYTES: Final = 2**28


class FrameError(Exception):
    """The stream of frames is damaged: it ends inside a frame, or claims an impossible length."""


def frame(body: bytes) -> bytes:
    """Return the body with its length before it."""
    return _LENGTH.pack(len(body)) + body


def read_frame(stream: BinaryIO) -> bytes | None:
    """Wait for the next frame. None: the other side closed the pipe between two frames.

    Raises:
        FrameError: the pipe ended inside a frame, or the length is impossible.
    """
    head = stream.read(_LENGTH.size)
    if not head:
        return None
    if len(head) < _LENGTH.size:
        raise FrameError("the pipe ended inside a length")
    (length,) = _LENGTH.unpack(head)
    _check(length)
    body = stream.read(length)
    if len(body) < length:
        raise FrameError("the pipe ended inside a frame")
    return body


class FrameAssembler:
    """Puts frames together from whatever pieces a non-blocking read returns."""

    __slots__ = ("_pieces",)

    def __init__(self) -> None:
        self._pieces = bytearray()

    def feed(self, piece: bytes) -> Iterator[bytes]:
        """Yield the frames that are whole by now.

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


def _check(length: int) -> None:
    if length > MAX_FRAME_BYTES:
        raise FrameError(f"a frame claims {length} bytes; at most {MAX_FRAME_BYTES} are sent")

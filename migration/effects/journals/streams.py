"""Streamed replies: how a journal stores them, so that a replay gives the same pieces at the same times."""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

StreamEnd = Literal["done", "left", "failed"]
"""done: the source reached its end; left: the reader left, or the run ended, before this end; failed: the source raised."""


class StreamReply(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The reply of an effect that was streamed, as JSON in `Effect.reply`."""

    stream: tuple[tuple[float, msgspec.Raw], ...]  #: seconds since the request, and the piece, any JSON
    ended: StreamEnd


_decoder: Final = msgspec.json.Decoder(StreamReply)
_encode: Final = msgspec.json.encode


def encode_stream(chunks: Sequence[tuple[float, bytes]], ended: StreamEnd) -> bytes:
    """Return the reply that contains these pieces."""
    return _encode(StreamReply(stream=tuple([(round(at_s, 6), msgspec.Raw(chunk)) for at_s, chunk in chunks]), ended=ended))


def decode_stream(reply: bytes | None) -> StreamReply | None:
    """Return the pieces of a reply; None: it was not streamed."""
    if reply is None or not reply.startswith(b'{"stream":'):
        return None
    try:
        return _decoder.decode(reply)
    except msgspec.MsgspecError:
        return None

"""Ports for what an engine reads from its environment: the time, new ids, random numbers, and waiting. Outside a run they work as usual."""

import asyncio
import random
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeVar

import msgspec

from migration.effects.ports import perform, perform_now
from migration.model import EffectKind

_T = TypeVar("_T")
_encode: Final = msgspec.json.encode
_SEED_BITS: Final = 53  #: the largest integer that a JSON number keeps exactly


def now(*, lane: str | None = None) -> datetime:
    """Return the time, in UTC; in a replay, the recorded one.

    Raises:
        EffectMissingError: replaying, and the journal does not contain this reading.
    """
    return _read("clock", "now", lambda: datetime.now(UTC), datetime, lane)


def unix_time(*, lane: str | None = None) -> float:
    """Return Unix seconds, like `time.time`; in a replay, the recorded ones. Raises the same errors as `now`."""
    return _read("clock", "unix_time", time.time, float, lane)


def uuid4(purpose: str = "uuid", *, lane: str | None = None) -> uuid.UUID:
    """Return a new random UUID; in a replay, the recorded one. Raises the same errors as `now`.

    Args:
        purpose: what it is for; it becomes the effect's name.
        lane: the lane that asks; None: the lane of the context.
    """
    return _read("id", purpose, uuid.uuid4, uuid.UUID, lane)


def randomness(purpose: str = "random", *, lane: str | None = None) -> random.Random:
    """Return a generator of pseudo-random numbers with a new seed; in a replay, with the recorded one, so that it returns the same numbers.

    Raises:
        EffectMissingError: replaying, and the journal does not contain this seed.
    """
    return random.Random(_read("id", purpose, lambda: random.SystemRandom().getrandbits(_SEED_BITS), int, lane))  # noqa: S311 - it must be repeatable


async def sleep(delay_s: float, *, lane: str | None = None) -> None:
    """Wait, like `asyncio.sleep`, and record the wait, so that it does not count as the engine's own time.

    `asyncio.sleep` itself needs no port: replays run in virtual time, where waiting takes none.

    Raises:
        EffectMissingError: replaying, and the journal does not contain this wait.
    """

    async def wait() -> bytes:
        await asyncio.sleep(delay_s)
        return b"null"

    await perform("clock", "sleep", lane=lane, request=_encode({"delay_s": delay_s}), call=wait)


def _read(kind: EffectKind, name: str, read: Callable[[], _T], type_: type[_T], lane: str | None) -> _T:
    return msgspec.json.decode(perform_now(kind, name, lane=lane, request=b"{}", call=lambda: _encode(read())), type=type_)

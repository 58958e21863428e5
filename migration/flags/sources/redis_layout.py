"""LaunchDarkly's own layout in Redis: a hash of flags, a hash of segments, and a mark that both were written; and our own channel. The same
keys are used by LaunchDarkly's SDKs and its Relay Proxy: `<prefix>:features`, `<prefix>:segments`, `<prefix>:$inited`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from migration.errors import FlagSourceError
from migration.extras import extra
from migration.flags.meaning.data import FlagData, FlagProblem, Kind, check_items

with extra("redis"):
    import redis
    from redis.backoff import NoBackoff
    from redis.exceptions import (
        AuthenticationError,
        BusyLoadingError,
        NoPermissionError,
        ReadOnlyError,
        RedisError,
        ResponseError,
        WatchError,
    )
    from redis.exceptions import TimeoutError as RedisTimeoutError
    from redis.retry import Retry

__all__ = [
    "ANSWER_S",
    "CONNECT_S",
    "RawFlags",
    "RedisError",
    "RedisLayout",
    "WatchError",
    "connect",
    "name",
    "parse",
    "redis_trouble",
]
CONNECT_S: Final = 2.0
ANSWER_S: Final = 2.0
Hash = Mapping[bytes, bytes]
_DENIED: Final = "it refuses the user or password; check NETRA_MIGRATION_REDIS_URL"
_FORBIDDEN: Final = "its user may not do this; docs/migration/operations.md lists the commands and keys that it needs"
_TROUBLES: Final[tuple[tuple[type[Exception], str, str], ...]] = (
    (AuthenticationError, "", _DENIED),
    (RedisError, "noauth", _DENIED),
    (RedisError, "wrongpass", _DENIED),
    (NoPermissionError, "", _FORBIDDEN),
    (RedisError, "noperm", _FORBIDDEN),
    (BusyLoadingError, "", "it is still loading its data"),
    (ReadOnlyError, "", "it is a replica that accepts no writes; name the primary in NETRA_MIGRATION_REDIS_URL"),
    (ResponseError, "wrongtype", "something else is stored under that prefix; check NETRA_MIGRATION_REDIS_PREFIX"),
    (ResponseError, "", "it refuses the command"),
    (RedisTimeoutError, "", "it does not answer in time"),
    (RedisError, "refused", "the connection is refused; is it running, and is the port right?"),
    (RedisError, "certificate", "its TLS certificate cannot be verified; check NETRA_MIGRATION_REDIS_URL"),
    (RedisError, "", "the connection is lost"),
    (OSError, "", "the connection is lost"),
)
"""The type of the exception, a part of its text (in lower case), and what that means; the first match counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RawFlags:
    """The content of Redis at one moment."""

    features: Hash
    segments: Hash
    written: bool  #: whether a full state was written


@dataclass(frozen=True, slots=True, kw_only=True)
class RedisLayout:
    """The names of keys with one prefix."""

    prefix: str

    @property
    def features(self) -> str:
        """Hash of flag key -> LaunchDarkly's JSON."""
        return f"{self.prefix}:features"

    @property
    def segments(self) -> str:
        """Hash of segment key -> LaunchDarkly's JSON."""
        return f"{self.prefix}:segments"

    @property
    def inited(self) -> str:
        """A key that exists after a full state was written."""
        return f"{self.prefix}:$inited"

    @property
    def channel(self) -> str:
        """The channel on which our editor announces a write. The message is the flag's key; readers then read all flags."""
        return f"{self.prefix}:changed"

    def read(self, client: "redis.Redis") -> RawFlags:
        """Return the content, read in one transaction. Raises redis's errors."""
        with client.pipeline(transaction=True) as asked:
            asked.hgetall(self.features)
            asked.hgetall(self.segments)
            asked.exists(self.inited)
            features, segments, written = asked.execute()
        return RawFlags(features=features, segments=segments, written=bool(written))


def connect(url: str) -> "redis.Redis":
    """Return a client that never retries, because the first try of a write may have succeeded.

    Raises:
        FlagSourceError: the address is invalid.
    """
    try:
        client: redis.Redis = redis.Redis.from_url(
            url, socket_timeout=ANSWER_S, socket_connect_timeout=CONNECT_S, retry=Retry(NoBackoff(), 0), health_check_interval=0
        )
    except ValueError:
        raise FlagSourceError("NETRA_MIGRATION_REDIS_URL is not the address of a Redis; write redis://HOST:PORT/NUMBER") from None
    return client


def parse(raw: RawFlags) -> tuple[FlagData, tuple[FlagProblem, ...]]:
    """Return the valid flags and segments, and the problems of the others."""
    problems: list[FlagProblem] = []
    flags, segments = _items("flag", raw.features, problems), _items("segment", raw.segments, problems)
    data, others = check_items(flags, segments)
    return data, (*problems, *others)


def name(url: str, prefix: str) -> str:
    """Return the source's name, without user and password."""
    parts = urlsplit(url)
    where = parts.path if parts.scheme == "unix" else f"{parts.hostname or '127.0.0.1'}:{parts.port or 6379}"
    return f"redis:{where}/{prefix}"


def redis_trouble(error: Exception) -> str:
    """Return what is wrong, as a sentence for operators. Texts of libraries are interpreted and not passed on: they may contain secrets."""
    text = str(error).lower()
    for kind, sign, meaning in _TROUBLES:
        if isinstance(error, kind) and sign in text:
            return meaning
    return f"it cannot be followed ({type(error).__name__})"


def _items(kind: Kind, raw: Hash, problems: list[FlagProblem]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field, text in raw.items():
        key = field.decode(errors="replace")
        try:
            found[key] = json.loads(text)
        except (ValueError, RecursionError):
            what = "is not JSON, or only half of it; write it again, or restore it"
            problems.append(FlagProblem(kind=kind, key=key, place="", what=what))
    return found

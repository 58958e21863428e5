"""Edits flags in Redis by an optimistic transaction.

Of two concurrent edits one succeeds, and readers are notified by pub/sub in the same step.
"""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from migration.errors import EditConflictError, FlagSourceError
from migration.flags.editors.editor import FlagRead, what_changed
from migration.flags.editors.splice import spliced
from migration.flags.meaning.data import KILL_SWITCH
from migration.flags.sources.redis_layout import RawFlags, RedisError, RedisLayout, WatchError, connect, name, parse, redis_trouble

if TYPE_CHECKING:
    import redis

_TRIES: Final = 100


class RedisEditor:
    """The editor of the flags whose keys have one prefix.

    Args:
        url: e.g. "redis://127.0.0.1:6379/0".
        prefix: the prefix of the keys.
    """

    def __init__(self, url: str, prefix: str) -> None:
        self.name = name(url, prefix)
        self._url, self._layout = url, RedisLayout(prefix=prefix)

    def read(self) -> FlagRead:
        """Return the flags under the prefix; there are none before the first write.

        Raises:
            FlagSourceError: Redis cannot be read.
        """
        try:
            with connect(self._url) as client:
                return _found(self._layout.read(client))
        except (RedisError, OSError) as error:
            raise FlagSourceError(f"{self.name}: {redis_trouble(error)}") from None

    def write(self, read: FlagRead, key: str, flag: Mapping[str, Any], *, comment: str) -> FlagRead:  # noqa: ARG002 - Redis stores none
        """Write the flag, if all flags are unchanged since they were read. See `FlagEditor`. For the kill switch only its own flag is
        checked, because it depends on no other flag.

        Raises:
            EditConflictError: a flag was edited after the flags were read.
            FlagSourceError: Redis cannot be reached, or the flag was edited again immediately after.
        """
        try:
            with connect(self._url) as client:
                text = self._transact(client, read, key, flag)
        except (RedisError, OSError) as error:
            return self._look_after(key, flag, redis_trouble(error))
        found = self.read()
        if isinstance(found.token, RawFlags) and found.token.features.get(key.encode()) != text:
            raise FlagSourceError(f"{self.name}: the edit of {key} was accepted, and another edit was made right after it; check the flag")
        return found

    def _transact(self, client: "redis.Redis", read: FlagRead, key: str, flag: Mapping[str, Any]) -> bytes:
        """Write in one step, unless a flag changed; return the flag's text. Raises EditConflictError and redis's errors."""
        layout, known = self._layout, read.token
        if not isinstance(known, RawFlags):
            raise TypeError("the read of another editor")
        for _ in range(_TRIES):
            with client.pipeline() as pipe:
                watched: Any = pipe  # redis-py's types describe a pipeline that does not watch keys
                watched.watch(layout.features, layout.segments, layout.inited)
                features, segments = watched.hgetall(layout.features), watched.hgetall(layout.segments)
                now = RawFlags(features=features, segments=segments, written=bool(watched.exists(layout.inited)))
                old = now.features.get(key.encode())
                same = old == known.features.get(key.encode()) if key == KILL_SWITCH else now == known
                if not same:
                    raise EditConflictError(self.name, what_changed(read.data, parse(now)[0]))
                text = _text(old, flag)
                pipe.multi()
                pipe.hset(layout.features, key, text)
                pipe.set(layout.inited, layout.inited)
                pipe.publish(layout.channel, key)
                try:
                    pipe.execute()
                except WatchError:
                    continue
                return text
        raise EditConflictError(self.name, ("flags are being edited without a pause",))

    def _look_after(self, key: str, flag: Mapping[str, Any], trouble: str) -> FlagRead:
        """Find out the result of an edit whose answer was lost."""
        try:
            found = self.read()
        except FlagSourceError:
            raise FlagSourceError(
                f"{self.name}: {trouble}; it is not known whether the edit of {key} was accepted; check with `stage show`"
            ) from None
        if found.data.flags.get(key) != dict(flag):
            raise FlagSourceError(f"{self.name}: {trouble}; nothing was changed")
        return found


def _found(raw: RawFlags) -> FlagRead:
    data, problems = parse(raw)
    return FlagRead(data=data, token=raw, raw=None, problems=problems)


def _text(old: bytes | None, flag: Mapping[str, Any]) -> bytes:
    """Return the flag's JSON; parts outside the edit keep their text."""
    try:
        sound = old is not None and isinstance(json.loads(old), dict)
    except (ValueError, RecursionError):
        sound = False
    return spliced(old.decode(), flag).encode() if old is not None and sound else json.dumps(flag, ensure_ascii=False).encode()

"""Follows flags in Redis by pub/sub notifications and by a poll. All flags are read each time, also after every reconnect."""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ldclient import Config
from ldclient.interfaces import UpdateProcessor

from migration.flags.intake.intake import FlagIntake
from migration.flags.sources.redis_layout import ANSWER_S, CONNECT_S, RawFlags, RedisLayout, connect, name, parse, redis_trouble

if TYPE_CHECKING:
    import redis

logger = logging.getLogger(__name__)
_POLL_S: Final = 0.5
_FIRST_WAIT_S: Final = 0.1
_LONGEST_WAIT_S: Final = 2.0
_SILENCE_S: Final = CONNECT_S + ANSWER_S
_SILENT_S: Final = 10.0
_MOST_MESSAGES: Final = 1_000


class RedisSource:
    """LaunchDarkly's flags in a Redis.

    Args:
        url: e.g. "redis://127.0.0.1:6379/0".
        prefix: the prefix of the keys; LaunchDarkly's own default is "launchdarkly".
        poll_s: seconds between two reads without any notification. Writers other than our editor send no notification, unless Redis has
            keyspace notifications enabled.
    """

    def __init__(self, url: str, prefix: str, *, poll_s: float = _POLL_S) -> None:
        self.name = name(url, prefix)
        self._url, self._layout, self._poll_s = url, RedisLayout(prefix=prefix), poll_s

    def options(self, _on_loss: Callable[[str], None] | None = None, /) -> Mapping[str, Any]:
        """Return options without a connection: flags in Redis need no LaunchDarkly, and no events are sent."""
        return {"sdk_key": "sdk-key-not-needed-for-redis", "send_events": False}

    def processor(self, _config: Config, intake: FlagIntake, ready: threading.Event, /) -> UpdateProcessor:
        """Return the object that the SDK starts and stops."""
        intake.silence_s = _SILENT_S
        return RedisProcessor(self._url, self._layout, intake, ready, poll_s=self._poll_s)


class RedisProcessor(UpdateProcessor):
    """Reads in one thread.

    Another thread closes the connection if the first one hangs, since redis-py's reads can last longer than their time-outs.
    """

    def __init__(
        self,
        url: str,
        layout: RedisLayout,
        intake: FlagIntake,
        ready: threading.Event,
        *,
        poll_s: float = _POLL_S,
        silence_s: float = _SILENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url, self._layout, self._intake, self._ready = url, layout, intake, ready
        self._poll_s, self._silence_s, self._clock = poll_s, poll_s + silence_s, clock
        self._stop = threading.Event()
        self._seen: RawFlags | None = None
        self._answered = clock()
        self._client: redis.Redis | None = None

    def start(self) -> None:
        """Connect and follow the flags. Called by the SDK."""
        threading.Thread(target=self._follow, name="migration-flags-redis", daemon=True).start()
        threading.Thread(target=self._watch, name="migration-flags-redis-watch", daemon=True).start()

    def stop(self) -> None:
        """Stop following. Called by the SDK."""
        self._stop.set()
        self._cut()

    def initialized(self) -> bool:
        """Whether any flags are known. Called by the SDK."""
        return self._intake.taken or self._intake.from_snapshot

    def _follow(self) -> None:
        wait_s = _FIRST_WAIT_S
        while not self._stop.is_set():
            began = self._answered
            try:
                self._follow_one_connection()
            except Exception as error:  # noqa: BLE001 - whatever ended this connection, the next one reads everything again
                if self._stop.is_set():
                    break
                self._intake.down(redis_trouble(error))
            self._ready.set()
            wait_s = _FIRST_WAIT_S if self._answered != began else min(wait_s * 2, _LONGEST_WAIT_S)
            self._stop.wait(wait_s)

    def _follow_one_connection(self) -> None:
        """Read immediately, since flags may have changed; then after each notification and each `poll_s`. Ends only by an error."""
        with connect(self._url) as client:
            self._client = client
            database = client.connection_pool.connection_kwargs.get("db", 0)
            with client.pubsub(ignore_subscribe_messages=True) as announced:
                keys = (self._layout.features, self._layout.segments, self._layout.inited)
                announced.subscribe(self._layout.channel, *(f"__keyspace@{database}__:{key}" for key in keys))
                while not self._stop.is_set():
                    self._look(client)
                    self._ready.set()
                    self._wait(announced)

    def _wait(self, announced: "redis.client.PubSub") -> None:
        """Wait for a notification, at most `poll_s`; several notifications together count as one."""
        until = self._clock() + self._poll_s
        while (left := until - self._clock()) > 0:
            if announced.get_message(timeout=left) is not None:
                break
        for _ in range(_MOST_MESSAGES):
            if announced.get_message(timeout=0) is None:
                break

    def _look(self, client: "redis.Redis") -> None:
        raw = self._layout.read(client)
        self._answered = self._clock()
        if not raw.written:
            self._seen = None
            self._intake.down(
                f"`{self._layout.inited}` does not exist: nobody has written flags under this prefix, or a writer has not finished; "
                "check NETRA_MIGRATION_REDIS_PREFIX"
            )
        elif raw == self._seen:
            self._intake.good()
        else:
            self._intake.take(*parse(raw))
            self._seen = raw

    def _watch(self) -> None:
        """Report if Redis does not answer, and end a read that hangs."""
        while not self._stop.wait(self._poll_s / 2):
            if self._clock() - self._answered > self._silence_s:
                self._intake.down("it does not answer in time")
                self._cut()
                self._stop.wait(self._silence_s)

    def _cut(self) -> None:
        client = self._client
        if client is not None:
            try:
                client.connection_pool.disconnect(inuse_connections=True)
            except Exception:
                logger.debug("flags: closing the connection to Redis failed", exc_info=True)

"""LaunchDarkly over the network (hosted, a Relay Proxy or a separate instance): the SDK's stream, and a separate path for the kill
switch.
"""

import copy
import hashlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import urllib3
from ldclient import Config
from ldclient.config import HTTPConfig
from ldclient.impl.datasource.feature_requester import FeatureRequesterImpl
from ldclient.impl.datasource.polling import PollingUpdateProcessor
from ldclient.interfaces import DataSourceErrorInfo, DataSourceState, DataSourceUpdateSink, FeatureStore, UpdateProcessor
from ldclient.versioned_data_kind import FEATURES, VersionedDataKind

from migration.flags.intake.intake import FlagIntake
from migration.flags.meaning.data import KILL_SWITCH
from migration.flags.sources.asking import close
from migration.flags.sources.delivery import PatientEventProcessor, say_loss
from migration.flags.sources.kill_path import KillPath, Look
from migration.flags.sources.prompt import PromptStream
from migration.flags.sources.trouble import LATE, sdk_trouble
from migration.settings import MigrationSettings

_KILL_POLL_S: Final = 0.5
_RESTART_S: Final = 2.0
_LONGEST_RESTART_S: Final = 300.0
_SILENT_S: Final = 10.0  #: longer than any request
_OUTAGE_LOOKS: Final = 4
"""Number of consecutive requests without an answer after which a silent stream may be a dead connection."""
_OLDER_LOOKS: Final = 10
"""A cache in between may be out of date for a few requests."""


class HostedSource:
    """LaunchDarkly over the network.

    Args:
        settings: SDK key, addresses, authorities.
        kill_poll_s: seconds between two requests for the kill switch.
        restart_s: seconds after which a broken stream is restarted if LaunchDarkly answers on the other path; until then the SDK reconnects
            by itself. Doubled each time.
    """

    def __init__(self, settings: MigrationSettings, *, kill_poll_s: float = _KILL_POLL_S, restart_s: float = _RESTART_S) -> None:
        self._settings, self._kill_poll_s, self._restart_s = settings, kill_poll_s, restart_s
        self._key = settings.launchdarkly_sdk_key.reveal().strip()

    @property
    def name(self) -> str:
        """The source of the flags: "launchdarkly:", the address, and six digits that identify the SDK key, and so the environment."""
        settings = self._settings
        address = settings.launchdarkly_stream_uri if settings.launchdarkly_stream else settings.launchdarkly_base_uri
        return f"launchdarkly:{address}#{hashlib.sha256(self._key.encode()).hexdigest()[:6]}"

    def options(self, on_loss: Callable[[str], None] | None = None, /) -> Mapping[str, Any]:
        """Return key, addresses and authorities, the tenant's private attributes, and the delivery of events."""
        settings = self._settings
        ca_file = settings.launchdarkly_ca_file
        return {
            "sdk_key": self._key,
            "base_uri": settings.launchdarkly_base_uri,
            "stream_uri": settings.launchdarkly_stream_uri,
            "events_uri": settings.launchdarkly_events_uri,
            "http": HTTPConfig(ca_certs=None if ca_file is None else str(ca_file)),
            "send_events": True,
            "event_processor_class": lambda config: PatientEventProcessor(config, on_loss or say_loss),
        }

    def processor(self, config: Config, intake: FlagIntake, ready: threading.Event, /) -> UpdateProcessor:
        """Return the object that the SDK starts and stops. `ready` is set after the first attempt, so that a wrong key does not use up the
        wait.
        """
        intake.silence_s = _SILENT_S
        return HostedProcessor(
            config, intake, ready, stream=self._settings.launchdarkly_stream, kill_poll_s=self._kill_poll_s, restart_s=self._restart_s
        )


class HostedProcessor(UpdateProcessor):
    """Combines the SDK's own processor, the kill switch's path, and the state of both.

    The SDK reconnects by itself, but waits for minutes after some answers, and cannot detect a connection that died silently. While the
    kill switch's path shows that LaunchDarkly can be reached, a stream that stays broken is restarted.
    """

    def __init__(
        self,
        config: Config,
        intake: FlagIntake,
        ready: threading.Event,
        *,
        stream: bool = True,
        kill_poll_s: float = _KILL_POLL_S,
        restart_s: float = _RESTART_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._config, self._intake, self._ready, self._clock = config, intake, ready, clock
        self._streaming, self._restart_s = stream, restart_s
        self._lock = threading.Lock()
        self._stopped = False
        self._heard = False  #: whether the stream has sent anything yet
        self._stream_trouble: str | None = LATE
        self._kill_trouble: str | None = None
        self._kill_seen = False  #: whether the kill switch's own path ever worked
        self._unanswered = 0  #: consecutive requests without an answer
        self._older = 0  #: consecutive requests that found an older kill switch than the current one
        self._wait_s = restart_s
        self._next_restart = clock() + restart_s
        self._stream: UpdateProcessor | None = None
        self._kill_path = KillPath(config, KILL_SWITCH, poll_s=kill_poll_s, seen=self._kill_switch)

    def start(self) -> None:
        """Connect. Called by the SDK."""
        self._start_stream()
        self._kill_path.start()

    def stop(self) -> None:
        """Disconnect. Called by the SDK."""
        with self._lock:
            self._stopped, stream = True, self._stream
        self._kill_path.stop()
        if stream is not None:
            stream.stop()  # type: ignore[no-untyped-call]  # the SDK leaves it without types

    def initialized(self) -> bool:
        """Whether any flags are known. Called by the SDK."""
        return self._intake.taken or self._intake.from_snapshot

    def stream_status(self, state: DataSourceState, error: DataSourceErrorInfo | None) -> None:
        """Record the state of the SDK's stream (or poll)."""
        if state is DataSourceState.OFF:
            return
        self._heard = True
        if state is DataSourceState.VALID:
            self._stream_trouble, self._wait_s = None, self._restart_s
        else:
            if self._stream_trouble is None:
                self._next_restart = self._clock() + self._wait_s
            self._stream_trouble = sdk_trouble(error)
        self._settle()
        self._ready.set()

    def _kill_switch(self, look: Look) -> None:
        """Use the result of the kill switch's own path."""
        known = self._intake.data.live(KILL_SWITCH)
        trouble = look.trouble
        if look.flag is not None and self.initialized():
            self._intake.upsert(FEATURES, look.flag)
            older = known is not None and look.flag["version"] < known["version"]
            self._older = self._older + 1 if older else 0
            if self._older >= _OLDER_LOOKS:
                trouble = f"it has version {look.flag['version']}, older than the one in use"
        elif look.flag is None and trouble is None and known is not None:
            trouble = "it finds no such flag (404)"
        self._kill_seen = self._kill_seen or trouble is None
        self._kill_trouble = trouble
        self._settle()
        outage, self._unanswered = self._unanswered, 0 if look.answered else self._unanswered + 1
        if look.trouble is None:
            self._restart_stream(at_once=outage >= _OUTAGE_LOOKS and self._stream_trouble is None)

    def _settle(self) -> None:
        """Report one state for both paths: good only if both paths work."""
        waiting = not self._heard and self._clock() < self._next_restart
        if self._stopped or waiting:
            return
        stream, kill = self._stream_trouble, self._kill_trouble
        what = "the stream" if self._streaming else "the poll"
        if stream is None and kill is None:
            self._intake.good()
        elif stream == kill:
            self._intake.down(f"{stream} ({what}, and the kill switch's own path)")
        elif stream is None:
            self._intake.down(f"the kill switch's own path: {kill}; {what} works")
        elif kill is None:
            self._intake.down(f"{what}: {stream}" + ("; the kill switch is followed by a separate path" if self._kill_seen else ""))
        else:
            self._intake.down(f"{what}: {stream}; the kill switch's own path: {kill}")

    def _restart_stream(self, *, at_once: bool) -> None:
        """Restart the stream if necessary: LaunchDarkly answers but the stream does not, or the stream may have died unnoticed in an
        outage.
        """
        due = self._stream_trouble is not None and self._clock() >= self._next_restart
        if self._stopped or not (due or (at_once and self._streaming)):
            return
        self._wait_s = min(self._wait_s * 2, _LONGEST_RESTART_S)
        self._next_restart = self._clock() + self._wait_s
        if self._stream is not None:
            self._stream.stop()  # type: ignore[no-untyped-call]  # the SDK leaves it without types
        self._start_stream()

    def _start_stream(self) -> None:
        with self._lock:
            if self._stopped:
                return
            config = copy.copy(self._config)
            # The SDK's processors report to the sink that their configuration names.
            config._data_source_update_sink = _Sink(self._intake, self)  # noqa: SLF001
            store = config.feature_store
            if self._streaming:
                self._stream = PromptStream(config, store, self._ready, None)
            else:
                self._stream = _Poll(config, store, self._ready)
            self._stream.start()


class _Poll(PollingUpdateProcessor):
    """The SDK's poll, with a way to close its connections."""

    def __init__(self, config: Config, store: FeatureStore, ready: threading.Event) -> None:
        requester = FeatureRequesterImpl(config)  # type: ignore[no-untyped-call]  # the SDK leaves it without types
        self._connections: urllib3.PoolManager = requester._http  # noqa: SLF001 - the SDK never closes it
        super().__init__(config, requester, store, ready)

    def stop(self) -> None:
        super().stop()  # type: ignore[no-untyped-call]  # the SDK leaves it without types
        close(self._connections)


class _Sink(DataSourceUpdateSink):
    """Passes one SDK processor's flags to the intake and its state to our processor.

    After that processor is replaced, it passes nothing.
    """

    def __init__(self, intake: FlagIntake, processor: HostedProcessor) -> None:
        self._intake, self._processor = intake, processor
        self._off = False

    def init(self, all_data: Mapping[VersionedDataKind, Mapping[str, dict[str, Any]]]) -> None:
        if not self._off:
            self._intake.init(all_data)

    def upsert(self, kind: VersionedDataKind, item: dict[str, Any]) -> None:
        if not self._off:
            self._intake.upsert(kind, item)

    def delete(self, kind: VersionedDataKind, key: str, version: int) -> None:
        if not self._off:
            self._intake.delete(kind, key, version)

    def update_status(self, new_state: DataSourceState, new_error: DataSourceErrorInfo | None) -> None:
        if not self._off:
            self._off = new_state is DataSourceState.OFF
            self._processor.stream_status(new_state, new_error)

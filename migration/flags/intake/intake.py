"""The common intake of all sources of flags. It checks flags one by one, so that an invalid flag affects no other flag and keeps its last
known state.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from ldclient.interfaces import DataSourceErrorInfo, DataSourceErrorKind, DataSourceState, DataSourceUpdateSink
from ldclient.versioned_data_kind import FEATURES, VersionedDataKind

from migration.flags.intake.merging import Merged, merged
from migration.flags.intake.snapshot import Snapshot
from migration.flags.intake.status import FlagStatus
from migration.flags.meaning.data import (
    CANDIDATE_FAILOVER,
    KILL_SWITCH,
    SHADOW_SAMPLING,
    FlagData,
    FlagProblem,
    Item,
    Kind,
    check_item,
    check_items,
    surface_flag_key,
)

logger = logging.getLogger(__name__)
SWITCHES: Final = (KILL_SWITCH, SHADOW_SAMPLING, CANDIDATE_FAILOVER)


class FlagIntake(DataSourceUpdateSink):
    """Checks flags before they reach the sink of LaunchDarkly's client: those of our own sources and those of the SDK's stream and poll
    processors.

    A flag that the SDK accepts is accepted, whatever it contains. The last known state is kept in three cases: for an invalid flag or
    segment, for one that is missing from a full state although one of our flags needs it, and for all flags while the source cannot be
    read. A flag that the source marks as deleted is deleted.

    Args:
        source: the source's name.
        surfaces: the migrated surfaces; their flags are ours.
        snapshot: stores the flags, and returns those that an earlier process stored; None: no flags survive a restart.
        clock: monotonic seconds.
    """

    def __init__(
        self, source: str, surfaces: Iterable[str], *, snapshot: Snapshot | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.source = source
        self.silence_s: float | None = (
            None  #: seconds without `take` or `good` after which the source counts as down; None: there is no limit
        )
        self._surfaces = tuple(surfaces)
        self._ours = (*map(surface_flag_key, self._surfaces), *SWITCHES)
        self._snapshot, self._clock = snapshot, clock
        self._lock = threading.RLock()
        self._sink: DataSourceUpdateSink | None = None
        self._listeners: list[Callable[[], None]] = []
        self._source_says: tuple[FlagData, tuple[FlagProblem, ...]] = (FlagData(), ())
        restored = snapshot.load() if snapshot is not None else None
        self._holds = Merged(data=restored or FlagData(), problems=(), held=frozenset(), lost=frozenset(), needed=frozenset())
        self._down: str | None = None
        self._unkept: str | None = None
        self._last_good: float | None = None
        self._told: tuple[bool, str | None] | None = None
        self.from_snapshot = restored is not None  #: whether `data` is from an earlier process
        self.taken = False  #: whether this process has read the source at least once

    @property
    def data(self) -> FlagData:
        """The current flags."""
        return self._holds.data

    @property
    def held(self) -> frozenset[str]:
        """Keys of the flags whose last known state is used instead of the source's current state."""
        if self._down is not None or not self.taken:
            return frozenset(self.data.flags)
        return frozenset(key for kind, key in self._holds.held if kind == "flag")

    @property
    def unknown(self) -> frozenset[str]:
        """Keys of our flags without a known valid state: all of them before the first read, later those that were never valid."""
        if not self.taken and not self.from_snapshot:
            return frozenset(self._ours)
        return frozenset(key for kind, key in self._holds.lost if kind == "flag" and key in self._ours)

    def connect(self, sink: DataSourceUpdateSink | None) -> None:
        """Use the SDK's own sink, and pass it the known flags."""
        with self._lock:
            self._sink = sink
            if self.from_snapshot or self.taken:
                self._give(self.data)

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` after the flags or the source's health changed, in the thread that noticed it. The listener must not raise."""
        self._listeners.append(listener)

    def take(self, data: FlagData, problems: Sequence[FlagProblem] = ()) -> None:
        """Take a full state of the source, and the problems of the flags that are missing from it. Never raises."""
        with self._lock:
            self._take(data, problems, whole=True)

    def init(self, all_data: Mapping[VersionedDataKind, Mapping[str, dict[str, Any]]]) -> None:
        """Take a full state. Called by the SDK's own processors."""
        named = {_kind(kind): items for kind, items in all_data.items()}
        self.take(*check_items(named.get("flag", {}), named.get("segment", {})))

    def upsert(self, kind: VersionedDataKind, item: dict[str, Any]) -> None:
        """Take one flag or segment, unless it is older than the known one. Called by the SDK's own processors."""
        named, key = _kind(kind), str(item.get("key"))
        with self._lock:
            problem = check_item(named, key, item)
            if problem is not None:
                self._replace(named, key, None, problem)
            elif self._newer(named, key, item["version"]):
                self._replace(named, key, item)

    def delete(self, kind: VersionedDataKind, key: str, version: int) -> None:
        """Replace a flag or segment by a tombstone, unless it is older. Called by the SDK's own processors."""
        with self._lock:
            if self._newer(_kind(kind), key, version):
                self._replace(_kind(kind), key, {"key": key, "version": version, "deleted": True})

    def update_status(self, new_state: DataSourceState, new_error: DataSourceErrorInfo | None) -> None:
        """Record the state of the connection. Called by the SDK's own processors."""
        if new_state is DataSourceState.VALID:
            self.good()
        elif new_error is not None:
            self.down(_sentence(new_error))
        if self._sink is not None:
            self._sink.update_status(new_state, new_error)

    def down(self, problem: str) -> None:
        """Record that the source cannot be read, and why: all last known flags stay in use."""
        with self._lock:
            changed, self._down = self._down is None, problem
            self._settle(changed=changed)

    def good(self) -> None:
        """Record that the source was read successfully, with nothing new since the last `take`."""
        with self._lock:
            if self.taken:
                changed, self._down = self._down is not None, None
                self._settle(changed=changed)

    def status(self) -> FlagStatus:
        """Return whether flags can be read."""
        age = None if self._last_good is None else max(0.0, self._clock() - self._last_good)
        silent = self.silence_s is not None and age is not None and age > self.silence_s and not self._spoiled()
        problem = self._down or (f"it has not answered for {self.silence_s:g} s" if silent else None)
        holds = "the last known flags stay in use" if self.taken or self.from_snapshot else "no flags are known"
        if problem is None and not self.taken:
            problem = "it was not read yet"
        said = [f"{self.source}: {problem}; {holds}"] if problem else []
        said += [f"{one}; {self._instead(one)}" for one in self._holds.problems] + ([self._unkept] if self._unkept else [])
        return FlagStatus(
            source=self.source,
            up=problem is None and not self._spoiled(),
            age_s=age,
            version=self.data.version,
            error=" | ".join(said) or None,
            from_snapshot=self.from_snapshot,
        )

    def _take(self, data: FlagData, problems: Sequence[FlagProblem], *, whole: bool) -> None:
        """Take the state. If `whole` is false, only one item was read, which does not prove that the whole source can be read."""
        found = merged(data, problems, known=self.data, surfaces=self._surfaces, ours=self._ours)
        changed = not self.taken or _text(found.data) != _text(self.data)
        if changed and not self._give(found.data):
            self._settle(changed=False)
            return
        self._source_says, self._holds = (data, tuple(problems)), found
        if whole:
            self.taken, self.from_snapshot, self._down = True, False, None
        if changed:
            self._keep()
        self._settle(changed=changed)

    def _replace(self, kind: Kind, key: str, item: Item | None, problem: FlagProblem | None = None) -> None:
        """Take the last full state with one flag or segment replaced, or (None) without it because of `problem`."""
        said, problems = self._source_says if self.taken else (self.data, ())
        items = dict(said.flags if kind == "flag" else said.segments)
        items.pop(key, None)
        if item is not None:
            items[key] = item
        data = FlagData(flags=items, segments=said.segments) if kind == "flag" else FlagData(flags=said.flags, segments=items)
        others = [other for other in problems if (other.kind, other.key) != (kind, key)]
        self._take(data, others if problem is None else [*others, problem], whole=False)

    def _newer(self, kind: Kind, key: str, version: int) -> bool:
        known = (self.data.flags if kind == "flag" else self.data.segments).get(key)
        return known is None or bool(known["version"] < version)

    def _give(self, data: FlagData) -> bool:
        """Pass the flags on to the SDK; return whether it accepted them."""
        try:
            if self._sink is not None:
                self._sink.init(data.for_sdk())
        except Exception as error:
            logger.exception("flags: LaunchDarkly's SDK does not accept the flags of %s", self.source)
            self._down = f"LaunchDarkly's SDK does not accept its flags ({type(error).__name__})"
            return False
        return True

    def _keep(self) -> None:
        try:
            if self._snapshot is not None:
                self._snapshot.keep(self.data)
            self._unkept = None
        except OSError as error:
            self._unkept = f"the snapshot {error.filename} cannot be written ({error.strerror}), so no flags would be known after a restart"

    def _spoiled(self) -> bool:
        """Whether one of the flags that we need differs from the source's flag."""
        return any((problem.kind, problem.key) in self._holds.needed for problem in self._holds.problems)

    def _instead(self, problem: FlagProblem) -> str:
        named = (problem.kind, problem.key)
        if named in self._holds.held:
            return "its last known state stays in use"
        return "nothing else is known about it" if named in self._holds.needed else "no surface needs it"

    def _settle(self, *, changed: bool) -> None:
        """Log each change once, and call the listeners."""
        if self._down is None and not self._spoiled():
            self._last_good = self._clock()
        status = self.status()
        news = (status.up, status.error) != self._told
        self._told = (status.up, status.error)
        if news and status.error is not None:
            logger.warning("flags: %s", status.error)
        elif news or changed:
            logger.info("flags of %s are in use, version %d", self.source, status.version)
        if news or changed:
            for listener in self._listeners:
                listener()


def _kind(kind: VersionedDataKind) -> Kind:
    return "flag" if kind is FEATURES else "segment"


def _text(data: FlagData) -> str:
    # `==` is not used, because it treats 1, 1.0 and true as equal.
    return json.dumps([dict(data.flags), dict(data.segments)], sort_keys=True)


def _sentence(error: DataSourceErrorInfo) -> str:
    """Return what the SDK reports as a sentence for the operator."""
    if error.kind is DataSourceErrorKind.ERROR_RESPONSE:
        hint = {401: "the SDK key is wrong", 403: "the SDK key may not read flags", 404: "the address is not one of LaunchDarkly"}
        return f"it answers {error.status_code}; {hint.get(error.status_code, 'it will be tried again')}"
    if error.kind is DataSourceErrorKind.INVALID_DATA:
        return "it sent something that is not LaunchDarkly's JSON; it will be tried again"
    if error.kind is DataSourceErrorKind.STORE_ERROR:
        return "LaunchDarkly's SDK does not accept its flags"
    return "it cannot be reached; it will be tried again"

"""Feeds LaunchDarkly's client from the flag file, and keeps the last good state of each flag when the file is not good.

It takes the place of the SDK's own file source behind the SDK's own seam (`update_processor_class`): that one reports a deleted file as
valid, forgets a flag that an edit left out or spoiled, and may miss an edit made while the client starts (`docs/adr`).
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ldclient.interfaces import DataSourceErrorInfo, DataSourceErrorKind, DataSourceState, DataSourceUpdateSink, UpdateProcessor
from ldclient.versioned_data_kind import FEATURES, SEGMENTS

from migration.errors import FlagSourceError
from migration.flags.document import SWITCHES, FlagDocument, Flags, check_flag, default_document, is_ours, parse_document, read_flags
from migration.flags.surface_flag import flag_key

logger = logging.getLogger(__name__)
_Signature = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagStatus:
    """How well flags can be read."""

    source: str  #: where they come from, e.g. "file:var/flags.json"
    up: bool  #: False: the last known flags hold
    age_s: float | None  #: seconds since the source was last found good; None: never
    version: int  #: sum of the versions of all flags; 0: none is known
    error: str | None  #: what is wrong and what holds instead; None: nothing


class FlagFileSource(UpdateProcessor):
    """Looks at the flag file again and again, in a thread of its own.

    Args:
        path: the flag file.
        surfaces: surfaces whose flag must not get lost.
        poll_s: seconds between two looks.
        on_look: called after each look, in the thread that looked, with whether flags or status changed; must not raise.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        path: Path,
        surfaces: Iterable[str],
        *,
        poll_s: float,
        on_look: Callable[[bool], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._surfaces = tuple(surfaces)
        self._poll_s = poll_s
        self._on_look = on_look
        self._clock = clock
        self._sink: DataSourceUpdateSink | None = None
        self._ready: threading.Event | None = None
        self._stop = threading.Event()
        self._seen: _Signature | None = None
        self._flags: Flags | None = None
        self._last_good: float | None = None
        self._error: str | None = None
        self.document: FlagDocument = default_document(self._surfaces)  #: the flags that hold
        self.held: frozenset[str] = frozenset()  #: keys of flags whose last known state holds

    def connect(self, sink: DataSourceUpdateSink | None, ready: threading.Event) -> "FlagFileSource":
        """Take the SDK's end: where flags go, and what to set when there was a first look."""
        self._sink, self._ready = sink, ready
        return self

    def start(self) -> None:
        """Look once, then keep looking. Called by the SDK."""
        self.look()
        if self._ready is not None:
            self._ready.set()
        threading.Thread(target=self._keep_looking, name="migration-flags", daemon=True).start()

    def stop(self) -> None:
        """Stop looking. Called by the SDK."""
        self._stop.set()

    def initialized(self) -> bool:
        """Whether flags were ever read. Called by the SDK."""
        return self._flags is not None

    def status(self) -> FlagStatus:
        """Return how well flags can be read."""
        return FlagStatus(
            source=f"file:{self._path}",
            up=self._error is None,
            age_s=None if self._last_good is None else max(0.0, self._clock() - self._last_good),
            version=self.document.version,
            error=self._error,
        )

    def look(self) -> None:
        """Look at the file once; take over what is good and new. Never raises."""
        try:
            changed = self._look()
        except (OSError, FlagSourceError) as error:
            changed = self._hold((error.strerror if isinstance(error, OSError) else None) or str(error))
        except Exception as error:
            logger.exception("flags: looking at %s failed", self._path)
            changed = self._hold(f"cannot be taken over ({type(error).__name__})")
        self._on_look(changed)

    def _keep_looking(self) -> None:
        while not self._stop.wait(self._poll_s):
            self.look()

    def _look(self) -> bool:
        signature, data = _read_if_changed(self._path, self._seen)
        if data is not None:
            self._take(read_flags(data))
        elif self._error is None:
            self._last_good = self._clock()
        self._seen = signature
        return data is not None

    def _take(self, raw: dict[str, Any]) -> None:
        """Take over the good flags, and keep the last known state of those that are missing or spoiled."""
        found = {key: flag for key, flag in raw["flags"].items() if is_ours(key)}
        known, good, problems = self._flags or {}, dict[str, Any](), list[str]()
        held: set[str] = set()
        for key in (*found, *(key for key in self._expected() if key not in found)):
            problem = _problem(key, found)
            if problem is None:
                good[key] = found[key]
            elif key in known:
                good[key] = known[key]
                held.add(key)
            if problem is not None and (key in known or key in found):
                problems.append(problem)
        if unborn := [key for key in self._expected() if key not in good]:
            logger.warning("flags: %s holds no valid %s; its default holds: `off`, kill switch off, sampling 100", self._path, unborn)
        self.document = parse_document({"flags": good}, self._surfaces)
        self._flags, self.held = good, frozenset(held)
        if self._sink is not None:
            self._sink.init({FEATURES: good, SEGMENTS: {}})
        if problems:
            self._report("; ".join(problems))
        else:
            self._last_good, self._error = self._clock(), None
            self._tell(DataSourceState.VALID, None)
            logger.info("flags read from %s, version %d", self._path, self.document.version)

    def _hold(self, problem: str) -> bool:
        """Keep all flags as they are, and read the file anew at the next look; return whether the problem is news."""
        self._seen = None
        self.held = frozenset(self._expected())
        return self._report(problem)

    def _expected(self) -> tuple[str, ...]:
        return (*(flag_key(surface) for surface in self._surfaces), *SWITCHES)

    def _report(self, problem: str) -> bool:
        """Say once what is wrong; return whether it was news."""
        holds = "every surface is at `off` until it can be read" if self._flags is None else "the last known flags hold"
        error = f"{self._path}: {problem}; {holds}"
        if error == self._error:
            return False
        self._error = error
        logger.warning("flags: %s", error)
        self._tell(DataSourceState.INTERRUPTED, DataSourceErrorInfo(DataSourceErrorKind.INVALID_DATA, 0, time.time(), error))
        return True

    def _tell(self, state: DataSourceState, error: DataSourceErrorInfo | None) -> None:
        if self._sink is not None:
            self._sink.update_status(state, error)


def _read_if_changed(path: Path, seen: _Signature | None) -> tuple[_Signature, bytes | None]:
    """Return the file's signature, and its content unless the signature is the one already seen."""
    with path.open("rb") as file:
        # Of the open file, not of the path: it may be replaced between two calls.
        found = os.fstat(file.fileno())
        signature = (found.st_ino, found.st_mtime_ns, found.st_ctime_ns, found.st_size)
        return signature, None if signature == seen else file.read()


def _problem(key: str, found: Flags) -> str | None:
    """Return what is wrong with this flag; None: nothing."""
    if key not in found:
        return f"{key}: is missing"
    try:
        check_flag(key, found[key])
    except FlagSourceError as error:
        return str(error)
    return None

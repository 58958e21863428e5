"""The folder in which the processes of one server share their metrics, and the handling of the metrics of a process that died.

prometheus_client keeps the files of a dead process. Its gauges would be added for ever, and shadow jobs that waited in it would be counted
nowhere: not as compared, shed, failed or waiting. So each process holds a lock in the folder for as long as it lives. A process that finds
an
unheld lock removes the gauges of the lock's owner and counts the owner's lost jobs as failed, in the owner's file. Repeating this changes
nothing.
"""

import contextlib
import fcntl
import logging
import os
import re
import shutil
import threading
from collections import defaultdict
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import msgspec
from prometheus_client.mmap_dict import MmapedDict, mmap_key
from prometheus_client.multiprocess import mark_process_dead

logger = logging.getLogger(__name__)

DIED: Final = "process_died"
"""Reason of `migration_shadow_failed` for jobs that waited in a process that died."""

_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
_FILE = re.compile(r"(?:counter|histogram|summary|gauge_[a-z]+)_(\d+)\.db")
_ALIVE = "alive_{}"  #: a process holds a lock on this file as long as it lives
_ENDED = "ended_{}"  #: this process is already settled
_EXPECTED: Final = "migration_shadow_expected"
_FAILED: Final = "migration_shadow_failed"
_OUTCOMES: Final = {"migration_shadow_compared", "migration_shadow_shed", _FAILED}
_STEADY_TRIES: Final = 20

#: Descriptors that hold this process' locks, by folder and process: they stay open until the process ends, for whatever reason.
_held: dict[tuple[Path, int], int] = {}
_lock = threading.Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """A process that died before it called `end`, and its lost jobs."""

    pid: int
    lost: dict[str, int]  #: surface -> shadow jobs that waited in it


def folder() -> Path | None:
    """Return the folder of shared metrics; None: this process keeps its metrics to itself."""
    named = os.environ.get(_FOLDER)
    return Path(named) if named else None


def begin() -> None:
    """Settle the files of an earlier process with this id, and mark this process as alive from here on.

    Idempotent; does nothing without the shared folder.

    Call it before this process makes its first metric, because prometheus_client continues the files of an earlier process with the same
    id. If the folder survives restarts of a container, each process has the id of an earlier process.
    """
    place = folder()
    if place is None:
        return
    pid = os.getpid()
    with _lock, _alone(place):
        if (place, pid) in _held:
            return
        if any(place.glob(f"*_{pid}.db")):
            _bury(place, pid)
        descriptor = os.open(place / _ALIVE.format(pid), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (place / _ENDED.format(pid)).unlink(missing_ok=True)
        _held[place, pid] = descriptor


def end() -> None:
    """Remove this process' gauges: it ends normally, and counts nothing more. Does nothing if `begin` was not called."""
    place, pid = folder(), os.getpid()
    if place is None or (place, pid) not in _held:
        return
    with _lock, _alone(place):
        mark_process_dead(pid, str(place))  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
        _close(place, pid)
        os.close(_held.pop((place, pid)))


def bury_dead() -> list[Dead]:
    """Remove the gauges of ended processes, count jobs that waited in them as failed, and return the processes found dead now.

    Any process may call this at any time. Does nothing without the shared folder.

    Raises:
        OSError: the folder cannot be read or written.
    """
    place = folder()
    if place is None:
        return []
    with _lock, _alone(place):
        return [dead for pid in sorted(_pids(place)) if (dead := _look_at(place, pid)) is not None]


@contextmanager
def steady_copy(place: Path) -> Generator[Path, None, None]:
    """Yield a folder with a copy of the metrics. In the copy, all figures of a process about its shadow jobs are from the same moment.

    Files are read one after another while processes continue to count; if a job ended between two of them, it would be counted twice or not
    at all. If no copy can be made, as on a full disk, the folder itself is yielded: figures of slightly different moments are better than
    none.
    """
    with contextlib.ExitStack() as opened:
        try:
            copy = Path(opened.enter_context(TemporaryDirectory(prefix="metrics-")))
            for pid in _pids(place):
                _copy_process(place, copy, pid)
        except OSError as error:
            logger.warning("metrics are read without a copy: %s", error.strerror or error)
            copy = place
        yield copy


def _copy_process(place: Path, copy: Path, pid: int) -> None:
    """Copy one process' files.

    The counters and the number of waiting jobs are copied again until nothing was counted between the two copies.
    """
    counters = place / f"counter_{pid}.db"
    for file in place.glob(f"*_{pid}.db"):
        if file != counters and not file.name.startswith("gauge_livesum"):
            _copy(file, copy)
    for _ in range(_STEADY_TRIES):
        before = _read(counters)
        _copy(place / f"gauge_livesum_{pid}.db", copy)
        if before == _read(counters):
            break
    if before:
        (copy / counters.name).write_bytes(before)


def _copy(file: Path, copy: Path) -> None:
    with contextlib.suppress(FileNotFoundError):  # the gauges of a process that was just found dead
        shutil.copyfile(file, copy / file.name)


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def _pids(place: Path) -> set[int]:
    return {int(found[1]) for file in place.iterdir() if (found := _FILE.fullmatch(file.name))}


@contextmanager
def _alone(place: Path) -> Iterator[None]:
    """Let only one process at a time call `settle` or `begin`."""
    with (place / "burying.lock").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _look_at(place: Path, pid: int) -> Dead | None:
    """Settle the process if it is dead; None: it lives, or was settled before."""
    marker = place / _ALIVE.format(pid)
    if (place, pid) in _held or (place / _ENDED.format(pid)).exists() or (_is_locked(marker) if marker.exists() else _runs(pid)):
        return None
    dead = _bury(place, pid)
    _close(place, pid)
    return dead


def _close(place: Path, pid: int) -> None:
    (place / _ENDED.format(pid)).touch()
    (place / _ALIVE.format(pid)).unlink(missing_ok=True)


def _is_locked(marker: Path) -> bool:
    with marker.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _runs(pid: int) -> bool:
    """Return whether a process without a lock still runs, such as a process of an older version. A zombie does not run."""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state not in {b"Z", b"X"}


def _bury(place: Path, pid: int) -> Dead:
    lost = _settle(place / f"counter_{pid}.db")
    mark_process_dead(pid, str(place))  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
    jobs = ", ".join(f"{count} of {surface}" for surface, count in lost.items())
    logger.error(
        "process %d died; %s", pid, f"shadow jobs that waited in it are counted as failed: {jobs}" if jobs else "no job waited in it"
    )
    return Dead(pid=pid, lost=lost)


def _settle(counters: Path) -> dict[str, int]:
    """Count the dead process' unfinished jobs as failed, in its own file; return their number by surface."""
    if not counters.exists():
        return {}
    values = MmapedDict(str(counters))  # type: ignore[no-untyped-call]  # prometheus_client leaves it untyped
    try:
        open_jobs = _open_jobs(values)
        for surface, count in open_jobs.items():
            key = mmap_key(
                "migration_shadow_failed", "migration_shadow_failed_total", ["surface", "reason"], [surface, DIED], _help(values)
            )
            value, _ = values.read_value(key)  # type: ignore[no-untyped-call]  # as above
            values.write_value(key, value + count, 0.0)  # type: ignore[no-untyped-call]  # as above
        return open_jobs
    finally:
        values.close()  # type: ignore[no-untyped-call]  # as above


def _open_jobs(values: MmapedDict) -> dict[str, int]:
    left: defaultdict[str, float] = defaultdict(float)
    for key, value, _ in values.read_all_values():  # type: ignore[no-untyped-call]  # as above
        metric, _name, labels, _help_text = msgspec.json.decode(key)
        if metric == _EXPECTED:
            left[labels["surface"]] += value
        elif metric in _OUTCOMES:
            left[labels["surface"]] -= value
    return {surface: round(count) for surface, count in left.items() if count > 0}


def _help(values: MmapedDict) -> str:
    """Return the help text that the file has for failed shadows: with another text, the values would belong to another metric."""
    from migration.telemetry.metrics import SHADOW_FAILED

    for key, _, _ in values.read_all_values():  # type: ignore[no-untyped-call]  # as above
        metric, _name, _labels, text = msgspec.json.decode(key)
        if metric == _FAILED:
            return str(text)
    return SHADOW_FAILED

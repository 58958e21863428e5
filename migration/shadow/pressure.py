"""The current costs of shadows, each divided by its limit."""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from migration.settings import MigrationSettings

Cause = Literal["queue", "age", "loop", "tax", "cpu", "reads"]
"""What is measured.

- queue: jobs and bytes that wait, relative to half of their limits
- age: seconds that the oldest job has waited
- loop: how late the server's event loop is
- tax: by how much users' runs are at least slower while shadows run than while they rest (the lower bound)
- cpu: the processor time of the worker
- reads: reads per minute that shadows performed because their journals did not contain them
"""

#: The loop is checked every 0.05 s, and the last 20 checks are kept.
_CHECK_S: Final = 0.05
_CHECKS: Final = 20
_TICKS: Final = os.sysconf("SC_CLK_TCK")
#: Where /proc/PID/stat has the clock ticks in user and in system mode, after the name in parentheses.
_USER: Final = 11


@dataclass(frozen=True, slots=True)
class Pressure:
    """One cost, relative to its limit."""

    cause: Cause
    value: float  #: the cost divided by its limit; 1: at the limit


class LoopLag:
    """Measures how late the event loop runs its timers. Start it on the loop that serves."""

    def __init__(self) -> None:
        self._late: deque[float] = deque(maxlen=_CHECKS)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Begin."""
        self._loop = asyncio.get_running_loop()
        self._next(self._loop)

    def stop(self) -> None:
        """Stop. Idempotent."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None

    def late_s(self) -> float:
        """Return the 90 % quantile of the delays of the last second's checks, in seconds; 0 before the first check."""
        return sorted(self._late)[len(self._late) * 9 // 10] if self._late else 0.0

    def _next(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_at((due := loop.time() + _CHECK_S), self._check, loop, due)

    def _check(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._late.append(loop.time() - due)
        self._next(loop)


class CpuShare:
    """The share of one processor that the worker and its cell use, between two calls.

    Args:
        clock: monotonic seconds.
        proc: where Linux shows processes.
    """

    def __init__(self, clock: Callable[[], float], proc: Path = Path("/proc")) -> None:
        self._clock, self._proc = clock, proc
        self._last: tuple[int, float, float] | None = None
        self.grown_s = 0.0  #: processor seconds between the last two calls of `share`

    def share(self, pid: int | None) -> float | None:
        """Return the share since the last call; 1 is one processor.

        None: it is not known, such as at the first call or without a worker.
        """
        self.grown_s = 0.0
        used = None if pid is None else sum(self._used_s(pid))
        if pid is None or not used:
            self._last = None
            return None
        last, self._last = self._last, (pid, used, self._clock())
        if last is None or last[0] != pid or self._last[2] <= last[2]:
            return None
        self.grown_s = max(0.0, used - last[1])  # a cell that ended takes its time away
        return self.grown_s / (self._last[2] - last[2])

    def _used_s(self, pid: int) -> Iterator[float]:
        """Yield the processor seconds of the process and of all its descendants."""
        try:
            fields = (self._proc / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
            children = (self._proc / str(pid) / "task" / str(pid) / "children").read_bytes().split()
        except OSError:
            return  # it has ended
        yield (int(fields[_USER]) + int(fields[_USER + 1])) / _TICKS
        for child in children:
            yield from self._used_s(int(child))


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured at one check; None: the value is not known."""

    waiting: int
    waiting_bytes: int
    oldest_s: float
    loop_late_s: float
    tax: float | None = None  #: 0.1: certainly 10 % slower
    cpu: float | None = None  #: share of one processor
    reads_a_minute: float | None = None


def pressures(measured: Measured, settings: MigrationSettings) -> tuple[Pressure, ...]:
    """Return each cost relative to its limit in the settings, without costs that are not known."""
    found: list[tuple[Cause, float | None, float]] = [
        ("queue", measured.waiting, settings.shadow_queue_jobs / 2),
        ("queue", measured.waiting_bytes, settings.shadow_queue_bytes / 2),
        ("age", measured.oldest_s, settings.shadow_queue_age_s),
        ("loop", measured.loop_late_s, settings.shadow_loop_late_s),
        ("tax", measured.tax, settings.shadow_tax_percent / 100),
        ("cpu", measured.cpu, settings.shadow_cpu_percent / 100),
        ("reads", measured.reads_a_minute, settings.shadow_reads_a_minute),
    ]
    return tuple(Pressure(cause, value / limit) for cause, value, limit in found if value is not None)

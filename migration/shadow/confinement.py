"""Limits a worker process: it runs at low priority, its memory is bounded, and it is killed when it is late or its parent dies."""

import ctypes
import gc
import logging
import os
import resource
import signal
from typing import Final, Literal

logger = logging.getLogger(__name__)

_PR_SET_PDEATHSIG: Final = 1  # from <linux/prctl.h>
_NICEST: Final = 19
#: The garbage collector runs after this many new objects: some megabytes.
_COLLECTED: Final = 50_000


def die_with_parent() -> None:
    """On Linux, let the kernel kill this process when its parent dies. Elsewhere the process only notices the end of the pipe."""
    if hasattr(ctypes.CDLL(None), "prctl"):
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def yield_processor(priority: Literal["idle", "low", "normal"]) -> None:
    """Lower this process's priority, as far as the system lets it."""
    try:
        if priority == "idle" and hasattr(os, "SCHED_IDLE"):
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        elif priority != "normal":
            os.nice(_NICEST)
    except OSError as error:
        logger.warning("the shadow worker keeps its normal priority: %s", error.strerror)


def bound_memory(extra_bytes: int) -> None:
    """Let this process map at most that many bytes more than now. Beyond this limit, Python raises `MemoryError`."""
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - one read of a kernel file, no path to handle
        mapped_bytes = int(statm.read().split()[0]) * resource.getpagesize()
    _soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = mapped_bytes + extra_bytes
    resource.setrlimit(resource.RLIMIT_AS, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def collect_seldom() -> None:
    """Exclude existing objects from garbage collection, and collect others seldom: collections took a tenth of the time of a job."""
    gc.freeze()
    gc.set_threshold(_COLLECTED)


def die_after(seconds: float) -> None:
    """Have the kernel kill this process unless `spare` or another `die_after` comes first.

    The signal's default action needs neither the event loop nor the interpreter: it ends code that blocks either.
    """
    signal.setitimer(signal.ITIMER_REAL, seconds)


def spare() -> None:
    """Cancel `die_after`."""
    signal.setitimer(signal.ITIMER_REAL, 0.0)

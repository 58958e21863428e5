"""How most benchmarks measure: CPU seconds of this process, both sides in turn within one run, and the median of the rounds.

CPU time leaves out what other processes take of the machine. A ratio is that of two measurements made right after each other, so a
change of the processor's pace falls on both sides. What callers wait is measured by the clock: `callers`.
"""

import gc
import importlib
import time
from collections.abc import Callable
from statistics import median
from typing import NotRequired, TypedDict

Call = Callable[[], object]


class Measured(TypedDict):
    """One row of `build/bench.json`."""

    value: float
    unit: str
    peer: str | None  #: what it is measured against; None: nothing
    peer_value: float | None  #: in the same unit
    ratio: float | None  #: how many times better than the peer; below 1: worse
    interval: NotRequired[tuple[float, float]]  #: of the ratio, at 95 %


def alone(value: float, unit: str) -> Measured:
    """Return a row that has no peer."""
    return Measured(value=_rounded(value), unit=unit, peer=None, peer_value=None, ratio=None)


def beside(value: float, unit: str, peer: str, peer_value: float, ratio: float) -> Measured:
    """Return a row with its peer."""
    return Measured(value=_rounded(value), unit=unit, peer=peer, peer_value=_rounded(peer_value), ratio=_rounded(ratio))


def cost_us(call: Call, *, calls: int) -> float:
    """Return microseconds of CPU time that one call takes, as the mean of many; garbage is collected before, not while."""
    gc.collect()
    gc.disable()
    try:
        started = time.process_time()
        for _ in range(calls):
            call()
        return (time.process_time() - started) / calls * 1e6
    finally:
        gc.enable()


def typical_us(call: Call, *, calls: int, rounds: int = 9) -> float:
    """Return microseconds of CPU time that a call takes, in the median of the rounds."""
    call()
    return median(cost_us(call, calls=calls) for _ in range(rounds))


def against(ours: Call, peer: Call, *, calls: int, peer_calls: int, rounds: int = 7) -> tuple[float, float, float]:
    """Return microseconds of a call of ours, of the peer's, and the peer's over ours: medians over rounds in which both take turns."""
    ours()
    peer()
    pairs = [(cost_us(ours, calls=calls), cost_us(peer, calls=peer_calls)) for _ in range(rounds)]
    return median(mine for mine, _ in pairs), median(other for _, other in pairs), median(other / mine for mine, other in pairs)


def run_benchmark(name: str) -> dict[str, Measured]:
    """Run the benchmark of that name. Called in a process of its own."""
    rows: dict[str, Measured] = importlib.import_module(f"{__package__}.{name}").run()
    return rows


def _rounded(value: float) -> float:
    return round(value, 1 if value >= 10 else 3)

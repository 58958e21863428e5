"""How long callers wait, by the clock: all sides in turn within each round, and ratios of one round only.

A round whose machine was busy makes all of its sides slow; the median over the rounds says what remains. Beside it stands the same side
measured twice (A/A): what a ratio is worth.
"""

import asyncio
import gc
import math
import time
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

Answer = Callable[[int], AsyncIterable[object]]
"""Gives the events of one answer, as the caller of that number gets them."""


async def nothing() -> None:
    """Wait for nothing."""


@dataclass(frozen=True)
class Side:
    """One way to have an answer."""

    name: str
    answer: Answer
    settle: Callable[[], Awaitable[object]] = nothing  #: what is to end before another side is measured


@dataclass
class Block:
    """What the callers of one side waited in one round, in milliseconds."""

    first: list[float] = field(default_factory=list)  #: for their first event
    whole: list[float] = field(default_factory=list)  #: for the end
    seconds: float = 0.0  #: all of them
    cpu_s: float = 0.0  #: of this process, all of them

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.whole) / self.seconds

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of processor time of this process, an answer: what a busy machine changes least."""
        return self.cpu_s * 1e3 / len(self.whole)


async def in_turn(sides: Sequence[Side], *, callers: int, times: int, rounds: int) -> dict[str, list[Block]]:
    """Return what callers waited, by side, a block for each round.

    Args:
        sides: each answers in each round; who comes first changes.
        callers: that ask at once.
        times: that each of them asks, one after the other.
        rounds: after one that is not counted.
    """
    found: dict[str, list[Block]] = {side.name: [] for side in sides}
    for number in range(-1, rounds):
        first = number % len(sides)
        for side in (*sides[first:], *sides[:first]):
            gc.collect()
            block = await _block(side, callers, times)
            await side.settle()
            if number >= 0:
                found[side.name].append(block)
    return found


async def _block(side: Side, callers: int, times: int) -> Block:
    block = Block()

    async def caller(number: int) -> None:
        for _ in range(times):
            asked, first = time.perf_counter(), 0.0
            async for _event in side.answer(number):
                first = first or time.perf_counter()
            block.first.append((first - asked) * 1e3)
            block.whole.append((time.perf_counter() - asked) * 1e3)

    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller(number) for number in range(callers)))
    block.seconds, block.cpu_s = time.perf_counter() - began, time.process_time() - cpu
    return block


def quantile(values: Sequence[float], share: float) -> float:
    """Return the smallest value that this share of them does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(frozen=True)
class Ratio:
    """A ratio over rounds."""

    middle: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.low:.2f} to {self.high:.2f})"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    """Return the median of the rounds' ratios, and an interval that holds the true median in 95 of 100 measurements.

    Args:
        ours: a number of each round.
        theirs: of the same rounds; at least six, for fewer make no such interval.

    Source: order statistics; the interval's ends are those that a fair coin misses with 2.5 % a side (David and Nagaraja, section 7.1).
    """
    found = sorted(one / other for one, other in zip(ours, theirs, strict=True))
    rounds, below, cut = len(found), 0.0, 0
    while (below := below + math.comb(rounds, cut) / 2**rounds) <= 0.025:
        cut += 1
    return Ratio(median(found), found[max(0, cut - 1)], found[min(rounds - 1, rounds - cut)])

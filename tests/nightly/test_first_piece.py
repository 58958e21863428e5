"""A streamed reply comes as early with a record as without one: pairs of the same stream, with and without."""

import asyncio
import statistics
import time
from collections.abc import AsyncIterator

from migration.effects import effect
from migration.effects.journals.recording import Recording
from migration.model import Event, RunRequest

PAIRS, FIRST_S, MOST = 200, 0.05, 1.01
REQUEST = RunRequest(surface="support", tenant_id="t", user_id="u", thread_id="d", run_id="r", payload=b"{}", received_at=0.0)


async def source(prompt: str) -> AsyncIterator[dict[str, str]]:
    """Yield a first piece after fifty milliseconds, counted by spinning: a timer's own lateness is larger than what is measured."""
    until = time.perf_counter() + FIRST_S
    while time.perf_counter() < until:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0)
    yield {"delta": prompt}


ported = effect("model", "m")(source)


async def first_s(stream) -> float:
    started = time.perf_counter()
    pieces = stream("hello")
    await anext(pieces)
    taken = time.perf_counter() - started
    await pieces.aclose()
    return taken


async def recorded_s() -> float:
    taken = []

    async def run():
        taken.append(await first_s(ported))
        yield Event(kind="done", lane="", payload=b"{}", at_s=0.0)

    tape, events = Recording(REQUEST), run()
    while await tape.next_of(events) is not None:
        pass
    await tape.close(events)
    return taken[0]


async def test_a_record_delays_the_first_piece_by_no_more_than_one_percent():
    ratios = []
    for number in range(PAIRS):
        if number % 2:
            plain, taped = await first_s(source), await recorded_s()
        else:
            taped, plain = await recorded_s(), await first_s(source)
        ratios.append(taped / plain)
    assert statistics.median(ratios) <= MOST, statistics.median(ratios)

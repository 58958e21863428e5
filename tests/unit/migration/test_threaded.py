"""A migration whose loop has a thread of its own: no thread waits for a run that nobody runs any more."""

import asyncio
import threading
from concurrent.futures import CancelledError

from migration.model import Event
from migration.threaded import _AHEAD, in_thread

PATIENCE_S = 30.0


class Migration:
    """In place of `migration.composition.Migration`: a run whose second event never comes, and one that does not end."""

    def __init__(self):
        self.closed, self.sent = threading.Event(), []

    async def __aenter__(self):
        return self

    async def aclose(self):
        self.closed.set()

    async def run(self, _surface, _payload):
        yield Event(kind="word", lane="", payload=b"{}", at_s=0.0)
        await asyncio.Event().wait()

    async def endless(self, _surface, _payload):
        while True:
            self.sent.append(1)
            yield Event(kind="word", lane="", payload=b"{}", at_s=0.0)
            await asyncio.sleep(0)


def test_a_run_under_way_at_the_end_of_the_block_ends_for_the_thread_that_reads_it():
    made, began, ended = Migration(), threading.Event(), []

    def reads(migration):
        try:
            for _event in migration.run("support", {}):
                began.set()
        except CancelledError:
            ended.append(True)

    with in_thread(lambda: made) as migration:
        reader = threading.Thread(target=reads, args=(migration,), daemon=True)
        reader.start()
        assert began.wait(PATIENCE_S)
    reader.join(PATIENCE_S)
    assert (ended, made.closed.is_set()) == ([True], True)


def test_a_run_waits_for_a_thread_that_reads_slowly():
    made = Migration()
    made.run = made.endless

    async def turns():
        for _ in range(1000):
            await asyncio.sleep(0)

    with in_thread(lambda: made) as migration:
        events = migration.run("support", {})
        next(events)
        asyncio.run_coroutine_threadsafe(turns(), migration._loop).result(PATIENCE_S)
        assert len(made.sent) <= _AHEAD + 2  # the one that was read, and the one that waits for room
        events.close()

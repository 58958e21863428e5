"""A migration whose loop has a thread of its own: no thread waits for a run that nobody runs any more."""

import asyncio
import threading
from concurrent.futures import CancelledError

from migration.model import Event
from migration.threaded import in_thread

PATIENCE_S = 30.0


class Migration:
    """In place of `migration.composition.Migration`: one run whose second event never comes."""

    def __init__(self):
        self.closed = threading.Event()

    async def __aenter__(self):
        return self

    async def aclose(self):
        self.closed.set()

    async def run(self, _surface, _payload):
        yield Event(kind="word", lane="", payload=b"{}", at_s=0.0)
        await asyncio.Event().wait()


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

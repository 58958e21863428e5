"""A long thread is read with a limit: of each store only the newest runs leave the database."""

from netra_backend.app.services.runs.history import StoredHistory
from netra_backend.app.services.runs.legacy import LegacyRunStore
from netra_backend.app.services.runs.user import UserRunStore
from netra_backend.app.services.user_execution_context import UserExecutionContext

CONTEXT = UserExecutionContext(tenant_id="acme", user_id="ada", thread_id="thread-1", run_id="run-x")


async def test_the_newest_runs_of_a_thread_come_oldest_first(engine, make_run):
    for store in (LegacyRunStore(engine), UserRunStore(engine)):
        await store.write([make_run(f"run-{number}", started_at=float(number)) for number in range(20)])
        assert [run.run_id for run in await store.thread("acme", "ada", "thread-1", 3)] == ["run-17", "run-18", "run-19"]
        assert len(await store.thread("acme", "ada", "thread-1")) == 20


class Threads:
    def __init__(self):
        self.asked = []

    async def thread(self, *ids):
        self.asked.append(ids)
        return []


async def test_agents_are_told_of_so_many_runs_and_no_more_are_read():
    threads = Threads()
    await StoredHistory(threads, runs=7).history(CONTEXT)
    assert threads.asked == [("acme", "ada", "thread-1", 7)]

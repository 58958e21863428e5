import asyncio
import time

import pytest

from migration.effects.journals.recording import Recording
from migration.effects.journals.replaying import ReplayJournal
from migration.effects.journals.threads import follow_threads
from migration.effects.ports import activate, deactivate
from migration.model import Origin, RunRequest
from tests.migration.servers.models import ModelEndpoint

REQUEST = RunRequest(surface="chat", tenant_id="acme", user_id="ann", thread_id="t-1", run_id="r-1", payload=b"{}", received_at=0.0)


@pytest.fixture
def endpoint():
    with ModelEndpoint() as endpoint:
        yield endpoint


@pytest.fixture(autouse=True)
def _threads():
    follow_threads()


async def as_run(body):
    """A body is a coroutine function, or a plain one, which runs in a thread."""
    return await body() if asyncio.iscoroutinefunction(body) else await asyncio.to_thread(body)


@pytest.fixture
def recorded():
    """Runs a body as a served run; returns what it returns, and the journal."""

    async def record(body, clock=time.monotonic):
        tape, found = Recording(REQUEST, clock=clock), []

        async def run():
            found.append(await as_run(body))
            return
            yield

        events = run()
        await tape.next_of(events)
        await tape.close(events)
        return found[0], tape.record(Origin.CONTROL, "completed", None, None).journal

    return record


@pytest.fixture
def replayed():
    """Runs a body on a journal; returns what it returns, and the journal of what it asked."""

    async def replay(body, journal, **options):
        performer = ReplayJournal(journal, **options)
        token = activate(performer)
        try:
            return await as_run(body), performer
        finally:
            deactivate(token)

    return replay


@pytest.fixture
def surface(tmp_path, monkeypatch):
    """A project with the surface `bot`, whose policy says nothing but what every event holds."""
    (tmp_path / "pyproject.toml").write_text('[tool.netra-migration.surfaces]\nbot = "bot.toml"\n')
    (tmp_path / "bot.toml").write_text('surface = "bot"\nversion = 1\n[envelope]\ntexts = ["type"]\n')
    monkeypatch.setenv("NETRA_MIGRATION_PROJECT", str(tmp_path))
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path))

"""The backend without a migration: `UserExecutionEngine` serves every surface, and each finished run is kept in the user store alone."""

import asyncio
import contextlib
import json
from contextlib import aclosing, asynccontextmanager
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry

from netra_backend.app.config import Settings
from netra_backend.app.errors import ModelUnavailableError, RunStoreUnavailableError
from netra_backend.app.metrics import RunMetrics
from netra_backend.app.services.database import create_schema, open_engine
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.serving import SURFACES, DirectExecution, DirectRuns

GOLDEN_PATH = {"agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"}
CONTEXT = UserExecutionContext(tenant_id="acme", user_id="ann", thread_id="thread-7", run_id="run-42")
ANSWER = json.dumps(
    {"type": "agent_completed", "agent_name": "data", "payload": {"status": "completed", "result": {"final_answer": "The small one."}}}
).encode()


class Candidate:
    """Streams what the test says; whoever waits for `gate` waits before the last frame."""

    def __init__(self, *frames, error=None, gate=None):
        self.frames, self.error, self.gate, self.stopped = frames, error, gate, False

    async def stream(self, _context, _payload):
        try:
            for each in self.frames:
                yield each
            if self.gate is not None:
                await self.gate.wait()
            if self.error is not None:
                raise self.error
        finally:
            self.stopped = True


class Store:
    """Keeps runs in a list, after refusing as often as it was told."""

    def __init__(self, refusals=0):
        self.runs, self.refusals = [], refusals

    async def write(self, runs):
        if self.refusals:
            self.refusals -= 1
            raise RunStoreUnavailableError("the store is down")
        self.runs += runs

    async def thread(self, *_key):
        return self.runs


@asynccontextmanager
async def direct(candidate, store=None):
    """The runs of one candidate, on a clock that stands still and with no pause between tries."""
    registry, pauses = CollectorRegistry(), []

    async def sleep(seconds):
        pauses.append(seconds)

    kept = store or Store()
    runs = DirectRuns(candidate, kept, RunMetrics(registry), clock=lambda: 5.0, wall_clock=lambda: 1.7e9, sleep=sleep)
    try:
        yield SimpleNamespace(runs=runs, kept=kept, registry=registry, pauses=pauses)
    finally:
        await runs.aclose()


async def consume(runs):
    async with aclosing(runs.stream("chat", CONTEXT, {"message": "Which model?"})) as frames:
        return [each async for each in frames]


def counted(registry, outcome):
    return registry.get_sample_value("netra_runs_total", {"surface": "chat", "outcome": outcome})


async def test_frames_pass_unchanged_and_the_run_is_kept_with_question_and_answer():
    async with direct(Candidate(b'{"odd" :  1}', ANSWER)) as backend:
        assert await consume(backend.runs) == [b'{"odd" :  1}', ANSWER]
    (run,) = backend.kept.runs
    assert (run.engine, run.question, run.answer, run.outcome, run.started_at) == (
        "user",
        "Which model?",
        "The small one.",
        "completed",
        1.7e9,
    )
    assert counted(backend.registry, "completed") == 1.0


@pytest.mark.parametrize(("error", "outcome"), [(ModelUnavailableError("down"), "failed"), (TimeoutError(), "timed_out")])
async def test_an_error_of_the_engine_reaches_the_caller_and_the_failed_run_is_kept(error, outcome):
    async with direct(Candidate(ANSWER, error=error)) as backend:
        with pytest.raises(type(error)):
            await consume(backend.runs)
    assert [(run.outcome, run.answer) for run in backend.kept.runs] == [(outcome, None)]
    assert counted(backend.registry, outcome) == 1.0


async def test_a_run_that_its_user_left_is_stopped_and_counted_but_not_kept():
    candidate = Candidate(ANSWER, gate=asyncio.Event())
    async with direct(candidate) as backend, aclosing(backend.runs.stream("chat", CONTEXT, {"message": "?"})) as frames:
        await anext(frames)
    assert candidate.stopped
    assert backend.kept.runs == []
    assert counted(backend.registry, "cancelled") == 1.0


async def test_a_store_that_is_down_for_a_moment_loses_no_run():
    async with direct(Candidate(ANSWER), Store(refusals=2)) as backend:
        await consume(backend.runs)
    assert len(backend.kept.runs) == 1
    assert backend.pauses == [0.1, 0.5]


async def test_a_run_that_cannot_be_kept_is_reported_failed_after_its_frames():
    async with direct(Candidate(ANSWER), Store(refusals=3)) as backend:
        seen = []
        with pytest.raises(RunStoreUnavailableError):
            async with aclosing(backend.runs.stream("chat", CONTEXT, {"message": "?"})) as frames:
                seen.extend([each async for each in frames])
    assert backend.kept.runs == []


async def test_a_caller_that_is_cancelled_while_its_run_is_kept_does_not_stop_that():
    writing, go_on = asyncio.Event(), asyncio.Event()

    class SlowStore(Store):
        async def write(self, runs):
            writing.set()
            await go_on.wait()
            await super().write(runs)

    async with direct(Candidate(ANSWER), SlowStore()) as backend:
        caller = asyncio.create_task(consume(backend.runs))
        await writing.wait()
        caller.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await caller
        go_on.set()
        await backend.runs.aclose()
        assert len(backend.kept.runs) == 1


@pytest.fixture
async def execution(tmp_path):
    """The real thing on an empty database, with the scripted model."""
    settings = Settings(home=tmp_path, jwt_secret="a-secret-of-the-tests-0123456789ab")
    database = open_engine(settings.database_url)
    await create_schema(database)
    await database.dispose()
    backend = DirectExecution(settings, CollectorRegistry())
    await backend.start()
    yield backend
    await backend.aclose()


async def test_a_chat_takes_the_golden_path_and_its_thread_remembers_it(execution):
    async with aclosing(execution.stream("chat", CONTEXT, {"message": "Which model costs us most?", "agent": "data"})) as frames:
        kinds = {json.loads(each)["type"] async for each in frames}
    assert kinds == GOLDEN_PATH
    (run,) = await execution.threads.thread("acme", "ann", "thread-7")
    assert run.outcome == "completed"
    assert await execution.threads.thread("acme", "bob", "thread-7") == []


@pytest.mark.parametrize("surface", SURFACES)
async def test_every_surface_is_served_and_counted(execution, surface):
    payload = {"tool": "usage_summary", "arguments": {}} if surface == "tools" else {"message": "hello", "agent": "data"}
    async with aclosing(execution.stream(surface, CONTEXT, payload)) as frames:
        last = [json.loads(each) async for each in frames][-1]
    assert last["type"] == ("agent_completed" if surface == "chat" else "run_result")
    text, content_type = execution.metrics()
    assert f'surface="{surface}"' in text.decode()
    assert content_type.startswith("text/plain")
    assert execution.ready()[surface] == "ok"

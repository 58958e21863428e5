"""A surface whose control is gone, beside others that are still being migrated."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from migration.errors import UnknownSurfaceError
from migration.model import Origin
from migration.settings import MigrationSettings
from netra_backend.app.config import Settings
from netra_backend.app.execution import CONTROLS, BackendExecution, fresh_engine
from netra_backend.app.services.database import create_schema, open_engine
from netra_backend.app.services.runs.history import IncompleteThreadError
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.serving import SURFACES

THREAD = ("acme", "ann", "thread-7")


@pytest.fixture(params=sorted(CONTROLS))
def done(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The surface without a control."""
    surface: str = request.param
    monkeypatch.delitem(CONTROLS, surface)  # type: ignore[arg-type]  # the table is a dict; only tests change it
    return surface


@pytest.fixture
async def backend(tmp_path: Path, done: str) -> AsyncIterator[BackendExecution]:
    settings = Settings(home=tmp_path, jwt_secret="a-secret-of-the-tests-0123456789ab")
    database = open_engine(settings.database_url)
    await create_schema(database)
    await database.dispose()
    execution = BackendExecution(settings, MigrationSettings(home=tmp_path), CollectorRegistry())
    await execution.start()
    yield execution
    await execution.aclose()


def payload_of(surface: str) -> dict[str, Any]:
    return {"tool": "usage_summary", "arguments": {}} if surface == "tools" else {"message": f"asked on {surface}", "agent": "data"}


async def run(execution: BackendExecution, surface: str) -> list[dict[str, Any]]:
    tenant, user, thread = THREAD
    context = UserExecutionContext(tenant_id=tenant, user_id=user, thread_id=thread, run_id=f"run-{surface}")
    async with aclosing(execution.stream(surface, context, payload_of(surface))) as frames:
        return [json.loads(frame) async for frame in frames]


async def test_the_candidate_serves_it_while_control_serves_the_others(backend: BackendExecution, done: str) -> None:
    for surface in SURFACES:
        await run(backend, surface)
    runs = {finished.surface: finished.engine for finished in await backend.threads.thread(*THREAD)}
    assert done not in CONTROLS
    assert runs == {surface: "legacy" if surface in CONTROLS else "user" for surface in SURFACES}


async def test_its_runs_are_counted_as_the_backends_own_and_it_is_ready(backend: BackendExecution, done: str) -> None:
    await run(backend, done)
    text = backend.metrics()[0].decode()
    assert f'netra_runs_total{{outcome="completed",surface="{done}"}} 1.0' in text
    assert backend.ready()[done] == "ok"


async def test_a_thread_is_incomplete_while_the_store_of_its_runs_does_not_answer(
    backend: BackendExecution, done: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await run(backend, done)
    await backend._databases.aclose()

    async def gone(*_thread: str) -> list[Any]:
        from netra_backend.app.errors import RunStoreUnavailableError

        raise RunStoreUnavailableError("the store is down")

    monkeypatch.setattr(backend._databases.user, "thread", gone)
    with pytest.raises(IncompleteThreadError):
        await backend.threads.thread(*THREAD)


def test_there_is_no_control_to_replay(done: str) -> None:
    with pytest.raises(UnknownSurfaceError):
        fresh_engine(done, Origin.CONTROL)


async def test_a_surface_that_the_settings_leave_out_is_refused_while_its_control_is_here(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, jwt_secret="a-secret-of-the-tests-0123456789ab")
    first, *rest = sorted(CONTROLS)
    execution = BackendExecution(settings, MigrationSettings(home=tmp_path, surfaces=tuple(rest)), CollectorRegistry())
    context = UserExecutionContext(tenant_id="acme", user_id="ann", thread_id="thread-7", run_id="run-1")
    with pytest.raises(UnknownSurfaceError, match=first):
        execution.stream(first, context, {})
    await execution.aclose()

"""The composed backend and its flags: what is served while they are late, what a restart remembers, and what a token may say."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import msgspec
import pytest
from prometheus_client import CollectorRegistry

from migration.settings import MigrationSettings
from netra_backend.app.config import Settings
from netra_backend.app.errors import NotReadyError
from netra_backend.app.execution import BackendExecution
from netra_backend.app.services.database import create_schema, open_engine
from netra_backend.app.services.runs.databases import RunDatabases
from netra_backend.app.services.runs.legacy import LegacyRunStore
from netra_backend.app.services.tokens import mint, verify
from netra_backend.app.services.user_execution_context import UserExecutionContext
from tests.unit.migration.flags.making import at, clause, flag_file, rule, surface_flag

SURFACES = ("chat", "oneshot", "batch", "tools")
COMPLETE = [at("complete", surface) for surface in SURFACES]


@pytest.fixture
def home(tmp_path):
    return tmp_path


@pytest.fixture
def settings(home):
    return Settings(home=home, jwt_secret="s" * 32)


@asynccontextmanager
async def serving(settings: Settings, **migration) -> AsyncIterator[BackendExecution]:
    database = open_engine(settings.database_url)
    await create_schema(database)
    await database.dispose()
    execution = BackendExecution(settings, MigrationSettings(home=settings.home, flags_poll_s=0.02, **migration), CollectorRegistry())
    await execution.start()
    try:
        yield execution
    finally:
        await execution.aclose()


async def chat(execution, run_id, claims=None):
    context = UserExecutionContext(tenant_id="acme", user_id="ann", thread_id="thread-1", run_id=run_id, claims=claims or {})
    payload = {"message": f"question of {run_id}", "agent": "assistant", "history": []}
    async with aclosing(execution.stream("chat", context, payload)) as frames:
        return [msgspec.json.decode(frame)["type"] async for frame in frames][-1]


async def kept(settings):
    """Return the ids of the thread's runs in each store."""
    databases = RunDatabases(settings)
    thread = ("acme", "ann", "thread-1")
    found = {
        "legacy": await LegacyRunStore(databases.engine(settings.legacy_runs_url)).thread(*thread),
        "user": await databases.user.thread(*thread),
    }
    await databases.aclose()
    return {name: [run.run_id for run in runs] for name, runs in found.items()}


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - flags change in a thread
            await asyncio.sleep(0.01)


async def test_a_restart_while_the_flags_are_missing_serves_as_before_and_writes_to_the_same_store(settings, home):
    (home / "flags.json").write_bytes(flag_file(*COMPLETE))
    async with serving(settings, start_without_flags="wait") as execution:
        await chat(execution, "run-1")
    (home / "flags.json").unlink()
    async with serving(settings, start_without_flags="wait") as execution:
        ready = dict(execution.ready())
        await chat(execution, "run-2")
    assert set(ready.values()) == {"ok"}
    assert await kept(settings) == {"legacy": [], "user": ["run-1", "run-2"]}


@pytest.mark.parametrize("half", [False, True])
async def test_without_flags_and_snapshot_nothing_is_ready_or_served_until_they_were_read(settings, home, half):
    if half:
        (home / "flags.json").write_bytes(flag_file(*COMPLETE)[:300])
    async with serving(settings, start_without_flags="wait") as execution:
        states = set(execution.ready().values()) - {"ok"}  # a surface whose control was removed needs no flags
        with pytest.raises(NotReadyError, match="cannot serve chat yet; try again in 5 s"):
            await chat(execution, "run-1")
        (home / "flags.json").write_bytes(flag_file(*COMPLETE))
        await until(lambda: set(execution.ready().values()) == {"ok"})
        await chat(execution, "run-2")
    assert states
    assert all("was not read yet" in state for state in states)
    assert await kept(settings) == {"legacy": [], "user": ["run-2"]}


async def test_in_development_a_first_start_needs_no_flags(settings):
    async with serving(settings) as execution:
        await chat(execution, "run-1")
        assert set(execution.ready().values()) == {"ok"}
    assert (await kept(settings))["legacy"] == ["run-1"]


@pytest.mark.parametrize("spoiled", ["half", "dangling link"])
async def test_in_development_too_a_flag_file_that_cannot_be_read_yet_is_waited_for(settings, home, spoiled):
    if spoiled == "half":
        (home / "flags.json").write_bytes(flag_file(*COMPLETE)[:300])
    else:
        (home / "flags.json").symlink_to(home / "mounted" / "flags.json")
    async with serving(settings) as execution:
        with pytest.raises(NotReadyError, match="cannot serve chat yet"):
            await chat(execution, "run-1")
    assert await kept(settings) == {"legacy": [], "user": []}


async def test_only_allowed_claims_of_the_token_are_looked_at_by_rules(settings, home):
    rules = [rule({"variation": 5}, clause("plan", "in", "pro")), rule({"variation": 1}, clause("email", "in", "ann@acme.org"))]
    (home / "flags.json").write_bytes(flag_file(surface_flag(rules=rules)))
    claims = {"email": "ann@acme.org", "roles": ["a"], "address": {"city": "Bonn"}}
    async with serving(settings, tenant_claims=("plan", "address", "roles")) as execution:
        await chat(execution, "run-1", {**claims, "plan": "pro"})
        await chat(execution, "run-2", {**claims, "plan": "free"})
    assert await kept(settings) == {"legacy": ["run-2"], "user": ["run-1"]}


def test_an_identity_knows_the_claims_of_its_token_and_does_not_show_them(settings):
    identity = verify(settings, mint(settings, "acme", "ann"))
    assert (identity.claims["tenant"], "claims" in repr(identity)) == ("acme", False)


async def test_the_emergency_switch_works_while_the_flag_file_is_half_written(settings, home):
    (home / "flags.json").write_bytes(flag_file(*(at("live", surface) for surface in SURFACES)))
    async with serving(settings) as execution:
        (home / "flags.json").write_text(json.dumps({"flags": {}})[:8])
        (home / "emergency-kill-switch").touch()
        await until(lambda: execution._migration.flags.emergency)
        await until(lambda: execution._migration.flags.plan("chat", "acme").serves == "control")
        await chat(execution, "run-1")
        (home / "emergency-kill-switch").unlink()
        await until(lambda: execution._migration.flags.plan("chat", "acme").serves == "candidate")
    assert (await kept(settings))["legacy"] == ["run-1"]

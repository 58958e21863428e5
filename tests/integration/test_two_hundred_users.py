"""Two hundred users at once on each surface: with the candidate serving, nobody sees anything of anybody else, anywhere."""

import asyncio
import json
import logging
from contextlib import aclosing

import pytest
from prometheus_client import CollectorRegistry
from sqlalchemy import text

from migration.model import Stage
from migration.settings import MigrationSettings
from netra_backend.app.config import Settings
from netra_backend.app.execution import BackendExecution
from netra_backend.app.services.database import create_schema, open_engine
from netra_backend.app.services.user_execution_context import UserExecutionContext
from tests.unit.migration.flags.making import at, flag_file

USERS = 200
SURFACES = ("chat", "oneshot", "batch", "tools")


class User:
    """One user of a tenant of their own. Every id and the message hold a mark that nobody else has."""

    def __init__(self, number: int) -> None:
        self.mark = f"mark{number:03d}x"
        self.context = UserExecutionContext(
            tenant_id=f"tenant-{self.mark}", user_id=f"user-{self.mark}", thread_id=f"thread-{self.mark}", run_id=f"run-{self.mark}"
        )
        self.frames: list[str] = []

    def payload(self, surface: str):
        if surface == "tools":
            return {"tool": "price_lookup", "arguments": {"model": f"gpt-{self.mark}"}}
        agent = "supervisor" if surface == "chat" else "data"
        return {"message": f"How can we lower what we spend on gpt-4o? {self.mark}", "agent": agent, "history": []}

    async def ask(self, execution: BackendExecution, surface: str) -> None:
        async with aclosing(execution.stream(surface, self.context, self.payload(surface))) as frames:
            async for frame in frames:
                self.frames.append(frame.decode())

    def foreign(self, marks: set[str], texts: list[str]) -> set[str]:
        return {mark for mark in marks - {self.mark} for seen in texts if mark in seen}


@pytest.fixture
def open_execution(tmp_path):
    """Composes the backend with one stage for everybody, on fresh files."""

    async def compose(surface: str, stage: Stage) -> tuple[BackendExecution, Settings]:
        (tmp_path / "flags.json").write_bytes(flag_file(at(stage.value, surface)))
        settings = Settings(home=tmp_path, jwt_secret="0123456789abcdef0123456789abcdef", scripted_latency_ms=2)
        database = open_engine(settings.database_url)
        await create_schema(database)
        await database.dispose()
        execution = BackendExecution(settings, MigrationSettings(home=tmp_path), CollectorRegistry())
        await execution.start()
        return execution, settings

    return compose


async def ask_all(execution: BackendExecution, surface: str) -> list[User]:
    users = [User(number) for number in range(USERS)]
    await asyncio.gather(*(user.ask(execution, surface) for user in users))
    return users


@pytest.mark.parametrize("surface", SURFACES)
async def test_with_the_candidate_serving_no_event_row_or_log_line_is_another_users(surface, open_execution, caplog):
    caplog.set_level(logging.DEBUG)
    execution, settings = await open_execution(surface, Stage.COMPLETE)
    try:
        users = await ask_all(execution, surface)
        kept = {user.mark: await execution.threads.thread(*thread_of(user)) for user in users}
    finally:
        await execution.aclose()
    marks = {user.mark for user in users}
    for user in users:
        assert user.frames
        assert user.foreign(marks, user.frames) == set()
        assert {json.loads(frame)["run_id"] for frame in user.frames} == {user.context.run_id}
        assert [run.run_id for run in kept[user.mark]] == [user.context.run_id]
        assert user.foreign(marks, [repr(run) for run in kept[user.mark]]) == set()
    lines = [record.getMessage() for record in caplog.records]
    assert [line for line in lines if sum(mark in line for mark in marks) > 1] == []
    await rows_have_one_owner(settings, marks)


def thread_of(user: User) -> tuple[str, str, str]:
    return user.context.tenant_id, user.context.user_id, user.context.thread_id


async def rows_have_one_owner(settings: Settings, marks: set[str]) -> None:
    """No row of any table of the backend's database speaks of two users."""
    database = open_engine(settings.database_url)
    async with database.connect() as connection:
        names = (await connection.execute(text("SELECT name FROM sqlite_master WHERE type = 'table'"))).scalars().all()
        for name in names:
            for row in (await connection.execute(text(f'SELECT * FROM "{name}"'))).all():  # noqa: S608 - names come from the database itself
                written = repr(row)
                assert sum(mark in written for mark in marks) <= 1, name
    await database.dispose()


# goes with: chat
async def test_the_same_load_on_the_control_of_chat_shows_its_leak(open_execution):
    execution, _ = await open_execution("chat", Stage.OFF)
    try:
        users = await ask_all(execution, "chat")
    finally:
        await execution.aclose()
    started = [sum('"type":"agent_started"' in frame for frame in user.frames) for user in users]
    thinking = [sum('"type":"agent_thinking"' in frame for frame in user.frames) for user in users]
    # Nobody's question differs but for the mark, so each stream should have the same events; on shared agents some users get others'.
    assert len(set(started)) == 1
    assert len(set(thinking)) > 1


# stays

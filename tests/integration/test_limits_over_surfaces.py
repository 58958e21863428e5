"""The composed backend counts a user's engines over all surfaces together."""

from contextlib import aclosing
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from migration.settings import MigrationSettings
from netra_backend.app.config import Settings
from netra_backend.app.errors import UserLimitExceededError
from netra_backend.app.execution import BackendExecution
from netra_backend.app.services.database import create_schema, open_engine
from netra_backend.app.services.user_execution_context import UserExecutionContext
from tests.unit.migration.flags.making import at, flag_file

SURFACES = ("chat", "oneshot", "batch", "tools")


def everybody_on_the_candidate(path: Path) -> None:
    path.write_bytes(flag_file(*(at("complete", surface) for surface in SURFACES)))


def context(number: int) -> UserExecutionContext:
    return UserExecutionContext(tenant_id="acme", user_id="ann", thread_id=f"thread-{number}", run_id=f"run-{number}")


async def test_a_user_with_as_many_engines_as_allowed_gets_no_other_on_any_surface(tmp_path: Path) -> None:
    everybody_on_the_candidate(tmp_path / "flags.json")
    settings = Settings(home=tmp_path, jwt_secret="a-secret-of-the-tests-0123456789ab", engines_per_user=1, scripted_latency_ms=60_000)
    database = open_engine(settings.database_url)
    await create_schema(database)
    await database.dispose()
    execution = BackendExecution(settings, MigrationSettings(home=tmp_path, surfaces=SURFACES), CollectorRegistry())
    await execution.start()
    try:
        async with aclosing(execution.stream("chat", context(0), {"message": "hello", "agent": "data"})) as chat:
            await anext(chat)
            for number, surface in enumerate(SURFACES, start=1):
                payload = {"tool": "usage_summary"} if surface == "tools" else {"message": "hello", "agent": "data"}
                async with aclosing(execution.stream(surface, context(number), payload)) as refused:
                    with pytest.raises(UserLimitExceededError, match="1/1"):
                        await anext(refused)
    finally:
        await execution.aclose()

"""Tries a worker: starts one, waits until it takes jobs, and ends it again."""

import asyncio

from migration.settings import MigrationSettings
from migration.shadow.hello import hello
from migration.shadow.parts import DEFAULT_ENGINES, DEFAULT_PARTS
from migration.shadow.worker_process import WorkerProcess


async def try_worker(settings: MigrationSettings) -> str | None:
    """Return what is wrong with a worker of these settings; None: it takes jobs."""
    loop = asyncio.get_running_loop()
    said: asyncio.Future[str | None] = loop.create_future()

    def say(what: str | None) -> None:
        if not said.done():
            said.set_result(what)

    try:
        started = WorkerProcess(
            loop=loop,
            hello=hello(settings, DEFAULT_PARTS, DEFAULT_ENGINES),
            on_frame=lambda body: None if body else say(None),
            on_exit=lambda status: say(f"a worker that was started for this check ended with status {status}"),
        )
    except OSError as error:
        return f"a worker cannot be started: {error}"
    try:
        async with asyncio.timeout(settings.shadow_start_s):
            return await said
    except TimeoutError:
        return f"a worker that was started for this check was not ready after {settings.shadow_start_s:g} s"
    finally:
        started.end()

"""`UserRunStore`: the store that keeps each user's runs apart. It remains after the migration."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.services.runs.finished_run import FinishedRun
from netra_backend.app.services.runs.sql_runs import KEY, SqlRuns, run_table

USER_RUNS: Final = run_table("user_runs", KEY)


class UserRunStore:
    """Runs keyed by tenant, user, thread and run. They can be read only with tenant, user and thread.

    Args:
        engine: the database; the store does not close it.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._runs = SqlRuns(engine, USER_RUNS)

    async def write(self, runs: Sequence[FinishedRun], /) -> None:
        """Store all of the runs or none. Writing a run again changes nothing.

        Raises:
            RunRefusedError: the id of one of the runs belongs to another run, or the store can never store one of them.
            RunStoreUnavailableError: the store cannot be reached or cannot store now.
        """
        await self._runs.write(runs)

    async def thread(self, tenant_id: str, user_id: str, thread_id: str, newest: int | None = None, /) -> list[FinishedRun]:
        """Return the thread's runs, oldest first: all of them, or only the `newest`. [] when this user has none.

        Raises:
            RunStoreUnavailableError: the store cannot be read now.
        """
        return await self._runs.thread(tenant_id, user_id, thread_id, newest)


def user_run_scan(engine: AsyncEngine) -> SqlRuns:
    """Return a scan of the same table for operators; the store itself cannot scan."""
    return SqlRuns(engine, USER_RUNS)

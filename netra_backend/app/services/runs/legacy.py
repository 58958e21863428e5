"""`LegacyRunStore`: the flat table of the legacy engines' runs. It is removed together with these engines."""

from typing import Final

from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.services.runs.finished_run import FinishedRun
from netra_backend.app.services.runs.sql_runs import SqlRuns, run_table

LEGACY_RUNS: Final = run_table("agent_runs", ["run_id"])


class LegacyRunStore(SqlRuns):
    """All runs in one flat table, keyed by run id alone.

    Args:
        engine: the database; the store does not close it.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine, LEGACY_RUNS)

    async def run(self, run_id: str, /) -> FinishedRun | None:
        """Return the run with this id, of any user; None if there is none. It is a known defect of this store that any user may ask.

        Raises:
            RunStoreUnavailableError: the store cannot be read now.
        """
        return await self._one("run_id", run_id)

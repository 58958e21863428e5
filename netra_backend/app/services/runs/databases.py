"""Both run stores, opened as the settings say."""

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.config import Settings
from netra_backend.app.services.database import open_engine
from netra_backend.app.services.runs.legacy import LegacyRunStore
from netra_backend.app.services.runs.sql_runs import SqlRuns
from netra_backend.app.services.runs.user import UserRunStore, user_run_scan


class RunDatabases:
    """The run stores and their connections. Connects to nothing until it is used, so a store that is down keeps nobody from starting.

    Args:
        settings: where the stores are.

    Raises:
        SettingsError: a URL cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._engines: dict[str, AsyncEngine] = {}
        self.legacy = LegacyRunStore(self._engine(settings.legacy_runs_url))
        self.user = UserRunStore(self._engine(settings.user_runs_url))
        self.user_scan: SqlRuns = user_run_scan(self._engine(settings.user_runs_url))

    async def aclose(self) -> None:
        """Close all connections. Idempotent."""
        for engine in self._engines.values():
            await engine.dispose()

    def _engine(self, url: SecretStr) -> AsyncEngine:
        text = url.get_secret_value()
        if text not in self._engines:
            self._engines[text] = open_engine(url)
        return self._engines[text]

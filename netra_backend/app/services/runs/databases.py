"""Opens the run stores' databases that the settings name."""

from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.config import Settings
from netra_backend.app.services.database import open_engine
from netra_backend.app.services.runs.user import UserRunStore


class RunDatabases:
    """The stores of finished runs, and their connections. A connection opens only when it is used, so a process can start while a store is
    down.

    Args:
        settings: name the databases.

    Raises:
        SettingsError: a URL cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._engines: dict[str, AsyncEngine] = {}
        self.user = UserRunStore(self.engine(settings.user_runs_url))

    def engine(self, url: SecretStr) -> AsyncEngine:
        """Return the connections to a database, which are the same for the same URL. `aclose` closes them.

        Raises:
            SettingsError: the URL cannot be used.
        """
        text = url.get_secret_value()
        if text not in self._engines:
            self._engines[text] = open_engine(url)
        return self._engines[text]

    async def aclose(self) -> None:
        """Close all connections. Idempotent."""
        for engine in self._engines.values():
            await engine.dispose()

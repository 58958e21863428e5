"""The real ports of `world.World`: the configured model, the registered tools on the database, the system's clock, random ids."""

import uuid
from datetime import UTC, datetime

from netra_backend.app.config import Settings
from netra_backend.app.services.action_plans import ActionPlans
from netra_backend.app.services.database import open_engine
from netra_backend.app.services.llm.provider import open_chat_model
from netra_backend.app.services.unified_tool_registry.catalogue import default_registry
from netra_backend.app.services.unified_tool_registry.dispatcher import RegistryToolCaller
from netra_backend.app.services.unified_tool_registry.permissions import TenantPermissions
from netra_backend.app.services.unified_tool_registry.registry import ToolPorts
from netra_backend.app.services.usage_data import UsageData
from netra_backend.app.world import World


class SystemClock:
    """The machine's clock, in UTC."""

    def now(self, *, lane: str) -> datetime:  # noqa: ARG002 - who asks does not matter here
        """Return the time."""
        return datetime.now(UTC)


class RandomIds:
    """Ids that cannot be guessed."""

    def new(self, purpose: str, /, *, lane: str) -> str:  # noqa: ARG002 - nor does it matter what for
        """Return 32 hex digits."""
        return uuid.uuid4().hex


class Outside:
    """The real ports of these settings. Connects only when a port is used; must be closed at the end.

    Args:
        settings: name the model, the database and the tenants that may not write.

    Raises:
        SettingsError: the database's URL cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._database = open_engine(settings.database_url)
        self._model = open_chat_model(settings)
        self.registry = default_registry()
        ports = ToolPorts(usage=UsageData(self._database), plans=ActionPlans(self._database))
        tools = RegistryToolCaller(self.registry, ports, TenantPermissions(settings.read_only_tenants))
        self.world = World(model=self._model, tools=tools, clock=SystemClock(), ids=RandomIds())

    async def aclose(self) -> None:
        """Close the connections to model and database. Idempotent."""
        await self._model.aclose()
        await self._database.dispose()

"""The part of the outside that a replay may reach under the miss policy `allow`: the read-only tools."""

from netra_backend.app.config import Settings
from netra_backend.app.services.action_plans import ActionPlans
from netra_backend.app.services.database import open_engine
from netra_backend.app.services.unified_tool_registry.catalogue import default_registry
from netra_backend.app.services.unified_tool_registry.dispatcher import RegistryToolCaller
from netra_backend.app.services.unified_tool_registry.permissions import TenantPermissions
from netra_backend.app.services.unified_tool_registry.registry import ToolPorts
from netra_backend.app.services.usage_data import UsageData


class ReadOnlyTools:
    """The tools that change nothing, on a database that refuses changes. Connects only when a tool is called; must be closed at the end.

    Args:
        settings: name the database.

    Raises:
        SettingsError: the database's URL cannot be used.
    """

    def __init__(self, settings: Settings) -> None:
        self._database = open_engine(settings.database_url, read_only=True)
        registry = default_registry().read_only()
        ports = ToolPorts(usage=UsageData(self._database), plans=ActionPlans(self._database))
        self.names = registry.names
        self.caller = RegistryToolCaller(registry, ports, TenantPermissions(settings.read_only_tenants))

    async def aclose(self) -> None:
        """Close the connections to the database. Idempotent."""
        await self._database.dispose()

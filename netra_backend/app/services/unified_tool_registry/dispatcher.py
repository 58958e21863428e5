"""Calls a tool for a user: checks that the tool exists, that the user may call it and that the arguments fit, then calls its handler."""

import logging
import traceback
import uuid
from collections.abc import Mapping
from typing import Any

from netra_backend.app.errors import ToolError, ToolFailedError, ToolPermissionError
from netra_backend.app.services.unified_tool_registry.permissions import Permissions
from netra_backend.app.services.unified_tool_registry.registry import ToolPorts, ToolRegistry
from netra_backend.app.services.user_execution_context import UserExecutionContext

logger = logging.getLogger(__name__)


class RegistryToolCaller:
    """Implements the `ToolCaller` of `world.py` with a registry.

    Args:
        registry: the tools.
        ports: the data that the tools work on.
        permissions: decide who may call which tool.
    """

    def __init__(self, registry: ToolRegistry, ports: ToolPorts, permissions: Permissions) -> None:
        self._registry, self._ports, self._permissions = registry, ports, permissions

    async def call(self, context: UserExecutionContext, name: str, arguments: Mapping[str, Any], /, *, lane: str) -> Any:  # noqa: ANN401 - any JSON
        """Return the tool's answer; see `ToolCaller.call`.

        Raises:
            UnknownToolError: there is no such tool.
            ToolPermissionError: the user may not call the tool; this is checked before the arguments.
            ToolArgumentsError: the arguments do not fit.
            ToolError: any other `ToolError` that the handler raised.
            ToolFailedError: the handler raised another exception, which is logged with the support code in the message.
        """
        tool = self._registry.get(name)
        if not self._permissions.allows(context, tool.permission):
            raise ToolPermissionError(f"you may not call {name}: it needs the permission {tool.permission}; ask your administrator")
        checked = tool.check(arguments)
        try:
            return await tool.handler(context, checked, self._ports)
        except ToolError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler raises must reach the agent as a tool's failure
            code = uuid.uuid4().hex[:12]
            # Log the frames without the exception's text, which may quote a user.
            frames = "".join(traceback.format_tb(error.__traceback__))
            logger.error("tool %s failed for %s: %s, support code %s\n%s", name, lane, type(error).__name__, code, frames)  # noqa: TRY400 - see above
            raise ToolFailedError(f"{name} failed; try again, or ask for help with the support code {code}") from None

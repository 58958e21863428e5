"""`ToolExecutionEngine`, DUPLICATE: executes tools and nothing else.

It has no user context, sends no events and has no time limit or other limit. `execute_tool` executes as a service user, so the caller's
permissions are not checked. These defects are kept on purpose, because they are why the migration exists.
"""

import logging
import time
import uuid
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from netra_backend.app.errors import ToolError, ToolPermissionError

logger = logging.getLogger(__name__)

ToolExecutionStatus = Literal["success", "error", "permission_denied"]
_SHOWN_CHARACTERS: Final = 200
_Ending = tuple[ToolExecutionStatus, Any, str | None]  #: status, answer, error


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUser:
    """The caller, without thread and run."""

    tenant_id: str
    user_id: str


SERVICE_USER: Final = ToolUser(tenant_id="netra-services", user_id="tool-service")
"""The user for tools that are executed by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnifiedTool:
    """A tool of this engine."""

    name: str
    permission: str
    handler: Callable[[ToolUser, Mapping[str, Any]], Awaitable[Any]]  #: returns any JSON; the user sees the text of a `ToolError`
    parameters: Mapping[str, Any]  #: JSON schema of the arguments; {} fits anything


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolExecutionResult:
    """The result of a call. Nothing is raised, so this is the only place where a failure shows."""

    tool_name: str
    status: ToolExecutionStatus
    duration_s: float  #: monotonic seconds
    result: Any = None  #: the tool's answer, any JSON; None unless the status is "success"
    error_message: str | None = None  #: safe for users; None when the status is "success"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUsage:
    """A record of one call, without arguments and answer."""

    tool_name: str
    tenant_id: str
    user_id: str
    status: ToolExecutionStatus
    duration_s: float


class PermissionService(Protocol):
    """Decides whether a user may do something."""

    def allows(self, user: ToolUser, permission: str, /) -> bool:
        """Return whether the user has the permission."""
        ...


class UsageLog(Protocol):
    """Accepts usage records, for example a database session."""

    def add(self, usage: ToolUsage, /) -> None:
        """Store the record."""
        ...


class ToolExecutionEngine:
    """Executes tools for any caller.

    Args:
        permission_service: decides who may call what.
        clock: monotonic seconds.
    """

    MAX_USAGE_RECORDS = 1000

    def __init__(self, permission_service: PermissionService, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._permissions = permission_service
        self._clock = clock
        self._tools: dict[str, UnifiedTool] = {}
        self._usage: deque[ToolUsage] = deque(maxlen=self.MAX_USAGE_RECORDS)

    @property
    def usage(self) -> tuple[ToolUsage, ...]:
        """The last thousand calls of all users together, oldest first."""
        return tuple(self._usage)

    def register_tool(self, tool: UnifiedTool) -> None:
        """Register the tool for `execute_tool`; it replaces a tool of the same name."""
        self._tools[tool.name] = tool

    async def execute_unified_tool(
        self, tool: UnifiedTool | None, arguments: Mapping[str, Any], user: ToolUser, db_session: UsageLog | None = None
    ) -> ToolExecutionResult:
        """Check that the tool exists, that the user may call it and that the arguments fit, then call it. An exception becomes a result.

        Args:
            tool: the tool to call; None: there is no such tool, so the result is an error.
            arguments: a JSON object.
            user: the user whose permissions are checked.
            db_session: also gets the usage record; None: only this engine stores it.
        """
        name = tool.name if tool is not None else "unknown"
        started_s = self._clock()
        status, value, message = await self._execute(tool, arguments, user)
        duration_s = self._clock() - started_s
        usage = ToolUsage(tool_name=name, tenant_id=user.tenant_id, user_id=user.user_id, status=status, duration_s=duration_s)
        self._usage.append(usage)
        if db_session is not None:
            db_session.add(usage)
        return ToolExecutionResult(tool_name=name, status=status, duration_s=duration_s, result=value, error_message=message)

    async def execute_tool(self, tool_name: str, parameters: Mapping[str, Any]) -> ToolExecutionResult:
        """Execute a registered tool by name, as the service user.

        The caller's permissions are not checked, because the caller is not known.
        """
        return await self.execute_unified_tool(self._tools.get(tool_name), parameters, SERVICE_USER)

    async def _execute(self, tool: UnifiedTool | None, arguments: Mapping[str, Any], user: ToolUser) -> _Ending:
        if tool is None:
            return "error", None, f"no such tool; use one of: {', '.join(self._tools) or 'none'}"
        if not self._permissions.allows(user, tool.permission):
            return "permission_denied", None, f"you may not call {tool.name}: it needs the permission {tool.permission}"
        problem = best_match(Draft202012Validator(dict(tool.parameters)).iter_errors(dict(arguments)))
        if problem is not None:
            where = "/".join(map(str, problem.absolute_path)) or "the arguments"
            return "error", None, f"{tool.name}: {where}: {problem.message[:_SHOWN_CHARACTERS]}"
        return await _handled(tool, arguments, user)


async def _handled(tool: UnifiedTool, arguments: Mapping[str, Any], user: ToolUser) -> _Ending:
    try:
        return "success", await tool.handler(user, arguments), None
    except ToolPermissionError as error:
        return "permission_denied", None, str(error)
    except ToolError as error:
        return "error", None, str(error)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is an error as its result
        code = uuid.uuid4().hex[:12]
        # Only the error's type is logged, because its text may quote a user.
        logger.warning("tool %s failed with %s, support code %s", tool.name, type(error).__name__, code)
        return "error", None, f"{tool.name} failed; try again, or ask for help with the support code {code}"

"""The outside as an agent sees it: a model, tools, a clock, new ids. Agents reach the outside only through these.

This makes it possible to record a run and to run it again on the record: wrapping each port once covers everything.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from netra_backend.app.services.llm.chat_model import ChatModel
from netra_backend.app.services.user_execution_context import UserExecutionContext


class ToolCaller(Protocol):
    """Calls a tool on behalf of a user."""

    async def call(self, context: UserExecutionContext, name: str, arguments: Mapping[str, Any], /, *, lane: str) -> Any:  # noqa: ANN401 - any JSON
        """Return the tool's answer, any JSON value.

        Args:
            context: whose data the tool may see; tools filter by its tenant.
            name: the tool's name.
            arguments: a JSON object.
            lane: who asks: the agent's name.

        Raises:
            UnknownToolError: there is no such tool.
            ToolArgumentsError: the arguments do not fit the tool's JSON schema.
            ToolPermissionError: the user may not call it.
            ToolFailedError: the tool failed.
        """
        ...


class Clock(Protocol):
    """Tells agents what day it is. Event timestamps and durations do not come from here."""

    def now(self, *, lane: str) -> datetime:
        """Return the time, with time zone."""
        ...


class Ids(Protocol):
    """Makes ids that outlive the run, such as that of a saved plan."""

    def new(self, purpose: str, /, *, lane: str) -> str:
        """Return a new id, 32 hex digits. `purpose` is a word such as "action_plan"."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """All ports that an agent may use."""

    model: ChatModel
    tools: ToolCaller
    clock: Clock
    ids: Ids

"""The ports of agents to the outside: a model, tools, a clock, new ids. Agents reach the outside only through these ports.

So wrapping each port once is enough to record a run and to run it again on the recorded effects.
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
            context: the user whose data the tool may see; tools filter by the context's tenant.
            name: the tool's name.
            arguments: a JSON object.
            lane: the name of the agent that calls.

        Raises:
            UnknownToolError: there is no such tool.
            ToolArgumentsError: the arguments do not fit the tool's JSON schema.
            ToolPermissionError: the user may not call the tool.
            ToolFailedError: the tool failed.
        """
        ...


class Clock(Protocol):
    """Tells agents what day it is. Time stamps of events and durations do not come from this clock."""

    def now(self, *, lane: str) -> datetime:
        """Return the time, with time zone."""
        ...


class Ids(Protocol):
    """Makes ids that are stored beyond the run, such as the id of a saved plan."""

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

"""The requests of the surfaces `oneshot`, `batch` and `tools`, read from a run's payload. The adapters of both engines use this module."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from netra_backend.app.errors import InvalidPayloadError, UnknownAgentError
from netra_backend.app.services.llm.chat_model import Message, ToolSpec

#: The lane of effects and events of a tool that no agent called.
TOOLS_LANE: Final = "tools"


class AgentRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One agent, one message."""

    agent: str
    message: str
    history: tuple[Message, ...] = ()  #: the thread so far, oldest first; may begin with a system message
    tools: tuple[ToolSpec, ...] | None = None  #: offered to the agent; None: the application's own tools

    def task(self, tools: Sequence[ToolSpec]) -> dict[str, Any]:
        """Return the agent's task; `tools` are offered when the request contains none."""
        return {"message": self.message, "history": self.history, "tools": tuple(tools) if self.tools is None else self.tools}


class ToolRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One call of one tool."""

    tool: str
    arguments: dict[str, Any] = {}


def read_agent_request(payload: Mapping[str, Any], agents: Sequence[str]) -> AgentRequest:
    """Return the request in the payload.

    Raises:
        InvalidPayloadError: a field is missing or has the wrong type.
        UnknownAgentError: no agent has this name.
    """
    try:
        request = msgspec.convert(payload, AgentRequest)
    except msgspec.ValidationError as error:
        raise InvalidPayloadError(f"the request cannot be read: {error}") from None
    if request.agent not in agents:
        raise UnknownAgentError(request.agent, agents)
    return request


def read_tool_request(payload: Mapping[str, Any]) -> ToolRequest:
    """Return the request in the payload.

    Raises:
        InvalidPayloadError: a field is missing or has the wrong type.
    """
    try:
        return msgspec.convert(payload, ToolRequest)
    except msgspec.ValidationError as error:
        raise InvalidPayloadError(f"the request cannot be read: {error}") from None

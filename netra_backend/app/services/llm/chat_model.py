"""The `ChatModel` port, in the terms of the OpenAI chat completion format; model effects are recorded in this format too."""

from typing import Any, Literal, Protocol

import msgspec


class FunctionCall(msgspec.Struct, frozen=True):
    """The function that a model asks to call."""

    name: str
    arguments: str  #: a JSON object as written by the model, so possibly malformed


class ToolCall(msgspec.Struct, frozen=True, tag_field="type", tag="function"):
    """One tool call in an assistant's message."""

    id: str
    function: FunctionCall


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """One message of a conversation."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str | None = None
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None


class FunctionSpec(msgspec.Struct, frozen=True):
    """The description of a function for the model."""

    name: str
    description: str
    parameters: dict[str, Any]  #: JSON schema


class ToolSpec(msgspec.Struct, frozen=True, tag_field="type", tag="function"):
    """The description of a tool for the model."""

    function: FunctionSpec


class ModelRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A chat completion request."""

    messages: tuple[Message, ...]
    tools: tuple[ToolSpec, ...] = ()
    model: str | None = None  #: None: the model of the settings
    temperature: float = 0.0


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one completion."""

    prompt_tokens: int
    completion_tokens: int


class ModelReply(msgspec.Struct, frozen=True):
    """A chat completion."""

    message: Message
    usage: Usage | None = None  #: None when the endpoint does not report it


class ChatModel(Protocol):
    """Answers chat completion requests."""

    async def complete(self, request: ModelRequest, /, *, lane: str) -> ModelReply:
        """Return the completion.

        Args:
            request: the conversation and the offered tools.
            lane: the name of the agent that asks.

        Raises:
            ModelTimeoutError: the model did not answer in time.
            ModelUnavailableError: the model refused, cannot be reached, or gave an answer that cannot be read.
        """
        ...

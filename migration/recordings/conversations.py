"""Conversations in the OpenAI chat format -> runs of one agent: one run a user turn, recorded replies and tool results as its journal."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

from migration.effects import with_keys
from migration.errors import RecordingError
from migration.model import Effect, EffectKind, RunRequest
from migration.recordings.run import RecordedRun, Skipped


class _Function(msgspec.Struct):
    name: str
    arguments: str


class _ToolCall(msgspec.Struct):
    id: str
    function: _Function


class _Message(msgspec.Struct):
    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: Any = None
    tool_calls: tuple[_ToolCall, ...] | None = None
    tool_call_id: str | None = None


class _Conversation(msgspec.Struct):
    id: str | int
    messages: tuple[msgspec.Raw, ...]


_conversation = msgspec.json.Decoder(_Conversation)
_message = msgspec.json.Decoder(_Message)


def runs_of(line_bytes: bytes, line: int, *, surface: str, agent: str, tenant_id: str, user_id: str) -> Iterator[RecordedRun | Skipped]:
    """Yield one run for each user turn that the conversation answers, and a `Skipped` for each that it does not.

    Args:
        line_bytes: JSON object with `id` and `messages`.
        line: its line number, for reports.
        surface: the surface whose engines will run it.
        agent: the agent that answers; also the lane of every effect.
        tenant_id: the tenant on whose behalf it runs.
        user_id: the user on whose behalf it runs.

    Raises:
        RecordingError: the line is no such conversation.
    """
    try:
        conversation = _conversation.decode(line_bytes)
        raw = [bytes(message) for message in conversation.messages]
        messages = [_message.decode(message) for message in raw]
    except msgspec.DecodeError as error:
        raise RecordingError(f"no conversation in the OpenAI chat format: {error}") from error
    turns = [index for index, message in enumerate(messages) if message.role == "user"]
    for number, (start, end) in enumerate(zip(turns, [*turns[1:], len(messages)], strict=True), start=1):
        turn = messages[start + 1 : end]
        if not any(message.role == "assistant" and not message.tool_calls for message in turn):
            yield Skipped(line=line, reason=f"turn {number} is not answered")
            continue
        yield RecordedRun(
            request=RunRequest(
                surface=surface,
                tenant_id=tenant_id,
                user_id=user_id,
                thread_id=f"{conversation.id}",
                run_id=f"{conversation.id}-turn-{number}",
                payload=_payload(messages[start].content, raw[:start], _tool_names(messages), agent),
                received_at=0.0,
            ),
            journal=with_keys(_journal(turn, raw[start + 1 : end], agent)),
        )


def _payload(message: object, history: Sequence[bytes], tools: Sequence[str], agent: str) -> bytes:
    specs = [{"type": "function", "function": {"name": name, "description": "", "parameters": {"type": "object"}}} for name in tools]
    return msgspec.json.encode({"message": message, "agent": agent, "history": [msgspec.Raw(item) for item in history], "tools": specs})


def _tool_names(messages: Sequence[_Message]) -> list[str]:
    return sorted({call.function.name for message in messages for call in message.tool_calls or ()})


def _journal(turn: Sequence[_Message], raw: Sequence[bytes], agent: str) -> Iterator[Effect]:
    """Yield the turn's effects in order: assistant messages are model replies, tool messages answer the call whose id they name."""
    calls: dict[str, _Function] = {}
    for message, encoded in zip(turn, raw, strict=True):
        if message.role == "assistant":
            calls.update({call.id: call.function for call in message.tool_calls or ()})
            reply = msgspec.json.encode({"message": msgspec.Raw(encoded), "usage": None})
            yield _effect("model", "recorded", agent, request=None, reply=reply)
        elif message.role == "tool":
            function = calls.get(message.tool_call_id or "")
            if function is None:
                raise RecordingError("a tool message answers no tool call before it in its turn")
            request = b'{"name":' + msgspec.json.encode(function.name) + b',"arguments":' + _arguments(function) + b"}"
            yield _effect("tool", function.name, agent, request=request, reply=msgspec.json.encode(message.content))


def _arguments(function: _Function) -> bytes:
    try:
        return msgspec.json.encode(msgspec.json.decode(function.arguments))
    except msgspec.DecodeError as error:
        raise RecordingError(f"the arguments of a call of {function.name} are not JSON") from error


def _effect(kind: EffectKind, name: str, lane: str, *, request: bytes | None, reply: bytes) -> Effect:
    return Effect(kind=kind, name=name, lane=lane, key="", request=request, reply=reply, error=None, started_s=0.0, duration_s=0.0)

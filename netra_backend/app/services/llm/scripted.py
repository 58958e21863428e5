"""`ChatModel` without a model, which is the offline default: its answers come from `script.py` and depend on the request only."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable

import msgspec

from netra_backend.app.services.llm.chat_model import FunctionCall, Message, ModelReply, ModelRequest, ToolCall, Usage
from netra_backend.app.services.llm.conversation import read
from netra_backend.app.services.llm.script import Call, next_move

_CHARACTERS_A_TOKEN = 4  #: average for English text


class ScriptedChatModel:
    """The same request always gets the same reply, including ids of tool calls and token counts.

    Args:
        latency_s: seconds that a completion takes.
        sleep: waits for that time.
    """

    def __init__(self, *, latency_s: float = 0.0, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._latency_s, self._sleep = latency_s, sleep

    async def complete(self, request: ModelRequest, /, *, lane: str) -> ModelReply:  # noqa: ARG002 - the port's signature: the lane names who asks
        """Return the scripted completion. Raises nothing."""
        await self._sleep(self._latency_s)
        asked = msgspec.json.encode(request)
        move = next_move(read(request))
        message = Message(role="assistant", content=move) if isinstance(move, str) else _calling(move, asked)
        usage = Usage(prompt_tokens=_tokens(asked), completion_tokens=_tokens(msgspec.json.encode(message)))
        return ModelReply(message=message, usage=usage)

    async def aclose(self) -> None:
        """Do nothing: there is nothing to close."""


def _calling(calls: tuple[Call, ...], asked: bytes) -> Message:
    digest = hashlib.sha256(asked).hexdigest()[:20]
    made = (
        ToolCall(id=f"call_{digest}_{number}", function=FunctionCall(name=name, arguments=json.dumps(arguments)))
        for number, (name, arguments) in enumerate(calls)
    )
    return Message(role="assistant", tool_calls=tuple(made))


def _tokens(text: bytes) -> int:
    return -(-len(text) // _CHARACTERS_A_TOKEN)

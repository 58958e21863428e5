"""The backend's ports as effects: a served run's calls are performed and recorded, a replayed run's calls are answered from a journal."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

import msgspec

from migration.effects import is_recorded, perform, perform_now
from migration.errors import RecordedEffectError
from netra_backend.app import errors
from netra_backend.app.services.llm.chat_model import ChatModel, ModelReply, ModelRequest
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.world import Clock, Ids, ToolCaller, World

T = TypeVar("T")
_reply: Final = msgspec.json.Decoder(ModelReply)
_json: Final = msgspec.json.Decoder()
_encode: Final = msgspec.json.encode


def recorded(world: World) -> World:
    """Return the same world with each port's calls recorded, or answered from a journal."""
    return World(
        model=RecordedModel(world.model), tools=RecordedTools(world.tools), clock=RecordedClock(world.clock), ids=RecordedIds(world.ids)
    )


class _Real(Generic[T]):
    """The value of a call that was really made, so that its own JSON need not be read again. Values of the ports survive JSON unchanged."""

    __slots__ = ("_data", "_value")

    def __init__(self) -> None:
        self._data: bytes | None = None

    def encoded(self, value: T) -> bytes:
        """Return the value as JSON, and keep it."""
        self._value, self._data = value, _encode(value)
        return self._data

    def decoded(self, reply: bytes, decode: Callable[[bytes], T]) -> T:
        """Return the kept value if the reply is exactly its JSON; any other reply was recorded or has a canary, and is decoded."""
        return self._value if reply is self._data else decode(reply)


class RecordedModel:
    """A `ChatModel` whose completions are effects."""

    def __init__(self, model: ChatModel) -> None:
        self._model = model

    async def complete(self, request: ModelRequest, /, *, lane: str) -> ModelReply:
        """Return the completion, or the recorded one. Raises the model's error, or the recorded one."""
        if not is_recorded():
            return await self._model.complete(request, lane=lane)

        real = _Real[ModelReply]()

        async def call() -> bytes:
            return real.encoded(await self._model.complete(request, lane=lane))

        asked = perform("model", request.model or "default", lane=lane, request=_encode(request), call=call)
        return real.decoded(await _asked(asked), _reply.decode)


class RecordedTools:
    """A `ToolCaller` whose calls are effects."""

    def __init__(self, tools: ToolCaller) -> None:
        self._tools = tools

    async def call(self, context: UserExecutionContext, name: str, arguments: Mapping[str, Any], /, *, lane: str) -> Any:  # noqa: ANN401 - any JSON
        """Return the tool's answer, or the recorded one. Raises the tool's error, or the recorded one."""
        if not is_recorded():
            return await self._tools.call(context, name, arguments, lane=lane)

        real = _Real[Any]()

        async def call() -> bytes:
            return real.encoded(await self._tools.call(context, name, arguments, lane=lane))

        request = _encode({"name": name, "arguments": arguments})
        return real.decoded(await _asked(perform("tool", name, lane=lane, request=request, call=call)), _json.decode)


class RecordedClock:
    """A `Clock` whose readings are effects."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self, *, lane: str) -> datetime:
        """Return the time, or the recorded one."""
        if not is_recorded():
            return self._clock.now(lane=lane)
        read = perform_now("clock", "now", lane=lane, request=b"{}", call=lambda: _encode(self._clock.now(lane=lane)))
        return msgspec.json.decode(read, type=datetime)


class RecordedIds:
    """An `Ids` whose ids are effects."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids

    def new(self, purpose: str, /, *, lane: str) -> str:
        """Return a new id, or the recorded one."""
        if not is_recorded():
            return self._ids.new(purpose, lane=lane)
        made = perform_now("id", purpose, lane=lane, request=b"{}", call=lambda: _encode(self._ids.new(purpose, lane=lane)))
        return msgspec.json.decode(made, type=str)


#: Errors of the ports, by their name in a journal.
_PORT_ERRORS: Mapping[str, type[errors.NetraError]] = {
    kind.__name__: kind for root in (errors.ModelError, errors.ToolError) for kind in (root, *root.__subclasses__())
}


async def _asked(reply: Awaitable[bytes]) -> bytes:
    """Return the reply; a recorded error is raised as the port's own error."""
    try:
        return await reply
    except RecordedEffectError as error:
        if (kind := _PORT_ERRORS.get(error.error_type)) is None:
            raise
        raise kind(error.message) from None

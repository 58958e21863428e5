"""Engines of PydanticAI: `agent.run_stream_events`. Needs the extra `[pydantic-ai]`.

PydanticAI's models reach the outside through SDKs: give the providers the port of
`migration.adapters.openai` or `migration.adapters.anthropic`.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from migration.effects import lane
from migration.engines import by_field, stream_engine
from migration.extras import extra
from migration.model import Engine, RunRequest

with extra("pydantic-ai"):
    from pydantic_ai import AgentRunResultEvent, RunContext
    from pydantic_ai.agent import AbstractAgent
    from pydantic_ai.capabilities.abstract import AbstractCapability, ValidatedToolArgs, WrapToolExecuteHandler
    from pydantic_ai.messages import ToolCallPart
    from pydantic_ai.tools import ToolDefinition
    from pydantic_core import to_jsonable_python

__all__ = ["pydantic_ai_engine"]

_MADE_ANEW: Final = frozenset({"timestamp", "run_id", "conversation_id"})  #: fields of messages: the framework's own times and ids


def pydantic_ai_engine(
    agent: AbstractAgent[Any, Any], given: Callable[[RunRequest], Any], *, options: Callable[[RunRequest], Mapping[str, Any]] | None = None
) -> Engine:
    """Return an engine around an agent.

    Its events are those of `run_stream_events`, as `{"type", "lane", ...}` with the event's own fields. The type is the event's
    `event_kind`, such as "part_delta" or "function_tool_call". The last event is "agent_run_result" with `output` and `usage`. The second
    call of the tool "weather", and the requests that this call makes, have the lane "weather#2"; everything else has the lane "". The
    framework's own times and ids are left out.

    Args:
        agent: the agent to run.
        given: returns the agent's prompt.
        options: returns further arguments of `run_stream_events`, such as `deps`, `message_history`, `usage_limits`; None: no further ones.

    The engine's `run` raises the exceptions of the agent: those of `pydantic_ai`, of tools, and of the model.
    """

    async def run(request: RunRequest) -> AsyncIterator[dict[str, Any]]:
        told, lanes = dict(options(request) if options is not None else {}), _Lanes()
        told["capabilities"] = [*(told.get("capabilities") or ()), _Marks(lanes)]
        async with agent.run_stream_events(given(request), **told) as events:
            async for event in events:
                item = _result(event) if isinstance(event, AgentRunResultEvent) else _plain(to_jsonable_python(event, fallback=_named))
                yield {"type": item.pop("event_kind"), "lane": lanes.of_event(item), **item}

    return stream_engine(run, by_field("type", "lane"))


class _Lanes:
    """Determines the lane of each event."""

    def __init__(self) -> None:
        self._of_call: dict[str, str] = {}
        self._seen = Counter[str]()

    def of_event(self, event: Mapping[str, Any]) -> str:
        """Return the lane of an event: the lane of the tool call that it starts or answers, otherwise ""."""
        part = event.get("part")
        if not isinstance(part, Mapping) or "index" in event or not isinstance(part.get("tool_call_id"), str):
            return ""
        return self.of(part["tool_call_id"], str(part.get("tool_name")))

    def of(self, call: str, name: str) -> str:
        """Return the lane of a call. It is decided when the call is first seen, and then stays the same."""
        if call not in self._of_call:
            self._seen[name] += 1
            self._of_call[call] = f"{name}#{self._seen[name]}"
        return self._of_call[call]


@dataclass
class _Marks(AbstractCapability[Any]):
    """Assigns the effects of tools to the lanes of their calls."""

    lanes: _Lanes

    async def wrap_tool_execute(
        self,
        ctx: RunContext[Any],  # noqa: ARG002 - the framework's
        *,
        call: ToolCallPart,
        tool_def: ToolDefinition,  # noqa: ARG002 - the framework's
        args: ValidatedToolArgs,
        handler: WrapToolExecuteHandler,
    ) -> Any:  # noqa: ANN401 - the framework's
        """Run the tool in its lane."""
        with lane(self.lanes.of(call.tool_call_id, call.tool_name)):
            return await handler(args)


def _result(event: AgentRunResultEvent[Any]) -> dict[str, Any]:
    usage = to_jsonable_python(event.result.usage, fallback=_named)
    return {"event_kind": event.event_kind, "output": to_jsonable_python(event.result.output, fallback=_named), "usage": usage}


def _plain(told: Any) -> Any:  # noqa: ANN401 - plain values
    if isinstance(told, dict):
        return {name: _plain(value) for name, value in told.items() if name not in _MADE_ANEW}
    return [_plain(value) for value in told] if isinstance(told, list) else told


def _named(value: object) -> str:
    return f"<{type(value).__name__}>"

"""Engines of the OpenAI Agents SDK: `Runner.run_streamed`. Needs the extra `[openai-agents]`.

The models of this SDK reach the outside through the OpenAI SDK: give them a client with the port of `migration.adapters.openai`.
"""

import asyncio
import dataclasses
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final, cast

from migration.effects.journals import is_replayed
from migration.engines import by_field, stream_engine
from migration.extras import extra
from migration.model import Engine, RunRequest

with extra("openai-agents"):
    from agents import Agent, RunConfig, Runner
    from agents.items import RunItem
    from agents.stream_events import AgentUpdatedStreamEvent, RawResponsesStreamEvent, StreamEvent
    from pydantic_core import to_jsonable_python

__all__ = ["agents_engine"]

_MADE_HERE: Final = "__fake_id__"  #: id of responses that the SDK itself makes from chat completions, with the time of its own clock


def agents_engine(
    agent: Agent[Any], given: Callable[[RunRequest], Any], *, options: Callable[[RunRequest], Mapping[str, Any]] | None = None
) -> Engine:
    """Return an engine around an agent.

    Its events are those of `stream_events`, as `{"type", "agent", "lane", ...}`. An event of the model keeps its type, such as
    "response.output_text.delta", and has `data`. An item's event has the
    item's name as type, a field `item` and, for a tool, `output`. A change of the agent is "agent_updated".
    The last event is "final_output" with `output`. The lane is the agent's name; the second call of the tool "weather" by
    the agent "triage" has the lane "triage/weather#2". A replay is not traced. A run without a `group_id` gets the run's id: the SDK
    derives the prompt's cache key from it.

    Args:
        agent: the agent with which runs start.
        given: returns the agent's input: a text, or a list of items.
        options: returns further arguments of `Runner.run_streamed`, such as `context`, `run_config`, `session`; None: no further ones. A
            session is state, which no record contains.

    The engine's `run` raises the exceptions of the runner: those of `agents`, of tools, and of the model.
    """

    async def run(request: RunRequest) -> AsyncGenerator[dict[str, Any], None]:
        told = dict(options(request) if options is not None else {})
        told["run_config"] = _configured(told.get("run_config"), request)
        result, lanes = Runner.run_streamed(agent, given(request), **told), _Lanes(agent.name)
        try:
            async with aclosing(cast(AsyncGenerator[StreamEvent, None], result.stream_events())) as events:
                async for event in events:
                    yield lanes.placed(event)
            if result.run_loop_exception is not None:  # the stream may end without raising it
                raise result.run_loop_exception
            yield lanes.last(result.final_output)
        finally:
            if result.run_loop_task is not None and not result.run_loop_task.done():
                result.cancel()
                await asyncio.wait({result.run_loop_task})

    return stream_engine(run, by_field("type", "lane"))


def _configured(config: RunConfig | Mapping[str, Any] | None, request: RunRequest) -> RunConfig:
    told = RunConfig(**config) if isinstance(config, Mapping) else config or RunConfig()
    untraced = told.tracing_disabled or is_replayed()
    # Without a group the SDK makes a random `prompt_cache_key`, so that no two runs send the same request.
    return dataclasses.replace(told, tracing_disabled=untraced, group_id=told.group_id or request.run_id)


class _Lanes:
    """Determines agent and lane of each event."""

    def __init__(self, agent: str) -> None:
        self._agent = agent
        self._of_call: dict[str, str] = {}
        self._seen = Counter[str]()

    def placed(self, event: StreamEvent) -> dict[str, Any]:
        """Return the event in the form that the engine yields."""
        if isinstance(event, RawResponsesStreamEvent):
            return self._of(event.data.type, data=_data(event.data))
        if isinstance(event, AgentUpdatedStreamEvent):
            self._agent = event.new_agent.name
            return self._of("agent_updated")
        output = {"output": _plain(event.item.output)} if hasattr(event.item, "output") else {}
        return self._of(event.name, self._lane(event.item), item=_plain(event.item.raw_item), **output)

    def last(self, output: object) -> dict[str, Any]:
        """Return the last event of a run."""
        return self._of("final_output", output=_plain(output))

    def _of(self, kind: str, lane: str = "", **told: object) -> dict[str, Any]:
        return {"type": kind, "agent": self._agent, "lane": lane or self._agent, **told}

    def _lane(self, item: RunItem) -> str:
        raw = item.raw_item
        call, name = (raw.get(key) if isinstance(raw, Mapping) else getattr(raw, key, None) for key in ("call_id", "name"))
        if not isinstance(call, str):
            return item.agent.name
        if call not in self._of_call:
            lane = f"{item.agent.name}/{name}"
            self._seen[lane] += 1
            self._of_call[call] = f"{lane}#{self._seen[lane]}"
        return self._of_call[call]


def _data(event: object) -> Any:  # noqa: ANN401 - plain values
    told = _plain(event)
    response = told.get("response")
    if isinstance(response, dict) and response.get("id") == _MADE_HERE:
        response.pop("created_at", None)
    return told


def _plain(value: object) -> Any:  # noqa: ANN401 - plain values
    return to_jsonable_python(value, fallback=lambda other: f"<{type(other).__name__}>")

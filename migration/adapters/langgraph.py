"""Engines of LangGraph: a graph's `astream_events`. Needs the extra `[langgraph]`."""

import re
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, nullcontext
from typing import Any, Final, cast
from uuid import UUID

from migration.effects.journals import is_replayed
from migration.effects.lanes import set_lane
from migration.engines import by_field, stream_engine
from migration.extras import extra
from migration.model import Engine, RunRequest

with extra("langgraph"):
    from langchain_core.callbacks import BaseCallbackHandler
    from langchain_core.runnables import Runnable, RunnableConfig, ensure_config
    from langchain_core.runnables.schema import StreamEvent
    from langsmith import tracing_context
    from pydantic import BaseModel

__all__ = ["langgraph_engine"]

_OWN_LANE: Final = ("tool", "chat_model", "llm", "retriever")  #: runs that may be parallel within one node
_MADE_ANEW: Final = re.compile(r"(lc_)?run-.*|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  #: ids of messages that did not come from a model


def langgraph_engine(
    graph: Runnable[Any, Any],
    given: Callable[[RunRequest], Any],
    *,
    config: Callable[[RunRequest], RunnableConfig] | None = None,
    keep: Callable[[StreamEvent], bool] | None = None,
) -> Engine:
    """Return an engine around a compiled graph.

    Its events are those of `astream_events`, `{"type", "name", "lane", "data"}`. The type is LangChain's, e.g. "on_chat_model_stream". The
    lane is the path of nodes, e.g. "research/search", with "#2" for the second of parallel `Send`s to a node. A call of a tool or model
    inside a node has a lane below that path, e.g. "research/search/lookup#1". The output of a node is yielded once: the graph's own events
    that repeat it are left out. An effect has the lane of the node or tool that asks for it. Ids of runs, and ids of messages that
    did not come from a model, are left out. A replay is not traced to LangSmith.

    Args:
        graph: what `StateGraph.compile` returned. The threads of its checkpointer are state, which no record contains.
        given: returns the graph's input.
        config: returns the graph's configuration, e.g. `{"configurable": {...}}`; None: no configuration.
        keep: returns whether the engine yields this event; None: it yields all of them.

    The engine's `run` raises the exceptions of the graph.
    """

    async def run(request: RunRequest) -> AsyncIterator[dict[str, Any]]:
        lanes = _Lanes()
        told = ensure_config(config(request) if config is not None else None)
        told["callbacks"] = [*cast(list[Any], told.get("callbacks") or ()), _Marks(lanes)]
        async with aclosing(_events(graph, given(request), told)) as events:
            async for event in events:
                lane = lanes.of_event(event)
                if (keep is None or keep(event)) and not lanes.repeats(event):
                    yield {"type": event["event"], "name": event["name"], "lane": lane, "data": _plain(event["data"])}

    return stream_engine(run, by_field("type", "lane"))


async def _events(graph: Runnable[Any, Any], given: Any, config: RunnableConfig) -> AsyncGenerator[StreamEvent, None]:  # noqa: ANN401 - a state
    events = cast(AsyncGenerator[StreamEvent, None], graph.astream_events(given, config, version="v2"))
    async with aclosing(events):
        # The first step starts the graph's task, and the task copies the context of that moment.
        with tracing_context(enabled=False) if is_replayed() else nullcontext():
            first = await anext(events)
        yield first
        async for event in events:
            yield event


class _Lanes:
    """The lanes of all LangChain runs within one run of a graph."""

    def __init__(self) -> None:
        self._of_run: dict[str, str] = {}
        self._of_task: dict[str, str] = {"": ""}
        self._seen, self._graphs = Counter[str](), set[str]()

    def repeats(self, event: StreamEvent) -> bool:
        """Return whether this event of a graph repeats the output of its node. For parallel nodes the order of such events is random."""
        return event["event"] == "on_chain_stream" and event["run_id"] in self._graphs

    def of_event(self, event: StreamEvent) -> str:
        kind = event["event"].removeprefix("on_").rpartition("_")[0]
        return self.of(event["run_id"], kind, event["name"], event.get("metadata") or {}, next(reversed(event["parent_ids"]), ""))

    def of(self, run_id: str, kind: str, name: str, metadata: Mapping[str, Any], parent: str) -> str:
        """Return the lane of a run. It is decided when the run is first seen, and then stays the same."""
        if run_id not in self._of_run:
            node = self._of_node(metadata)
            lane = self._of_run.get(parent, node)
            if kind == "chain" and name == metadata.get("langgraph_node"):
                lane = node
                self._graphs.add(parent)
            if kind in _OWN_LANE:
                lane = f"{lane}/{name}" if lane else name
                self._seen[lane] += 1
                lane = f"{lane}#{self._seen[lane]}"
            self._of_run[run_id] = lane
        return self._of_run[run_id]

    def _of_node(self, metadata: Mapping[str, Any]) -> str:
        task = str(metadata.get("langgraph_checkpoint_ns", ""))
        if task not in self._of_task:
            outer, _, own = task.rpartition("|")
            above, name = self._of_task.get(outer, ""), own.partition(":")[0].removeprefix("__start__")
            path: tuple[Any, ...] = tuple(metadata.get("langgraph_path") or ())
            sent = f"#{path[1] + 1}" if len(path) > 1 and path[0] == "__pregel_push" and isinstance(path[1], int) else ""
            self._of_task[task] = "/".join(part for part in (above, name + sent) if part)
        return self._of_task[task]


class _Marks(BaseCallbackHandler):
    """Assigns the effects of nodes and tools to their lanes: LangChain calls this handler before they run, in the same context."""

    run_inline = True

    def __init__(self, lanes: _Lanes) -> None:
        self._lanes = lanes

    # A handler's parameters have LangChain's names.
    def on_chain_start(self, serialized: Any, inputs: object, *, run_id: UUID, parent_run_id: UUID | None = None, **told: Any) -> None:  # noqa: ANN401, ARG002 - LangChain's
        """Set the lane of a node that starts."""
        self._mark("chain", serialized, run_id, parent_run_id, told)

    def on_tool_start(self, serialized: Any, input_str: str, *, run_id: UUID, parent_run_id: UUID | None = None, **told: Any) -> None:  # noqa: ANN401, ARG002 - LangChain's
        """Set the lane of a tool that starts."""
        self._mark("tool", serialized, run_id, parent_run_id, told)

    def _mark(self, kind: str, serialized: dict[str, Any] | None, run_id: UUID, parent: UUID | None, told: Mapping[str, Any]) -> None:
        name = told.get("name") or (serialized or {}).get("name") or ""
        set_lane(self._lanes.of(str(run_id), kind, name, told.get("metadata") or {}, "" if parent is None else str(parent)))


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever states and messages hold
    if isinstance(value, BaseModel):
        value = {name: told for name, told in value.model_dump().items() if name != "id" or not _MADE_ANEW.fullmatch(str(told))}
    if isinstance(value, Mapping):
        return {str(name): _plain(told) for name, told in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(told) for told in value]
    if isinstance(value, str | int | float | bool | bytes | None):
        return value
    return {"class": type(value).__name__, **_plain(getattr(value, "__dict__", {}))}

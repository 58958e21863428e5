"""LangGraph behind its adapter: parallel nodes, tools and models whose events and effects each have their own lane."""

import asyncio
import operator
from typing import Annotated, Any, TypedDict

import openai
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, ToolMessage
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.tools import tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Send
from langsmith import tracing_context
from langsmith.utils import tracing_is_enabled

from migration import Origin
from migration.adapters.langgraph import langgraph_engine
from migration.adapters.openai import async_http_client
from migration.effects import effect
from migration.model import RunRequest
from migration.testing import Verdict, compared, explained

REQUEST = RunRequest(surface="bot", tenant_id="t", user_id="u", thread_id="d", run_id="r", payload=b'{"question":"both"}', received_at=0.0)
FUNCTION = {"name": "weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}


class Model(BaseChatModel):
    """Asks the endpoint by the SDK, as `ChatOpenAI` does."""

    url: str
    more: dict[str, Any] | None = None

    @property
    def _llm_type(self):
        return "endpoint"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        raise NotImplementedError

    async def _astream(self, messages, stop=None, run_manager=None, **kwargs):
        asked = [{"role": "user", "content": messages[0].content}]
        if isinstance(messages[-1], ToolMessage):
            asked += [{"role": "tool", "tool_call_id": m.tool_call_id, "content": m.content} for m in messages[2:]]
        async with openai.AsyncOpenAI(base_url=self.url, api_key="k", http_client=async_http_client(), max_retries=0) as client:
            async for chunk in await client.chat.completions.create(model="m", messages=asked, stream=True, **self.more or {}):
                delta = chunk.choices[0].delta
                calls = [
                    {"name": c.function.name, "args": c.function.arguments, "id": c.id, "index": c.index} for c in delta.tool_calls or []
                ]
                yield ChatGenerationChunk(message=AIMessageChunk(content=delta.content or "", tool_call_chunks=calls))


@effect("tool")
async def look_up(city: str) -> str:
    return f"{city}: warm"


@tool
async def weather(city: str) -> str:
    """Return the weather."""
    await asyncio.sleep(0.01 if city == "Rome" else 0)
    return await look_up(city)


def agent(url, fault):
    """A loop of a model and tools, two of which are called at once."""
    model = Model(url=url, more={"tools": [{"type": "function", "function": FUNCTION}]} | ({"temperature": 1} if fault else {}))

    async def ask(state):
        return {"messages": [await model.ainvoke(state["messages"])]}

    graph = StateGraph(MessagesState)
    graph.add_node("agent", ask)
    graph.add_node("tools", ToolNode([weather]))
    graph.add_edge(START, "agent")
    graph.add_conditional_edges("agent", tools_condition)
    graph.add_edge("tools", "agent")
    return langgraph_engine(graph.compile(), lambda request: {"messages": [("user", request.body["question"])]})


class Found(TypedDict):
    found: Annotated[list[Any], operator.add]


def branches(url, fault):
    """Branches that ask in equal words, one of them in a thread, and as many more as are sent; one meets an error of the SDK."""
    counter = iter(range(100))

    @effect("tool")
    async def draw() -> int:
        return next(counter)

    @effect("tool")
    def draw_in_a_thread() -> int:
        return next(counter)

    async def left(_state):
        await asyncio.sleep(0.02)
        return {"found": [await draw()]}

    def right(_state):
        return {"found": [draw_in_a_thread()]}

    async def sent(state):
        await asyncio.sleep(0.02 - state / 100)
        return {"found": [await draw()]}

    async def refused(_state):
        try:
            await Model(url=url).ainvoke("fail")
        except openai.RateLimitError as error:
            return {"found": [error.status_code + bool(fault)]}

    graph = StateGraph(Found)
    for node in (left, right, sent, refused):
        graph.add_node(node.__name__, node)
    graph.add_conditional_edges(START, lambda _: ["left", "right", Send("sent", 1), Send("sent", 2)])
    for node in ("left", "right", "sent"):
        graph.add_edge(node, "refused")
    graph.add_edge("refused", END)
    return langgraph_engine(graph.compile(), lambda _: {"found": []})


def building(make, url, fault=False):
    return lambda _surface, origin: make(url, fault and origin is Origin.CANDIDATE)


@pytest.mark.parametrize("serving", list(Origin), ids=lambda origin: origin.value)
@pytest.mark.parametrize("make", [agent, branches])
async def test_the_same_graph_on_both_sides_matches(endpoint, surface, make, serving):
    comparison = await compared("bot", {"question": "both"}, serving=serving, engines=building(make, endpoint.url))
    assert comparison.verdict is Verdict.MATCH, explained(comparison)
    assert len(endpoint.asked) == {agent: 2, branches: 1}[make]


@pytest.mark.parametrize(("make", "kind"), [(agent, "effect_changed"), (branches, "payload")])
async def test_a_planted_difference_is_found(endpoint, surface, make, kind):
    comparison = await compared("bot", {"question": "both"}, engines=building(make, endpoint.url, fault=True))
    assert (comparison.verdict, kind in {one.kind for one in comparison.divergences}) == (Verdict.DIVERGENT, True), explained(comparison)


async def test_lanes_are_the_paths_of_nodes_and_tools(endpoint, recorded):
    async def body():
        return [(e.kind, e.lane) async for e in branches(endpoint.url, None).run(REQUEST)]

    events, journal = await recorded(body)
    assert {one.lane for one in journal} == {"left", "right", "sent#1", "sent#2", "refused"}
    assert {lane for _, lane in events} == {"", "left", "right", "sent#1", "sent#2", "refused", "refused/Model#1"}

    async def tools():
        return [(e.kind, e.lane) async for e in agent(endpoint.url, None).run(REQUEST)]

    events, journal = await recorded(tools)
    assert [one.lane for one in journal] == ["agent", "tools/weather#2", "tools/weather#1", "agent"]
    assert ("on_tool_end", "tools/weather#2") in events


async def test_a_replay_is_not_traced_and_a_served_run_is_as_it_was(monkeypatch, recorded, replayed):
    told = []

    async def node(_state):
        told.append(bool(tracing_is_enabled()))
        return {"found": [1]}

    graph = StateGraph(Found)
    graph.add_node("node", node)
    graph.add_edge(START, "node")
    engine = langgraph_engine(
        graph.compile(), lambda _: {"found": []}, config=lambda _: {"callbacks": []}, keep=lambda e: e["name"] == "node"
    )

    async def body():
        with tracing_context(enabled=True):
            return [event.kind async for event in engine.run(REQUEST)]

    monkeypatch.setattr("langchain_core.tracers.langchain.LangChainTracer._persist_run_single", lambda *_: None)
    monkeypatch.setattr("langchain_core.tracers.langchain.LangChainTracer._update_run_single", lambda *_: None)
    await recorded(body)
    kinds, _ = await replayed(body, ())
    assert (told, kinds) == ([True, False], ["on_chain_start", "on_chain_stream", "on_chain_end"])

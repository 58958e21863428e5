"""The loop that all agents share: model, tools, model, answer."""

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from netra_backend.app.agents.actions import ActionsAgent
from netra_backend.app.agents.assistant import AssistantAgent
from netra_backend.app.agents.base import Agent, Task
from netra_backend.app.agents.data import DataAgent
from netra_backend.app.agents.plan_ids import offered_to_model
from netra_backend.app.agents.registry import AGENTS, AgentRegistry
from netra_backend.app.agents.reporting import ReportingAgent
from netra_backend.app.agents.triage import TriageAgent
from netra_backend.app.agents.user_tool_dispatcher import UserToolDispatcher
from netra_backend.app.errors import AgentFailedError, ToolFailedError, UnknownAgentError
from netra_backend.app.services.llm.chat_model import Message, ModelRequest
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.emitters import UserEmitter
from netra_backend.app.world import World

User = UserExecutionContext


def attach(agent: Agent, user: User, sink: Any) -> Agent:
    emitter = UserEmitter(user, sink)
    agent.user_id, agent.run_id, agent.emitter = user.user_id, user.run_id, emitter
    agent.dispatcher = UserToolDispatcher(user, agent.world.tools, emitter)
    return agent


def in_turn(*messages: Message) -> Callable[[ModelRequest, str], Any]:
    replies = iter(messages)

    async def reply(request: ModelRequest, lane: str) -> Message:
        return next(replies)

    return reply


def asks_for(*calls: Any) -> Message:
    return Message("assistant", tool_calls=calls)


def kinds(sink: Any) -> list[str]:
    return [json.loads(frame)["type"] for frame in sink.frames]


ANSWER = Message("assistant", "done")


async def test_an_agent_thinks_from_step_two_with_its_tool_events_in_between(
    make_world: Callable[..., World], make_user: Callable[..., User], sink: Any, tool_call: Any, tool_spec: Any
) -> None:
    world = make_world(in_turn(asks_for(tool_call("usage_summary")), ANSWER))
    agent = attach(DataAgent(world), make_user(), sink)

    answer = await agent.execute(Task(user=make_user(), message="hello", tools=(tool_spec("usage_summary"),)))

    assert (answer.text, answer.step_count) == ("done", 4)
    assert kinds(sink) == ["agent_thinking"] * 2 + ["tool_executing", "tool_completed"] + ["agent_thinking"] * 2
    steps = [json.loads(frame)["payload"].get("step_number") for frame in sink.frames]
    assert [step for step in steps if step] == [2, 3, 4, 5]


@pytest.mark.parametrize("name", list(AGENTS))
async def test_each_agent_says_who_it_is_in_the_first_line_and_asks_the_model(
    name: str, make_world: Callable[..., World], make_user: Callable[..., User]
) -> None:
    world = make_world(in_turn(Message("assistant", '{"data_sufficiency": "partial", "reason": "vague"}')))
    await AgentRegistry(world).create(name).execute(Task(user=make_user(), message="hello"))
    (request,) = world.model.requests  # type: ignore[attr-defined]  # the fake's own
    assert (request.messages[0].content or "").splitlines()[0] == f"You are the {name} agent of Netra."
    assert request.messages[-1] == Message("user", "hello")


async def test_an_agent_is_offered_only_the_tools_that_it_may_use(
    make_world: Callable[..., World], make_user: Callable[..., User], tool_spec: Any
) -> None:
    world = make_world()
    tools = (tool_spec("usage_summary"), tool_spec("price_lookup"), tool_spec("save_action_plan"))
    offered = []
    for agent in (DataAgent(world), ReportingAgent(world), AssistantAgent(world)):
        await agent.execute(Task(user=make_user(), message="hello", tools=tools))
        offered.append([tool.function.name for tool in world.model.requests[-1].tools])  # type: ignore[attr-defined]  # the fake's own
    assert offered == [["usage_summary"], [], ["usage_summary", "price_lookup", "save_action_plan"]]


@pytest.mark.parametrize("arguments", ["{", "[1]", '"x"', "null"])
async def test_malformed_arguments_are_answered_to_the_model_and_call_nothing(
    arguments: str, make_world: Callable[..., World], make_user: Callable[..., User], sink: Any, tool_call: Any
) -> None:
    world = make_world(in_turn(asks_for(tool_call("usage_summary", arguments, "bad"), tool_call("cost_breakdown", "{}", "good")), ANSWER))
    await attach(AssistantAgent(world), make_user(), sink).execute(Task(user=make_user(), message="hello"))

    told = world.model.requests[-1].messages[-2:]  # type: ignore[attr-defined]  # the fake's own
    assert [(message.tool_call_id, "no JSON object" in (message.content or "")) for message in told] == [("bad", True), ("good", False)]
    assert [name for _, name, _ in world.tools.calls] == ["cost_breakdown"]  # type: ignore[attr-defined]  # the fake's own


async def test_a_failing_tool_is_told_to_the_model_and_the_agent_goes_on(
    make_world: Callable[..., World], make_user: Callable[..., User], sink: Any, tool_call: Any
) -> None:
    async def fails(name: str, arguments: Mapping[str, Any]) -> Any:
        raise ToolFailedError("the price list is not there")

    world = make_world(in_turn(asks_for(tool_call("price_lookup")), ANSWER), fails)
    answer = await attach(AssistantAgent(world), make_user(), sink).execute(Task(user=make_user(), message="hello"))

    assert answer.text == "done"
    assert json.loads(world.model.requests[-1].messages[-1].content) == {"error": "the price list is not there"}  # type: ignore[attr-defined]  # the fake's own


async def test_calls_of_one_reply_run_side_by_side(
    make_world: Callable[..., World], make_user: Callable[..., User], sink: Any, tool_call: Any
) -> None:
    barrier = asyncio.Barrier(2)

    async def meets(name: str, arguments: Mapping[str, Any]) -> Any:
        await barrier.wait()
        return name

    world = make_world(in_turn(asks_for(tool_call("a", call_id="1"), tool_call("b", call_id="2")), ANSWER), meets)
    await attach(AssistantAgent(world), make_user(), sink).execute(Task(user=make_user(), message="hello"))
    assert [message.content for message in world.model.requests[-1].messages[-2:]] == ["a", "b"]  # type: ignore[attr-defined]  # the fake's own


async def test_a_model_that_never_answers_is_stopped(
    make_world: Callable[..., World], make_user: Callable[..., User], sink: Any, tool_call: Any
) -> None:
    async def always_calls(request: ModelRequest, lane: str) -> Message:
        return asks_for(tool_call("usage_summary"))

    world = make_world(always_calls)
    with pytest.raises(AgentFailedError, match="32 model calls"):
        await attach(AssistantAgent(world), make_user(), sink).execute(Task(user=make_user(), message="hello"))
    assert len(world.model.requests) == Agent.MAX_MODEL_CALLS  # type: ignore[attr-defined]  # the fake's own


async def test_the_id_of_a_saved_plan_comes_from_the_run_whatever_the_model_says(
    make_world: Callable[..., World], make_user: Callable[..., User], sink: Any, tool_call: Any, tool_spec: Any
) -> None:
    world = make_world(in_turn(asks_for(tool_call("save_action_plan", '{"title": "t", "plan_id": "of-another-user"}')), ANSWER))
    tools = offered_to_model([tool_spec("save_action_plan", properties={"title": {}, "plan_id": {}}, required=["title", "plan_id"])])
    await attach(ActionsAgent(world), make_user(), sink).execute(Task(user=make_user(), message="hello", tools=tools))

    assert world.tools.calls == [("ann", "save_action_plan", {"title": "t", "plan_id": "action_plan-from-the-run"})]  # type: ignore[attr-defined]  # the fake's own
    assert world.model.requests[0].tools[0].function.parameters == {"properties": {"title": {}}, "required": ["title"]}  # type: ignore[attr-defined]  # the fake's own


async def test_findings_of_earlier_agents_and_the_date_stand_in_the_prompt(
    make_world: Callable[..., World], make_user: Callable[..., User]
) -> None:
    world = make_world()
    await DataAgent(world).execute(Task(user=make_user(), message="hello", results={"triage": "enough data"}))
    prompt = world.model.requests[0].messages[0].content  # type: ignore[attr-defined]  # the fake's own
    assert "What the triage agent found:\nenough data" in prompt
    assert prompt.endswith("Today is 2025-03-14.")


@pytest.mark.parametrize(("agent", "keeps"), [(AssistantAgent, True), (ReportingAgent, False)])
async def test_only_the_assistant_takes_the_threads_own_system_prompt(
    agent: type[Agent], keeps: bool, make_world: Callable[..., World], make_user: Callable[..., User]
) -> None:
    world = make_world()
    history = (Message("system", "Airline policy"), Message("user", "hi"), Message("assistant", "hello"))
    await agent(world).execute(Task(user=make_user(), message="book it", history=history))
    messages = world.model.requests[0].messages  # type: ignore[attr-defined]  # the fake's own
    assert (messages[0].content == "Airline policy") is keeps
    assert [message.content for message in messages[1:]] == ["hi", "hello", "book it"]


@pytest.mark.parametrize("text", ['{"data_sufficiency":"partial","reason":"r"}', '```json\n{"data_sufficiency": "partial"}\n```'])
async def test_triage_reads_the_models_verdict(text: str, make_world: Callable[..., World], make_user: Callable[..., User]) -> None:
    answer = await TriageAgent(make_world(in_turn(Message("assistant", text)))).execute(Task(user=make_user(), message="hello"))
    assert answer.data["data_sufficiency"] == "partial"


@pytest.mark.parametrize("text", ["", "enough", "{}", '{"data_sufficiency": "plenty"}', "} {"])
async def test_triage_fails_rather_than_guess(text: str, make_world: Callable[..., World], make_user: Callable[..., User]) -> None:
    with pytest.raises(AgentFailedError, match="did not say"):
        await TriageAgent(make_world(in_turn(Message("assistant", text)))).execute(Task(user=make_user(), message="hello"))


def test_a_registry_creates_as_many_agents_as_it_is_asked_for(make_world: Callable[..., World]) -> None:
    registry = AgentRegistry(make_world())
    assert registry.create("data") is not registry.create("data")


# goes with: migration
def test_a_registry_shares_one_agent_a_name_with_legacy_engines_alone(make_world: Callable[..., World]) -> None:
    registry = AgentRegistry(make_world())
    assert registry.get("data") is registry.get("data")
    assert registry.create("data") is not registry.get("data")


# stays


def test_an_unknown_agent_is_refused_with_the_names_there_are(make_world: Callable[..., World]) -> None:
    with pytest.raises(UnknownAgentError, match="triage, data, optimization, actions, reporting, assistant"):
        AgentRegistry(make_world()).create("poet")

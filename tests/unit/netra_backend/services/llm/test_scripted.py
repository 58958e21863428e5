import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.config import Settings
from netra_backend.app.errors import ToolError
from netra_backend.app.services.action_plans import ActionPlans
from netra_backend.app.services.llm.chat_model import FunctionSpec, Message, ModelReply, ModelRequest, ToolSpec
from netra_backend.app.services.llm.provider import open_chat_model
from netra_backend.app.services.llm.scripted import ScriptedChatModel
from netra_backend.app.services.sample_data import seed
from netra_backend.app.services.unified_tool_registry.catalogue import default_registry
from netra_backend.app.services.unified_tool_registry.dispatcher import RegistryToolCaller
from netra_backend.app.services.unified_tool_registry.permissions import TenantPermissions
from netra_backend.app.services.unified_tool_registry.registry import ToolPorts
from netra_backend.app.services.usage_data import UsageData
from netra_backend.app.services.user_execution_context import UserExecutionContext

MODEL = ScriptedChatModel()
TOOLS = default_registry()
AGENTS = {
    "triage": (),
    "data": ("usage_summary", "cost_breakdown"),
    "optimization": ("price_lookup", "simulate_switch"),
    "actions": ("save_action_plan",),
    "reporting": (),
    "assistant": TOOLS.names,
}
Caller = Callable[[str, dict[str, Any]], Awaitable[Any]]


def make_request(agent: str, question: str, *later: Message, findings: Mapping[str, str] | None = None, prompt: str = "") -> ModelRequest:
    found = "".join(f"\n\nWhat the {name} agent found:\n{text}" for name, text in (findings or {}).items())
    system = Message(role="system", content=f"You are the {agent} agent of Netra.\nBe good.{found}{prompt}")
    return ModelRequest(messages=(system, Message(role="user", content=question), *later), tools=TOOLS.specs(AGENTS[agent]))


async def ask(agent: str, question: str, **more: Any) -> Message:
    return (await MODEL.complete(make_request(agent, question, **more), lane=agent)).message


async def play(agent: str, question: str, caller: Caller, **more: Any) -> tuple[list[str], str]:
    """Answer the tool calls as an agent would; return the tools called, and the last words."""
    later: list[Message] = []
    called: list[str] = []
    for _ in range(6):
        message = (await MODEL.complete(make_request(agent, question, *later, **more), lane=agent)).message
        if not message.tool_calls:
            return called, message.content or ""
        later.append(message)
        for call in message.tool_calls:
            called.append(call.function.name)
            try:
                answer = await caller(call.function.name, json.loads(call.function.arguments))
            except ToolError as error:
                answer = {"error": str(error)}
            later.append(Message(role="tool", content=json.dumps(answer), tool_call_id=call.id))
    raise AssertionError(f"the {agent} agent never came to an end")


@pytest.fixture
async def tools(engine: AsyncEngine, make_context: Callable[..., UserExecutionContext]) -> Caller:
    """The real tools on sample data; the id of a plan comes from the agent."""
    await seed(engine, ["acme"], until=date(2025, 3, 31))
    caller = RegistryToolCaller(TOOLS, ToolPorts(usage=UsageData(engine), plans=ActionPlans(engine)), TenantPermissions())

    async def call(name: str, arguments: dict[str, Any]) -> Any:
        plan = {"plan_id": "a" * 32} if name == "save_action_plan" else {}
        return await caller.call(make_context(), name, {**arguments, **plan}, lane="assistant")

    return call


async def broken(name: str, arguments: dict[str, Any]) -> Any:
    return {"error": "out of order"}


@pytest.mark.parametrize(
    ("question", "sufficiency"),
    [
        ("Is gpt-4o worth it?", "sufficient"),
        ("What about Claude-Sonnet-4 for drafts?", "sufficient"),
        ("How can we save?", "sufficient"),
        ("Our bill is too high", "sufficient"),
        ("optimise our AI costs", "sufficient"),
        ("We burnt $ 5000", "sufficient"),
        ("How many tokens did we use last week?", "partial"),
        ("Tell me about our AI usage", "partial"),
        ("Which models do we have?", "partial"),
        ("Hello!", "insufficient"),
        ("What is the weather like?", "insufficient"),
        ("", "insufficient"),
    ],
)
async def test_triage_goes_by_what_the_user_names(question: str, sufficiency: str) -> None:
    verdict = json.loads((await ask("triage", question)).content or "")
    assert verdict["data_sufficiency"] == sufficiency
    assert verdict["reason"]


@given(question=st.text(), agent=st.sampled_from(sorted(AGENTS)))
async def test_the_same_request_gets_the_same_reply(question: str, agent: str) -> None:
    request = make_request(agent, question)
    replies: list[ModelReply] = [await model.complete(request, lane=agent) for model in (ScriptedChatModel(), ScriptedChatModel())]
    assert replies[0] == replies[1]


@given(
    question=st.text() | st.sampled_from(["save cost of gpt-4o and gpt-4.1, save the plan", "prices and usage"]),
    agent=st.sampled_from(sorted(AGENTS)),
)
async def test_every_agent_comes_to_an_end_even_when_all_tools_fail(question: str, agent: str) -> None:
    _, words = await play(agent, question, broken)
    assert words


@pytest.mark.parametrize("agent", sorted(AGENTS))
async def test_an_agent_without_tools_on_offer_calls_none(agent: str) -> None:
    request = make_request(agent, "save money on gpt-4o")
    reply = await MODEL.complete(ModelRequest(messages=request.messages), lane=agent)
    assert (reply.message.tool_calls, bool(reply.message.content)) == ((), True)


async def test_data_looks_up_usage_and_cost_and_quotes_them(tools: Caller) -> None:
    called, words = await play("data", "What do we spend?", tools)
    total = (await tools("usage_summary", {}))["cost_usd"]
    assert called == ["usage_summary", "cost_breakdown"]
    assert f"${total:,.2f}" in words


async def test_optimization_simulates_the_switch_that_the_user_names(tools: Caller) -> None:
    called, words = await play("optimization", "Replace 40% of gpt-4o with gpt-4o-mini", tools)
    assert called == ["price_lookup", "simulate_switch"]
    assert "Moving 40% of gpt-4o to gpt-4o-mini" in words


async def test_a_simulation_stands_for_the_prices_that_went_into_it(tools: Caller) -> None:
    _, words = await play("optimization", "Replace 40% of gpt-4o with gpt-4o-mini", tools)
    assert "for a million input tokens" not in words


@pytest.mark.parametrize(("saving", "words"), [(5.0, "saves $5.00"), (-5.0, "costs $5.00 more"), (0.0, "saves nothing")])
async def test_a_simulation_is_told_as_what_it_is(saving: float, words: str) -> None:
    async def simulate(name: str, arguments: dict[str, Any]) -> Any:
        if name == "price_lookup":
            return {"prices": []}
        return {**arguments, "share": 1.0, "savings_usd": saving, "savings_percent": 1.0, "current_cost_usd": 9.0}

    assert words in (await play("optimization", "Replace gpt-4o with gpt-4o-mini", simulate))[1]


async def test_optimization_takes_the_dearest_model_that_the_data_agent_found(tools: Caller) -> None:
    _, words = await play(
        "optimization", "How can we save?", tools, findings={"data": "Dearest of 3 models: gpt-4.1 $12.00, gpt-4o $9.00."}
    )
    assert words.count("Moving 100% of gpt-4.1 to ") == 2


async def test_actions_saves_what_the_optimization_agent_found(tools: Caller) -> None:
    findings = {"optimization": "gpt-4o costs $2.50.\nMoving 100% of gpt-4o to gpt-4.1-nano saves $1,234.50 (96%) of $1,286.00."}
    message = await ask("actions", "Save us money", findings=findings)
    (call,) = message.tool_calls
    assert json.loads(call.function.arguments) == {
        "title": "Spend less on AI models",
        "items": [{"action": "Moving 100% of gpt-4o to gpt-4.1-nano", "saving_usd": 1234.5}],
    }


async def test_actions_saves_one_plan_and_says_so(tools: Caller) -> None:
    called, words = await play("actions", "Save us money", tools)
    assert called == ["save_action_plan"]
    assert "a" * 32 in words


async def test_reporting_quotes_figures_and_nothing_else() -> None:
    findings = {"triage": "It can be looked up.", "data": "Cost by model: gpt-4o $9.00 (100%); total $9.00."}
    words = (await ask("reporting", "What do we spend?", findings=findings)).content or ""
    assert words.splitlines() == ["What we found:", "Cost by model: gpt-4o $9.00 (100%); total $9.00."]


async def test_reporting_without_figures_asks_for_what_is_missing() -> None:
    words = (await ask("reporting", "Hello!", findings={"triage": "Neither a model nor usage nor cost."})).content or ""
    assert words.startswith("I have no figures")


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("How many tokens did we use?", ["usage_summary"]),
        ("What did we spend?", ["cost_breakdown"]),
        ("What is the price of gpt-4o?", ["price_lookup"]),
        ("How can we switch to something cheaper?", ["cost_breakdown", "price_lookup", "simulate_switch", "simulate_switch"]),
        ("Usage and cost, please", ["usage_summary", "cost_breakdown"]),
        ("Store that as a plan", ["save_action_plan"]),
        ("Hello!", []),
    ],
)
async def test_the_assistant_picks_its_tools_by_words_of_the_question(tools: Caller, question: str, wanted: list[str]) -> None:
    called, words = await play("assistant", question, tools)
    assert called == wanted
    assert words


async def test_the_assistant_passes_on_what_a_tool_objects_to(tools: Caller) -> None:
    _, words = await play("assistant", "What is the price of gpt-99?", tools)
    assert "'gpt-99' is not on the price list" in words


async def test_a_question_about_days_gets_its_days(tools: Caller) -> None:
    message = await ask("data", "What did we spend a day, last 14 days?", prompt="\nToday is 2025-03-31.")
    arguments = [json.loads(call.function.arguments) for call in message.tool_calls]
    assert arguments == [{"since": "2025-03-18"}, {"by": "day", "since": "2025-03-18"}]


async def test_tools_called_for_an_earlier_question_do_not_count(tools: Caller) -> None:
    first = make_request("assistant", "What did we spend?")
    call = (await MODEL.complete(first, lane="assistant")).message
    answer = Message(role="tool", content='{"error": "out of order"}', tool_call_id=call.tool_calls[0].id)
    again = ModelRequest(
        messages=(*first.messages, call, answer, Message(role="user", content="And what did we spend now?")), tools=first.tools
    )
    assert [made.function.name for made in (await MODEL.complete(again, lane="assistant")).message.tool_calls] == ["cost_breakdown"]


async def test_two_requests_have_different_call_ids() -> None:
    ids = [(await ask("data", question)).tool_calls[0].id for question in ("What do we spend?", "What did we spend?")]
    assert ids[0] != ids[1]


async def test_an_answer_takes_as_long_as_the_settings_say(settings: Settings) -> None:
    waited: list[float] = []

    async def sleep(delay_s: float) -> None:
        waited.append(delay_s)

    await ScriptedChatModel(latency_s=0.25, sleep=sleep).complete(make_request("data", "Hello!"), lane="data")
    assert waited == [0.25]


async def test_the_foreign_tools_of_a_conversation_are_answered_in_general_words() -> None:
    spec = ToolSpec(function=FunctionSpec(name="book_flight", description="Books.", parameters={}))
    request = ModelRequest(messages=(Message(role="user", content="Book me a flight"),), tools=(spec,))
    assert (await MODEL.complete(request, lane="assistant")).message.content


async def test_the_settings_choose_the_model(settings: Settings) -> None:
    key = type(settings.jwt_secret)("sk-1")
    chosen = [
        open_chat_model(settings),
        open_chat_model(settings.model_copy(update={"model_provider": "openai", "openai_api_key": key})),
    ]
    assert [type(model).__name__ for model in chosen] == ["ScriptedChatModel", "OpenAIChatModel"]
    for model in chosen:
        await model.aclose()

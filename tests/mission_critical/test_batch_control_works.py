"""The legacy engine of `batch` does its work: an engine that merely fails is not a control."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.agents.base import Agent, Answer, Task
from netra_backend.app.agents.execution_engine_consolidated import (
    EngineConfig,
    ExecutionEngine,
    ExecutionEngineFactory,
    execute_agent,
    execution_engine_context,
)
from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.controls.batch import ControlBatch
from netra_backend.app.errors import (
    EngineClosedError,
    ForeignContextError,
    InvalidPayloadError,
    ModelUnavailableError,
    UnknownAgentError,
)
from netra_backend.app.services.llm.chat_model import FunctionCall, FunctionSpec, Message, ModelRequest, ToolCall, ToolSpec

Virtual = Callable[..., Any]


class Notes:
    """A `Notifier` that keeps the events' types."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    async def notify(self, event: str, payload: dict[str, Any], /, *, agent_name: str, user_id: str, run_id: str) -> None:
        self.heard.append(event)


async def repeats(agent: Agent, task: Task) -> Answer:
    return Answer(text=task.message, step_count=1, data={"length": len(task.message)})


async def without_model(agent: Agent, task: Task) -> Answer:
    raise ModelUnavailableError("the model refused the request")


async def test_an_answer_is_a_result_with_its_data(make_registry: Any, make_user: Any) -> None:
    notes = Notes()
    engine = ExecutionEngine(registry=make_registry(data=repeats), websocket_bridge=notes)
    result = await engine.execute("data", "hello", make_user())
    assert (result.success, result.final_answer, result.data, result.error) == (True, "hello", {"length": 5}, None)
    assert notes.heard == ["agent_started", "agent_completed"]


async def test_without_events_nothing_is_sent(make_registry: Any, make_user: Any) -> None:
    notes = Notes()
    await ExecutionEngine(EngineConfig(websocket_events=False), make_registry(data=repeats), notes).execute("data", "hello", make_user())
    assert notes.heard == []


async def test_an_agent_uses_its_tools_silently(make_fakes: Any, make_user: Any) -> None:
    async def looks_once(request: ModelRequest, lane: str) -> Message:
        if request.messages[-1].role == "tool":
            return Message("assistant", f"found {request.messages[-1].content}")
        return Message("assistant", tool_calls=(ToolCall("1", FunctionCall("usage_summary", "{}")),))

    fakes = make_fakes(looks_once)
    engine = ExecutionEngine(registry=AgentRegistry(fakes.as_world()))
    tools = (ToolSpec(FunctionSpec("usage_summary", "reads usage", {})),)
    result = await engine.execute("data", {"message": "hello", "tools": tools}, make_user())
    assert (result.final_answer, fakes.tool_calls) == ("found 3", [("ann", "usage_summary")])


@pytest.mark.parametrize(("rows", "asked"), [(0, [0]), (1, [1]), (1000, [1000]), (2500, [1000, 1000, 500])])
async def test_rows_are_worked_on_a_thousand_at_a_time(rows: int, asked: list[int], make_registry: Any, make_user: Any) -> None:
    messages: list[str] = []

    async def remembers(agent: Agent, task: Task) -> Answer:
        messages.append(task.message)
        return Answer(text=f"{len(messages)}", step_count=1)

    engine = ExecutionEngine(EngineConfig(data_features=True), make_registry(data=remembers))
    task = {"message": "sum up", "rows": [{"row": number} for number in range(rows)]}
    result = await engine.execute("data", task, make_user())
    assert [len(message.split("\n")) - 1 for message in messages] == asked
    assert [json.loads(line)["row"] for message in messages for line in message.split("\n")[1:]] == list(range(rows))
    assert (result.final_answer, result.step_count) == ("\n".join(str(number + 1) for number in range(len(asked))), len(asked))


async def test_without_data_features_all_rows_are_one_message(make_registry: Any, make_user: Any) -> None:
    engine = ExecutionEngine(registry=make_registry(data=repeats))
    result = await engine.execute("data", {"message": "sum up", "rows": list(range(2500))}, make_user())
    assert (result.final_answer or "").count("\n") == 2500


async def test_the_cache_forgets_after_five_minutes_and_keeps_a_thousand_answers(make_registry: Any, make_user: Any) -> None:
    now_s, ran = 0.0, 0

    async def counts(agent: Agent, task: Task) -> Answer:
        nonlocal ran
        ran += 1
        return await repeats(agent, task)

    engine = ExecutionEngine(EngineConfig(data_features=True), make_registry(data=counts), clock=lambda: now_s)
    for now_s, expected in ((0.0, 1), (299.0, 1), (300.0, 2)):  # noqa: B007 - read by the clock
        await engine.execute("data", "hello", make_user())
        assert ran == expected
    for number in range(1001):
        await engine.execute("data", f"other {number}", make_user())
    await engine.execute("data", "hello", make_user())
    assert ran == 2 + 1001 + 1


def test_a_third_execution_of_a_user_waits_for_a_permit(virtual: Virtual, make_registry: Any, make_user: Any) -> None:
    async def a_second(agent: Agent, task: Task) -> Answer:
        await asyncio.sleep(1)
        return await repeats(agent, task)

    async def scenario() -> float:
        engine = ExecutionEngine(EngineConfig(user_features=True), make_registry(data=a_second))
        await asyncio.gather(*(engine.execute("data", "hello", make_user(name, number)) for number in range(3) for name in ("ann", "bob")))
        return asyncio.get_running_loop().time()

    assert virtual(scenario()) == 2.0


async def test_who_stops_waiting_for_a_permit_leaves_no_trace(make_registry: Any, make_user: Any) -> None:
    engine = ExecutionEngine(EngineConfig(user_features=True), make_registry(data=without_model))
    for number in range(2):
        await engine.execute("data", "hello", make_user("ann", number))
    waiting = asyncio.create_task(engine.execute("data", "hello", make_user("ann", 3)))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    [interested] = engine._extensions[0]._interested.values()  # type: ignore[attr-defined]  # of the user extension
    assert interested == 2


def test_an_agent_is_stopped_after_thirty_seconds(virtual: Virtual, make_registry: Any, make_user: Any) -> None:
    async def hangs(agent: Agent, task: Task) -> Answer:
        await asyncio.Event().wait()
        return await repeats(agent, task)

    async def scenario() -> tuple[Any, float]:
        engine = ExecutionEngine(registry=make_registry(data=hangs), clock=asyncio.get_running_loop().time)
        return await engine.execute("data", "hello", make_user()), asyncio.get_running_loop().time()

    result, took_s = virtual(scenario())
    assert (result.success, result.metadata["timeout"], result.duration_s, took_s) == (False, True, 30.0, 30.0)


async def test_a_timeout_of_the_agents_own_is_not_the_engines(make_registry: Any, make_user: Any) -> None:
    async def times_out(agent: Agent, task: Task) -> Answer:
        raise TimeoutError

    result = await ExecutionEngine(registry=make_registry(data=times_out)).execute("data", "hello", make_user())
    assert (result.metadata["error_type"], "timeout" in result.metadata) == ("TimeoutError", False)


@pytest.mark.parametrize(
    ("fallback", "words"), [(True, {"fallback_answer": "The data agent could not answer. Ask again later."}), (False, {})]
)
async def test_a_fallback_gives_words_and_no_success(fallback: bool, words: dict[str, str], make_registry: Any, make_user: Any) -> None:
    engine = ExecutionEngine(EngineConfig(fallback=fallback), make_registry(data=without_model))
    result = await engine.execute("data", "hello", make_user())
    assert (result.success, result.data, result.final_answer) == (False, words, None)


async def test_the_tools_of_an_mcp_server_are_on_offer_to_those_who_name_it(make_registry: Any, make_user: Any) -> None:
    offered: list[list[str]] = []

    async def remembers(agent: Agent, task: Task) -> Answer:
        offered.append([tool.function.name for tool in task.tools])
        return await repeats(agent, task)

    tools = {"files": [ToolSpec(FunctionSpec("files.read", "reads a file", {}))]}
    engine = ExecutionEngine(EngineConfig(mcp=True), make_registry(data=remembers), mcp_tools=tools)
    for servers in ([], ["files"], ["unknown", "files"]):
        await engine.execute("data", {"message": "hello", "mcp_servers": servers}, make_user())
    assert offered == [[], ["files.read"], ["files.read"]]


async def test_metrics_are_counts_of_what_happened(make_registry: Any, make_user: Any) -> None:
    engine = ExecutionEngine(EngineConfig(max_history_size=2), make_registry(data=repeats, triage=without_model))
    for agent in ("data", "data", "triage"):
        await engine.execute(agent, "hello", make_user())
    metrics = engine.get_metrics()
    assert [metrics[name] for name in ("total_executions", "successful_executions", "failed_executions", "active_executions")] == [
        3,
        2,
        1,
        0,
    ]
    assert metrics["history_size"] == 2
    assert ExecutionEngine(EngineConfig(metrics=False), make_registry()).get_metrics() == {}


async def test_an_owned_engine_lets_nobody_else_in_and_may_stand_in_for_a_missing_context(make_registry: Any, make_user: Any) -> None:
    ann = make_user("ann")
    engine = ExecutionEngine(EngineConfig(require_user_context=False), make_registry(data=repeats), user_context=ann)
    assert (await engine.execute("data", "hello")).success
    with pytest.raises(ForeignContextError):
        await engine.execute("data", "hello", make_user("bob"))


async def test_a_task_that_cannot_be_read_is_refused(make_registry: Any, make_user: Any) -> None:
    with pytest.raises(InvalidPayloadError):
        await ExecutionEngine(registry=make_registry(data=repeats)).execute("data", {"rows": []}, make_user())


def test_an_engine_wants_its_registry() -> None:
    with pytest.raises(ValueError, match="registry is missing"):
        ExecutionEngine()


async def test_a_request_scope_ends_and_its_engine_goes_on(make_registry: Any, make_user: Any) -> None:
    engine = ExecutionEngine(registry=make_registry(data=repeats))
    async with engine.with_request_scope(make_user()) as scope:
        assert (await scope.execute("data", "hello")).success
    with pytest.raises(EngineClosedError):
        await scope.execute("data", "hello")
    assert (await engine.execute("data", "hello", make_user())).success
    with pytest.raises(ValueError, match="request scoping is off"):
        ExecutionEngine(EngineConfig(enable_request_scoping=False), make_registry()).with_request_scope(make_user())


async def test_the_module_executes_one_agent_on_an_engine_of_its_own(make_registry: Any, make_user: Any) -> None:
    notes, registry = Notes(), make_registry(data=repeats)
    assert (await execute_agent("data", "hello", make_user(), registry, notes)).final_answer == "hello"
    assert notes.heard == ["agent_started", "agent_completed"]
    async with execution_engine_context(make_user(), registry) as engine:
        assert engine.get_metrics()["extensions"] == ["UserExecutionExtension"]
    assert ExecutionEngineFactory(registry, notes).create_data_engine().get_metrics()["extensions"] == [
        "DataExecutionExtension", "WebSocketExtension"
    ]  # fmt: skip


@pytest.mark.parametrize(("payload", "error"), [({}, InvalidPayloadError), ({"message": "hi", "agent": "poet"}, UnknownAgentError)])
async def test_an_item_that_cannot_be_read_raises_and_sends_nothing(
    payload: dict[str, Any], error: type[Exception], make_fakes: Any, make_user: Any
) -> None:
    with pytest.raises(error):
        await anext(ControlBatch(make_fakes().as_world()).stream(make_user(), payload))

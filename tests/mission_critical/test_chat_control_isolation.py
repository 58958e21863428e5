"""What the legacy engine of `chat` lets users see of each other, and that the target does not."""

import asyncio
import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.agents.base import Answer
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext
from netra_backend.app.agents.supervisor.execution_engine import ExecutionEngine, create_request_scoped_engine, detect_global_state_usage
from netra_backend.app.agents.supervisor.execution_tracker import ExecutionTracker
from netra_backend.app.candidate import Candidate
from netra_backend.app.controls.chat import ControlChat
from netra_backend.app.errors import ForeignContextError
from netra_backend.app.services.llm.chat_model import FunctionCall, FunctionSpec, Message, ModelRequest, ToolCall, ToolSpec
from netra_backend.app.websocket.bridge import WebSocketBridge

pytestmark = pytest.mark.mission_critical

CONTROL_AND_CANDIDATE = pytest.mark.parametrize(("engine", "leaks"), [(ControlChat, True), (Candidate, False)])
USAGE = ToolSpec(FunctionSpec("usage_summary", "reads usage", {}))


def engine_one(registry: Any, bridge: WebSocketBridge | None = None, **parts: Any) -> ExecutionEngine:
    with pytest.warns(DeprecationWarning, match="shares state between users"):
        return ExecutionEngine(registry, bridge or WebSocketBridge(), tracker=ExecutionTracker(), **parts)


@CONTROL_AND_CANDIDATE
async def test_two_users_of_one_agent_receive_each_others_events(
    engine: Any, leaks: bool, make_fakes: Any, make_user: Any, read: Any
) -> None:
    """Both are inside the model call before either goes on: by then the shared agent speaks for the one who came last."""
    both_asked = asyncio.Barrier(2)

    async def reply(request: ModelRequest, lane: str) -> Message:
        if request.messages[-1].role == "tool":
            return Message("assistant", "done")
        await both_asked.wait()
        arguments = json.dumps({"note": request.messages[-1].content})
        return Message("assistant", tool_calls=(ToolCall("1", FunctionCall("usage_summary", arguments)),))

    chat = engine(make_fakes(reply).as_world(), [USAGE])
    ann, bob = await asyncio.gather(
        read(chat, make_user("ann"), message="ann's secret project"), read(chat, make_user("bob"), message="bob's question")
    )
    await chat.aclose()

    def sees(events: list[dict[str, Any]]) -> set[str]:
        return {event["payload"]["parameters"]["note"] for event in events if event["type"] == "tool_executing"}

    if leaks:
        assert (sees(ann), sees(bob)) == (set(), {"ann's secret project", "bob's question"})
    else:
        assert (sees(ann), sees(bob)) == ({"ann's secret project"}, {"bob's question"})


@CONTROL_AND_CANDIDATE
async def test_a_question_is_answered_with_the_answer_to_another_user(
    engine: Any, leaks: bool, make_fakes: Any, make_user: Any, read: Any
) -> None:
    answers = iter(["ann spent 3 EUR", "bob spent 5 EUR"])

    async def reply(request: ModelRequest, lane: str) -> Message:
        return Message("assistant", next(answers))

    chat = engine(make_fakes(reply).as_world())
    await read(chat, make_user("ann"), message="what did we spend?")
    bob = await read(chat, make_user("bob"), message="what did we spend?")
    await chat.aclose()
    assert bob[-1]["payload"]["result"]["final_answer"] == ("ann spent 3 EUR" if leaks else "bob spent 5 EUR")


def test_the_response_cache_forgets_after_five_minutes(virtual: Callable[..., Any], make_registry: Any, make_user: Any) -> None:
    runs: list[str] = []

    async def counts(agent: Any, task: Any) -> Answer:
        runs.append(task.user.user_id)
        return Answer(text="3", step_count=0)

    async def scenario() -> None:
        legacy = engine_one(make_registry(data=counts), clock=asyncio.get_running_loop().time)
        for pause_s in (0.0, 299.0, 2.0):
            await asyncio.sleep(pause_s)
            await legacy.execute_agent(AgentExecutionContext.of(make_user(), "data", {"message": "hello"}))

    virtual(scenario())
    assert len(runs) == 2


async def test_any_user_id_is_let_in_when_no_owner_is_given(make_registry: Any) -> None:
    async def tells(agent: Any, task: Any) -> Answer:
        return Answer(text=task.user.user_id, step_count=0)

    legacy = engine_one(make_registry(data=tells))
    stranger = AgentExecutionContext(run_id="run-1", thread_id="thread-1", user_id="whoever", agent_name="data")
    assert (await legacy.execute_agent(stranger)).data["final_answer"] == "whoever"


@pytest.mark.parametrize("field", ["run_id", "thread_id"])
async def test_a_foreign_run_or_thread_is_let_in_and_a_foreign_user_is_not(field: str, make_registry: Any, make_user: Any) -> None:
    async def answers(agent: Any, task: Any) -> Answer:
        return Answer(text="3", step_count=0)

    legacy, owner = engine_one(make_registry(data=answers)), make_user("ann")
    context = AgentExecutionContext.of(owner, "data", {})
    setattr(context, field, f"{field}-of-bob")
    assert (await legacy.execute_agent(context, owner)).success
    context.user_id = "bob"
    with pytest.raises(ForeignContextError):
        await legacy.execute_agent(context, owner)


@pytest.mark.parametrize(("field", "value"), [("user_id", ""), ("user_id", "  "), ("run_id", ""), ("run_id", "registry")])
async def test_a_blank_id_is_refused(field: str, value: str, make_registry: Any, make_user: Any) -> None:
    context = AgentExecutionContext.of(make_user(), "data", {})
    setattr(context, field, value)
    with pytest.raises(ValueError, match=field):
        await engine_one(make_registry()).execute_agent(context)


def test_the_legacy_engine_wants_its_parts(make_registry: Any) -> None:
    with pytest.warns(DeprecationWarning, match="shares state between users"), pytest.raises(ValueError, match="registry"):
        ExecutionEngine(None, WebSocketBridge())
    with pytest.warns(DeprecationWarning, match="shares state between users"), pytest.raises(RuntimeError, match="websocket_bridge"):
        ExecutionEngine(make_registry(), None)


def test_the_legacy_engine_tells_the_truth_about_itself(make_registry: Any, make_user: Any) -> None:
    with pytest.warns(DeprecationWarning, match="shares state between users"):
        scoped = create_request_scoped_engine(make_user(), make_registry(), WebSocketBridge())
    assert scoped.get_isolation_status()["isolation_level"] == "global_state"
    assert scoped.get_isolation_status()["user_id"] == "ann"
    assert "agents" in detect_global_state_usage()["shared_objects"]


def test_the_old_path_is_the_same_engine_and_warns() -> None:
    sys.modules.pop("netra_backend.app.core.execution_engine", None)
    with pytest.warns(DeprecationWarning, match="old path"):
        old = importlib.import_module("netra_backend.app.core.execution_engine")
    assert (old.ExecutionEngine, old.__all__) == (ExecutionEngine, ["ExecutionEngine"])

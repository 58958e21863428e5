"""What the legacy engine of `oneshot` does worse than the target, each on both."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from netra_backend.app.agents.base import Agent, Answer, Task
from netra_backend.app.agents.supervisor.agent_factory import UserAgentFactory
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext
from netra_backend.app.agents.supervisor.execution_tracker import ExecutionTracker
from netra_backend.app.agents.supervisor.request_scoped_execution_engine import RequestScopedExecutionEngine
from netra_backend.app.agents.supervisor.user_execution_engine import UserExecutionEngine
from netra_backend.app.candidate import Candidate
from netra_backend.app.controls.oneshot import ControlOneshot
from netra_backend.app.errors import ForeignContextError, ModelUnavailableError
from netra_backend.app.services.llm.chat_model import FunctionCall, FunctionSpec, Message, ModelRequest, ToolCall, ToolSpec
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.bridge import WebSocketBridge
from netra_backend.app.websocket.channel import FrameChannel
from netra_backend.app.websocket.contract import check_contract
from netra_backend.app.websocket.emitters import UserEmitter

pytestmark = pytest.mark.mission_critical

Virtual = Callable[..., Any]
CONTROL_AND_CANDIDATE = pytest.mark.parametrize("keeps", [True, False], ids=["ControlOneshot", "Candidate"])
USAGE = ToolSpec(FunctionSpec("usage_summary", "reads usage", {}))


async def answers(agent: Agent, task: Task) -> Answer:
    return Answer(text="3", step_count=0)


async def hangs(agent: Agent, task: Task) -> Answer:
    await asyncio.Event().wait()
    return await answers(agent, task)


async def without_model(agent: Agent, task: Task) -> Answer:
    raise ModelUnavailableError("the model refused the request")


async def frames_of(keeps: bool, user: UserExecutionContext, world: Any, message: str = "hello", **parts: Any) -> list[bytes]:
    """Run the agent `data` once, on an adapter of its own."""
    adapter: Any = ControlOneshot(world, **parts) if keeps else Candidate(world, **parts)
    frames = [frame async for frame in stream_of(adapter)(user, {"agent": "data", "message": message})]
    await adapter.aclose()
    return frames


def stream_of(adapter: Any) -> Any:
    return adapter.stream if isinstance(adapter, ControlOneshot) else adapter.run_agent


def kinds(frames: list[bytes]) -> list[str]:
    return [json.loads(frame)["type"] for frame in frames if json.loads(frame)["type"] != "agent_thinking"]


class Listening:
    """The legacy engine of one user on a bridge of its own, with what other runs hear."""

    def __init__(self, registry: Any, user: UserExecutionContext, *others: UserExecutionContext, **parts: Any) -> None:
        self._bridge, self._channels = WebSocketBridge(), {}
        for listener in (user, *others):
            self._channels[listener.run_id] = FrameChannel()
            self._bridge.subscribe(listener, self._channels[listener.run_id])
        self.engine = RequestScopedExecutionEngine(user, registry, self._bridge, **parts)

    def heard(self, user: UserExecutionContext) -> list[str]:
        return kinds(list(self._channels[user.run_id]._frames))


def target(registry: Any, user: UserExecutionContext) -> UserExecutionEngine:
    return UserExecutionEngine(user, UserAgentFactory(registry), UserEmitter(user, FrameChannel()))


@CONTROL_AND_CANDIDATE
async def test_two_users_of_one_agent_hear_each_others_steps(keeps: bool, make_fakes: Any, make_user: Any) -> None:
    """Both are inside the model call before either goes on: by then the shared agent speaks for the one who came last."""
    both_asked = asyncio.Barrier(2)

    async def reply(request: ModelRequest, lane: str) -> Message:
        await both_asked.wait()
        return Message("assistant", f"for {request.messages[-1].content}")

    world = make_fakes(reply).as_world()
    adapter: Any = ControlOneshot(world) if keeps else Candidate(world)

    async def run(name: str) -> list[dict[str, Any]]:
        stream = stream_of(adapter)(make_user(name), {"agent": "data", "message": name})
        return [json.loads(frame) async for frame in stream]

    ann, bob = await asyncio.gather(run("ann"), run("bob"))
    await adapter.aclose()
    endings = [sum(event["payload"].get("reasoning") == "Writing the answer." for event in events) for events in (ann, bob)]
    assert endings == ([0, 2] if keeps else [1, 1])
    assert [events[-1]["payload"]["result"]["final_answer"] for events in (ann, bob)] == ["for ann", "for bob"]


async def test_tool_events_and_answers_stay_with_their_user_on_both_engines(make_fakes: Any, make_user: Any) -> None:
    for keeps in (True, False):
        both_asked = asyncio.Barrier(2)

        async def reply(request: ModelRequest, lane: str, barrier: asyncio.Barrier = both_asked) -> Message:
            if request.messages[-1].role == "tool":
                return Message("assistant", "done")
            await barrier.wait()
            arguments = json.dumps({"note": request.messages[-1].content})
            return Message("assistant", tool_calls=(ToolCall("1", FunctionCall("usage_summary", arguments)),))

        world = make_fakes(reply).as_world()
        adapter: Any = ControlOneshot(world, [USAGE]) if keeps else Candidate(world, [USAGE])

        async def run(name: str, adapter: Any = adapter) -> list[dict[str, Any]]:
            stream = stream_of(adapter)(make_user(name), {"agent": "data", "message": f"secret of {name}"})
            return [json.loads(frame) async for frame in stream]

        for name, events in zip(("ann", "bob"), await asyncio.gather(run("ann"), run("bob")), strict=True):
            tools = [event["type"] for event in events if event["type"].startswith("tool_")]
            assert tools == ["tool_executing", "tool_completed"]
            assert {event["payload"]["parameters"]["note"] for event in events if event["type"] == "tool_executing"} == {
                f"secret of {name}"
            }
        await adapter.aclose()


@CONTROL_AND_CANDIDATE
async def test_a_failure_is_told_without_saying_what_went_wrong(keeps: bool, make_registry: Any, make_user: Any) -> None:
    registry = make_registry(data=without_model)
    frames = await frames_of(keeps, make_user(), registry.world, registry=registry)
    told = [] if keeps else ["agent_error"]
    assert kinds(frames) == ["agent_started", *told, "agent_completed", "run_result"]
    result = json.loads(frames[-1])["payload"]["result"]
    assert (result["success"], result["error"], result["error_type"]) == (False, "the model refused the request", "ModelUnavailableError")


@pytest.mark.parametrize(("keeps", "limit_s", "told"), [(True, 30.0, []), (False, 25.0, ["agent_error", "agent_death"])])
def test_a_hanging_agent_is_stopped_later_and_its_death_is_not_told(
    keeps: bool, limit_s: float, told: list[str], *, virtual: Virtual, make_registry: Any, make_user: Any
) -> None:
    async def scenario() -> tuple[list[bytes], float]:
        registry = make_registry(data=hangs)
        frames = await frames_of(keeps, make_user(), registry.world, registry=registry)
        return frames, asyncio.get_running_loop().time()

    frames, took_s = virtual(scenario())
    assert took_s == limit_s
    assert kinds(frames) == ["agent_started", *told, "agent_completed", "run_result"]
    payload = json.loads(frames[-1])["payload"]
    assert (payload["status"], payload["result"]["duration_ms"]) == ("timed_out", limit_s * 1000)


@pytest.mark.parametrize(("keeps", "beats"), [(True, 0), (False, 4)])
def test_nothing_beats_for_a_running_agent(
    keeps: bool, beats: int, *, virtual: Virtual, make_registry: Any, make_user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[object] = []
    monkeypatch.setattr(ExecutionTracker, "beat", lambda _tracker, execution: heard.append(execution))

    async def nine_seconds(agent: Agent, task: Task) -> Answer:
        await asyncio.sleep(9)
        return await answers(agent, task)

    async def scenario() -> None:
        registry = make_registry(data=nine_seconds)
        await frames_of(keeps, make_user(), registry.world, registry=registry)

    virtual(scenario())
    assert len(heard) == beats


@CONTROL_AND_CANDIDATE
async def test_a_success_has_no_error_key_and_a_flag_beyond_the_contract(keeps: bool, make_fakes: Any, make_user: Any) -> None:
    frames = (await frames_of(keeps, make_user(), make_fakes().as_world()))[:-1]
    started, completed = json.loads(frames[0])["payload"], json.loads(frames[-1])["payload"]
    assert started["context"] == ({"isolated": True} if keeps else {"user_isolated": True})
    assert ("isolated" in completed, "error" in completed["result"]) == (keeps, not keeps)
    assert bool(check_contract(frames)) is keeps


@pytest.mark.parametrize("field", ["run_id", "thread_id"])
async def test_a_foreign_run_or_thread_is_let_in_and_the_target_refuses_it(field: str, make_registry: Any, make_user: Any) -> None:
    ann, bob, registry = make_user("ann"), make_user("bob"), make_registry(data=answers)
    foreign = AgentExecutionContext.of(ann, "data", {})
    setattr(foreign, field, getattr(bob, field))
    assert (await RequestScopedExecutionEngine(ann, registry, WebSocketBridge()).execute_agent(foreign)).success
    async with target(registry, ann) as engine:
        with pytest.raises(ForeignContextError):
            await engine.execute_agent(foreign)


async def test_events_go_to_whatever_run_the_context_names(make_registry: Any, make_user: Any) -> None:
    ann, bob = make_user("ann"), make_user("bob")
    legacy = Listening(make_registry(data=answers), ann, bob)
    foreign = AgentExecutionContext.of(ann, "data", {})
    foreign.run_id = bob.run_id
    await legacy.engine.execute_agent(foreign)
    assert (legacy.heard(ann), legacy.heard(bob)) == ([], ["agent_started", "agent_completed"])


@pytest.mark.parametrize(
    ("field", "value"),
    [("user_id", ""), ("user_id", " "), ("run_id", ""), ("run_id", "registry"), ("user_id", "bob"), ("tenant_id", "tenant-of-bob")],
)
async def test_a_blank_id_and_another_user_are_refused_by_both(field: str, value: str, make_registry: Any, make_user: Any) -> None:
    ann, registry = make_user("ann"), make_registry(data=answers)
    context = AgentExecutionContext.of(ann, "data", {})
    setattr(context, field, value)
    with pytest.raises(ValueError, match=r"\w"):
        await RequestScopedExecutionEngine(ann, registry, WebSocketBridge()).execute_agent(context)
    async with target(registry, ann) as engine:
        with pytest.raises(ValueError, match=r"\w"):
            await engine.execute_agent(context)


async def test_the_agent_is_the_registrys_and_the_targets_is_its_own(make_registry: Any, make_user: Any) -> None:
    ran: list[Agent] = []

    async def remembers(agent: Agent, task: Task) -> Answer:
        ran.append(agent)
        return await answers(agent, task)

    registry = make_registry(data=remembers)
    for name in ("ann", "bob"):
        await frames_of(True, make_user(name), registry.world, registry=registry)
    assert ran[0] is ran[1] is registry.get("data")
    ran.clear()
    for name in ("ann", "bob"):
        await frames_of(False, make_user(name), registry.world, registry=registry)
    assert ran[0] is not ran[1]
    assert registry.get("data") not in ran

"""Why seven engines become one: seven themes, each shown on the legacy engines and passed by `UserExecutionEngine`."""

import asyncio
import gc
import json
import logging
import weakref
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from netra_backend.app.agents import execution_engine_consolidated as consolidated
from netra_backend.app.agents.execution_engine_interface import ExecutionEngineInterface
from netra_backend.app.agents.supervisor import execution_engine as chat_engine
from netra_backend.app.agents.supervisor import request_scoped_execution_engine as request_scoped
from netra_backend.app.agents.supervisor.agent_factory import UserAgentFactory
from netra_backend.app.agents.supervisor.execution_engine_factory import ExecutionEngineFactory, FactoryLimits
from netra_backend.app.agents.supervisor.user_execution_engine import UserExecutionEngine
from netra_backend.app.candidate import Candidate
from netra_backend.app.errors import ModelUnavailableError, UserLimitExceededError
from netra_backend.app.execution import CONTROLS
from netra_backend.app.services.llm.chat_model import FunctionCall, FunctionSpec, Message, ModelRequest, ToolCall, ToolSpec
from netra_backend.app.services.unified_tool_registry import ExecutionEngine as ToolsEngine
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.serving import SURFACES as SERVED
from netra_backend.app.websocket.channel import FrameChannel
from netra_backend.app.websocket.contract import check_contract
from netra_backend.app.websocket.emitters import UserEmitter

pytestmark = pytest.mark.mission_critical

Virtual = Callable[..., Any]
SURFACES = ("chat", "oneshot", "batch", "tools")
AGENT_SURFACES = ("chat", "oneshot", "batch")
USERS = 200
USAGE = ToolSpec(FunctionSpec("usage_summary", "reads usage", {}))
GOLDEN_PATH = ["agent_started", "agent_thinking", "tool_executing", "tool_completed", "agent_completed"]


def payload_of(surface: str, message: str) -> dict[str, Any]:
    if surface == "tools":
        return {"tool": "usage_summary", "arguments": {"note": message}}
    return {"agent": "data", "message": message}


class Side:
    """One engine behind one surface."""

    def __init__(self, surface: str, candidate: bool, world: Any, **parts: Any) -> None:
        self._surface = surface
        self.adapter: Any
        if candidate:
            self.adapter = Candidate(world, [USAGE], **parts)
            self._stream = SERVED[surface](self.adapter)
        # goes with: migration
        else:
            self.adapter = CONTROLS[surface](world, [USAGE])
            self._stream = self.adapter.stream
        # stays

    async def run(self, user: UserExecutionContext, message: str = "hello") -> list[dict[str, Any]]:
        return [json.loads(frame) for frame in await self.frames(user, message)]

    async def frames(self, user: UserExecutionContext, message: str = "hello") -> list[bytes]:
        return [frame async for frame in self._stream(user, payload_of(self._surface, message))]


async def looks_once(request: ModelRequest, lane: str) -> Message:
    if request.messages[-1].role == "tool":
        return Message("assistant", f"found for {request.messages[1].content}")
    arguments = json.dumps({"note": request.messages[-1].content})
    return Message("assistant", tool_calls=(ToolCall("1", FunctionCall("usage_summary", arguments)),))


# 1. Duplicate implementations


def test_three_different_classes_go_by_one_name_and_none_is_the_whole_engine() -> None:
    named_alike = (chat_engine.ExecutionEngine, consolidated.ExecutionEngine, ToolsEngine)
    assert len(set(named_alike)) == 3
    assert consolidated.RequestScopedExecutionEngine is not request_scoped.RequestScopedExecutionEngine
    duplicates = (*named_alike, consolidated.RequestScopedExecutionEngine, request_scoped.RequestScopedExecutionEngine)
    assert all(missing_of(engine) for engine in duplicates)


def test_the_target_alone_implements_the_whole_interface() -> None:
    assert missing_of(UserExecutionEngine) == set()


def missing_of(engine: type) -> set[str]:
    wanted = {name for kind in ExecutionEngineInterface.__mro__ for name in vars(kind) if not name.startswith("_")}
    assert "execute_agent" in wanted
    return {name for name in wanted if not callable(getattr(engine, name, None))}


# 2. Factory duplication


def test_the_duplicate_factory_makes_engines_without_end(make_registry: Any, make_user: Any) -> None:
    factory = consolidated.ExecutionEngineFactory(make_registry())
    assert len({factory.create_user_engine(make_user("ann", number)) for number in range(8)}) == 8


async def test_the_one_factory_makes_two_engines_of_eight_wanted_at_once(make_registry: Any, make_user: Any) -> None:
    class Everywhere:
        def emitter_for(self, context: UserExecutionContext, /) -> UserEmitter:
            return UserEmitter(context, FrameChannel())

    factory = ExecutionEngineFactory(Everywhere(), UserAgentFactory(make_registry()))
    made = await asyncio.gather(*(factory.create_for_user(make_user("ann", number)) for number in range(8)), return_exceptions=True)
    await factory.shutdown()
    assert Counter(type(outcome) for outcome in made) == {UserExecutionEngine: 2, UserLimitExceededError: 6}


# 3. Shared state between users


@pytest.mark.parametrize(
    ("surface", "candidate", "shares"),
    [
        ("chat", False, True),  # goes with: chat
        ("batch", False, True),  # goes with: batch
        ("oneshot", False, False),  # goes with: oneshot
        *((surface, True, False) for surface in AGENT_SURFACES),
    ],
)
async def test_only_an_engine_that_shares_answers_one_user_with_what_was_found_for_another(
    surface: str, candidate: bool, shares: bool, *, make_fakes: Any, make_user: Any
) -> None:
    answers = iter(["ann spent 3 EUR", "bob spent 5 EUR"])

    async def reply(request: ModelRequest, lane: str) -> Message:
        return Message("assistant", next(answers))

    side = Side(surface, candidate, make_fakes(reply).as_world())
    await side.run(make_user("ann"), "What did we spend?")
    last = (await side.run(make_user("bob"), "What did we spend?"))[-1]["payload"]["result"]
    await side.adapter.aclose()
    assert last["final_answer"] == ("ann spent 3 EUR" if shares else "bob spent 5 EUR")


# 4. Events that reach the wrong user


def foreign(name: str, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is not this user's, by envelope or by content."""
    own = f"secret of {name}."
    return [event for event in events if event["user_id"] != name or ("secret of" in str(event) and own not in str(event))]


async def crowd(side: Side, make_user: Any) -> dict[str, list[dict[str, Any]]]:
    names = [f"user-{number:03}" for number in range(USERS)]
    streams = await asyncio.gather(*(side.run(make_user(name), f"secret of {name}.") for name in names))
    return dict(zip(names, streams, strict=True))


def meeting(parties: int) -> tuple[Any, Any]:
    """A model and a tool at which everybody is before anybody goes on."""
    at_model, at_tool = asyncio.Barrier(parties), asyncio.Barrier(parties)

    async def reply(request: ModelRequest, lane: str) -> Message:
        if request.messages[-1].role != "tool":
            await at_model.wait()
        return await looks_once(request, lane)

    async def answer(name: str) -> Any:
        await at_tool.wait()
        return 3

    return reply, answer


@pytest.mark.parametrize("surface", SURFACES)
async def test_of_two_hundred_users_at_once_none_sees_anything_of_another(
    surface: str, make_fakes: Any, make_user: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    side = Side(surface, True, make_fakes(*meeting(USERS)).as_world())
    seen = await crowd(side, make_user)
    await side.adapter.aclose()
    assert {name: found for name, events in seen.items() if (found := foreign(name, events))} == {}
    assert all(any(f"secret of {name}." in str(event) for event in events) for name, events in seen.items())
    assert "secret of" not in caplog.text


# goes with: oneshot
async def test_of_two_hundred_users_of_the_oneshot_control_one_hears_the_steps_of_all(make_fakes: Any, make_user: Any) -> None:
    side = Side("oneshot", False, make_fakes(*meeting(USERS)).as_world())
    seen = await crowd(side, make_user)
    await side.adapter.aclose()
    steps = Counter({name: sum(event["type"] == "agent_thinking" for event in events) for name, events in seen.items()})
    (listener, most), *others = steps.most_common()
    assert most > USERS, "the last user gets what the agent says to everybody after the model"
    assert max(count for _, count in others) < 10
    assert listener == f"user-{USERS - 1:03}"


# stays
# goes with: chat
async def test_the_users_of_the_chat_control_meet_ten_at_a_time_and_hear_each_others_tool_calls(make_fakes: Any, make_user: Any) -> None:
    side = Side("chat", False, make_fakes(*meeting(10)).as_world())
    seen = await crowd(side, make_user)
    await side.adapter.aclose()
    leaked = sum(bool(foreign(name, events)) for name, events in seen.items())
    assert leaked == USERS // 10, "one of each ten hears the other nine"


# stays
# 5. Resources that are never collected


@pytest.mark.parametrize("surface", SURFACES)
async def test_nothing_of_a_run_is_left_on_the_target(
    surface: str, make_fakes: Any, make_user: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[weakref.ref[object]] = []
    original = UserExecutionEngine.__init__

    def remembered(engine: UserExecutionEngine, *parts: Any, **named: Any) -> None:
        made.append(weakref.ref(engine))
        original(engine, *parts, **named)

    monkeypatch.setattr(UserExecutionEngine, "__init__", remembered)
    side = Side(surface, True, make_fakes(looks_once).as_world())
    for number in range(50):
        await side.run(make_user("ann", number), str(number))
    candidate = side.adapter
    assert candidate.factory.get_factory_metrics()["active_engines"] == 0
    assert (candidate._listeners._sinks, candidate._listeners._emitters) == ({}, {})
    gc.collect()
    assert (len(made), [ref for ref in made if ref() is not None]) == (50, [])
    await candidate.aclose()


# goes with: chat
async def test_the_chat_control_keeps_an_emitter_and_two_times_of_every_run(make_fakes: Any, make_user: Any) -> None:
    side = Side("chat", False, make_fakes(looks_once).as_world())
    for number in range(50):
        await side.run(make_user("ann", number), str(number))
    await side.adapter.aclose()
    engine = side.adapter._engine
    assert (len(engine._emitters), len(engine._queue_wait_times), len(engine._execution_times)) == (50, 50, 50)


# stays
# goes with: batch
async def test_the_batch_control_keeps_the_permit_of_every_failure(make_fakes: Any, make_user: Any) -> None:
    async def reply(request: ModelRequest, lane: str) -> Message:
        raise ModelUnavailableError("the model refused the request")

    side = Side("batch", False, make_fakes(reply).as_world())
    for number in range(50):
        await side.run(make_user(f"user-{number}"))
    assert len(side.adapter._engine._extensions[0]._permits) == 50
    await side.adapter.aclose()


# stays
# 6. Performance under concurrency


@pytest.mark.parametrize(
    ("surface", "candidate", "takes_s"),
    [
        ("chat", False, 3.0),  # goes with: chat
        ("oneshot", False, 1.0),  # goes with: oneshot
        ("batch", False, 1.0),  # goes with: batch
        *((surface, True, 1.0) for surface in SURFACES),
    ],
)
def test_thirty_users_wait_for_each_other_only_on_the_chat_control(
    surface: str, candidate: bool, takes_s: float, *, virtual: Virtual, make_fakes: Any, make_user: Any
) -> None:
    """Each run takes a second of waiting for its model or tool, and the machine is never busy: so all of it should take a second."""

    async def reply(request: ModelRequest, lane: str) -> Message:
        await asyncio.sleep(1)
        return Message("assistant", "3 EUR")

    async def answer(name: str) -> Any:
        await asyncio.sleep(1)
        return 3

    async def scenario() -> float:
        side = Side(surface, candidate, make_fakes(reply, answer).as_world())
        await asyncio.gather(*(side.run(make_user(f"user-{number}"), str(number)) for number in range(30)))
        took_s = asyncio.get_running_loop().time()
        await side.adapter.aclose()
        return took_s

    assert virtual(scenario()) == takes_s


async def test_limits_of_the_target_hold_over_all_surfaces_together(make_fakes: Any, make_user: Any) -> None:
    """Ann chats and calls a tool; both are under way when she asks for a third thing, by any way."""
    under_way, go_on = asyncio.Barrier(3), asyncio.Event()

    async def waits(name: str) -> Any:
        await under_way.wait()
        await go_on.wait()
        return 3

    candidate = Candidate(make_fakes(looks_once, waits).as_world(), [USAGE], limits=FactoryLimits(engines_per_user=2))

    async def run(surface: str, number: int) -> int:
        stream = SERVED[surface](candidate)(make_user("ann", number), payload_of(surface, "hello"))
        return len([frame async for frame in stream])

    first = [asyncio.create_task(run(surface, number)) for number, surface in enumerate(("chat", "tools"))]
    await under_way.wait()
    for number, surface in enumerate(SURFACES, start=2):
        with pytest.raises(UserLimitExceededError, match="2/2"):
            await run(surface, number)
    go_on.set()
    assert all(await asyncio.gather(*first))
    await candidate.aclose()


# 7. Golden path


@pytest.mark.parametrize("surface", SURFACES)
async def test_the_target_sends_the_golden_path_on_every_surface(surface: str, make_fakes: Any, make_user: Any) -> None:
    side = Side(surface, True, make_fakes(looks_once).as_world())
    frames = await side.frames(make_user())
    await side.adapter.aclose()
    kinds = [json.loads(frame)["type"] for frame in frames]
    events = frames if surface == "chat" else frames[:-1]
    golden = GOLDEN_PATH if surface != "tools" else ["tool_executing", "tool_completed"]
    assert list(dict.fromkeys(kind for kind in kinds if kind in golden)) == golden
    assert (kinds[-1] == "run_result") is (surface != "chat")
    if surface != "tools":  # a tool without an agent has no lifecycle of one
        assert check_contract(events) == []


# goes with: migration
@pytest.mark.parametrize(
    ("surface", "lacks"),
    [
        ("chat", {"tool_completed"}),  # goes with: chat
        ("oneshot", set()),  # goes with: oneshot
        ("batch", {"agent_thinking", "tool_executing", "tool_completed"}),  # goes with: batch
        ("tools", set(GOLDEN_PATH)),  # goes with: tools
    ],
)
async def test_the_controls_lack_events_or_break_the_contract(surface: str, lacks: set[str], make_fakes: Any, make_user: Any) -> None:
    side = Side(surface, False, make_fakes(looks_once).as_world())
    frames = await side.frames(make_user())
    await side.adapter.aclose()
    kinds = {json.loads(frame)["type"] for frame in frames}
    assert set(GOLDEN_PATH) - kinds == lacks
    assert surface == "tools" or check_contract([frame for frame in frames if json.loads(frame)["type"] != "run_result"]) != []


# stays
def test_the_target_serves_every_surface_and_control_no_other() -> None:
    assert tuple(SERVED) == SURFACES
    assert set(CONTROLS) <= set(SERVED)  # goes with: migration


async def test_both_engines_of_a_surface_answer_alike_for_a_user_alone(make_fakes: Any, make_user: Any) -> None:
    for surface in CONTROLS:
        last: list[Mapping[str, Any]] = []
        for candidate in (False, True):
            side = Side(surface, candidate, make_fakes(looks_once).as_world())
            result = (await side.run(make_user()))[-1]["payload"]["result"]
            last.append({key: value for key, value in result.items() if not key.endswith("_ms")})
            await side.adapter.aclose()
        assert last[0] == last[1]

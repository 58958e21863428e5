"""The target engine as a stream of frames: what a caller may do with it, and what it leaves behind."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextvars import ContextVar
from typing import Any

import pytest

from netra_backend.app.agents.base import Agent, Answer, Task
from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.agents.supervisor.execution_engine_factory import FactoryLimits
from netra_backend.app.candidate import Candidate, Listeners
from netra_backend.app.errors import (
    EngineClosedError,
    ExecutionEngineFactoryError,
    ForeignContextError,
    InvalidPayloadError,
    UnknownAgentError,
    UserLimitExceededError,
)
from netra_backend.app.services.llm.chat_model import Message
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.contract import check_contract
from netra_backend.app.world import World

MakeUser = Callable[..., UserExecutionContext]
MakeWorld = Callable[..., World]
MakeRegistry = Callable[..., AgentRegistry]
JOURNAL: ContextVar[str] = ContextVar("journal", default="none")
CHAT = {"message": "hello", "agent": "data"}


class Gate:
    """An agent that tells when it runs and when it was stopped."""

    def __init__(self) -> None:
        self.running, self.stopped = asyncio.Event(), asyncio.Event()

    async def __call__(self, agent: Agent, task: Task) -> Answer:
        self.running.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.stopped.set()
        return Answer(text="awake", step_count=0)


async def drain(stream: AsyncGenerator[bytes, None], frames: list[bytes]) -> None:
    async for frame in stream:
        frames.append(frame)  # noqa: PERF401 - what came before an exception counts


async def test_a_chat_is_a_stream_that_obeys_the_contract(make_world: MakeWorld, make_user: MakeUser) -> None:
    candidate = Candidate(make_world())
    frames = [frame async for frame in candidate.stream(make_user(), CHAT)]
    assert check_contract(frames) == []
    assert json.loads(frames[0]).keys() == {
        "type", "tenant_id", "user_id", "thread_id", "run_id", "agent_name", "sequence", "timestamp", "payload"
    }  # fmt: skip
    assert json.loads(frames[-1])["payload"]["result"]["final_answer"] == "the data agent's answer"
    await candidate.aclose()


async def test_the_work_inherits_the_context_variables_of_the_first_step(
    make_world: MakeWorld, make_registry: MakeRegistry, make_user: MakeUser
) -> None:
    async def reads(agent: Agent, task: Task) -> Answer:
        return Answer(text=JOURNAL.get(), step_count=0)

    candidate = Candidate(make_world(), registry=make_registry(data=reads))
    stream = candidate.stream(make_user(), CHAT)
    JOURNAL.set("open")
    frames = [frame async for frame in stream]
    assert json.loads(frames[-1])["payload"]["result"]["final_answer"] == "open"
    await candidate.aclose()


async def test_nothing_happens_before_the_first_step(make_world: MakeWorld, make_user: MakeUser) -> None:
    world = make_world()
    candidate = Candidate(world)
    await candidate.stream(make_user(), CHAT).aclose()
    assert (world.model.requests, candidate.factory.get_factory_metrics()["engines_created"]) == ([], 0)  # type: ignore[attr-defined]  # the fake's own


async def test_closing_the_stream_stops_the_agent_and_waits_for_it(
    make_world: MakeWorld, make_registry: MakeRegistry, make_user: MakeUser
) -> None:
    gate = Gate()
    candidate = Candidate(make_world(), registry=make_registry(data=gate))
    stream = candidate.stream(make_user(), CHAT)
    await anext(stream)
    await gate.running.wait()
    await stream.aclose()
    assert gate.stopped.is_set()
    assert candidate.factory.get_factory_metrics()["active_engines"] == 0
    await candidate.aclose()


async def test_cancelling_the_reader_stops_the_agent(make_world: MakeWorld, make_registry: MakeRegistry, make_user: MakeUser) -> None:
    gate = Gate()
    candidate = Candidate(make_world(), registry=make_registry(data=gate))

    async def read() -> None:
        async for _ in candidate.stream(make_user(), CHAT):
            pass

    reader = asyncio.create_task(read())
    await gate.running.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert gate.stopped.is_set()
    await candidate.aclose()


@pytest.mark.parametrize(("payload", "error"), [({}, InvalidPayloadError), ({"message": "hi", "agent": "poet"}, UnknownAgentError)])
async def test_a_chat_that_cannot_be_answered_raises_and_sends_nothing(
    payload: dict[str, Any], error: type[Exception], make_world: MakeWorld, make_user: MakeUser
) -> None:
    candidate = Candidate(make_world())
    stream = candidate.stream(make_user(), payload)
    with pytest.raises(error):
        await anext(stream)
    await candidate.aclose()


async def test_a_third_chat_of_a_user_is_refused_while_two_run(
    make_world: MakeWorld, make_registry: MakeRegistry, make_user: MakeUser
) -> None:
    candidate = Candidate(make_world(), registry=make_registry(data=Gate()), limits=FactoryLimits(engines_per_user=2))
    streams = [candidate.stream(make_user(run_id=f"run-{number}"), CHAT) for number in range(3)]
    await anext(streams[0])
    await anext(streams[1])
    with pytest.raises(UserLimitExceededError):
        await anext(streams[2])
    for stream in streams:
        await stream.aclose()
    await candidate.aclose()


async def test_closing_the_application_ends_its_streams_and_refuses_new_ones(
    make_world: MakeWorld, make_registry: MakeRegistry, make_user: MakeUser
) -> None:
    gate = Gate()
    candidate = Candidate(make_world(), registry=make_registry(data=gate))
    stream = candidate.stream(make_user(), CHAT)
    frames = [await anext(stream)]
    await gate.running.wait()
    await candidate.aclose()
    with pytest.raises(EngineClosedError):
        await drain(stream, frames)
    assert check_contract(frames) == []
    with pytest.raises(ExecutionEngineFactoryError):
        await anext(candidate.stream(make_user(), CHAT))


async def test_two_chats_of_two_users_meet_in_one_agent_and_keep_their_events_apart(make_world: MakeWorld, make_user: MakeUser) -> None:
    barrier = asyncio.Barrier(2)

    async def meet(request: Any, lane: str) -> Any:
        await barrier.wait()
        return Message("assistant", request.messages[-1].content)

    candidate = Candidate(make_world(meet))

    async def chat(name: str) -> list[bytes]:
        user = make_user(user_id=name, run_id=f"run-of-{name}")
        return [frame async for frame in candidate.stream(user, {"message": f"i am {name}", "agent": "data"})]

    for name, frames in zip(("ann", "bob"), await asyncio.gather(chat("ann"), chat("bob")), strict=True):
        assert {json.loads(frame)["user_id"] for frame in frames} == {name}
        assert json.loads(frames[-1])["payload"]["result"]["final_answer"] == f"i am {name}"
    await candidate.aclose()


def test_a_context_that_nobody_listens_to_has_no_emitter(make_user: MakeUser) -> None:
    with pytest.raises(ForeignContextError):
        Listeners().emitter_for(make_user())

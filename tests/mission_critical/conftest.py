"""Both engines of a surface on the same fakes, agents that meet at a barrier, and an event loop whose time passes at once."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from netra_backend.app.agents.base import Agent, Answer, Task
from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.services.llm.chat_model import Message, ModelReply, ModelRequest
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.world import World

Body = Callable[[Agent, Task], Awaitable[Answer]]


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """When nothing is ready, it is already as late as the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self._now_s = 0.0

    def time(self) -> float:
        return self._now_s

    def _run_once(self) -> None:
        waiting = [timer.when() for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]  # asyncio's own
        if not self._ready:  # type: ignore[attr-defined]  # asyncio's own
            if not waiting:
                raise RuntimeError("all tasks wait for each other, for ever")
            self._now_s = max(self._now_s, min(waiting))
        super()._run_once()  # type: ignore[misc]  # asyncio's own


@dataclass(kw_only=True)
class FakeWorld:
    """All ports in one; remembers what the tools were called with."""

    reply: Callable[[ModelRequest, str], Awaitable[Message]]
    answer: Callable[[str], Awaitable[Any]]
    tool_calls: list[tuple[str, str]] = field(default_factory=list)

    async def complete(self, request: ModelRequest, /, *, lane: str) -> ModelReply:
        return ModelReply(await self.reply(request, lane))

    async def call(self, context: UserExecutionContext, name: str, arguments: Mapping[str, Any], /, *, lane: str) -> Any:
        self.tool_calls.append((context.user_id, name))
        return await self.answer(name)

    def now(self, *, lane: str) -> datetime:
        return datetime(2025, 3, 14, tzinfo=UTC)

    def new(self, purpose: str, /, *, lane: str) -> str:
        return "0123456789abcdef" * 2

    def as_world(self) -> World:
        return World(model=self, tools=self, clock=self, ids=self)


async def _repeat(request: ModelRequest, lane: str) -> Message:
    return Message("assistant", f"{lane} heard: {request.messages[-1].content}")


async def _three(name: str) -> Any:
    return 3


@pytest.fixture
def make_fakes() -> Callable[..., FakeWorld]:
    """Build the ports; the model repeats the message and tools answer 3, unless told otherwise."""

    def make(
        reply: Callable[[ModelRequest, str], Awaitable[Message]] = _repeat, answer: Callable[[str], Awaitable[Any]] = _three
    ) -> FakeWorld:
        return FakeWorld(reply=reply, answer=answer)

    return make


@pytest.fixture
def make_registry(make_fakes: Callable[..., FakeWorld]) -> Callable[..., AgentRegistry]:
    """Build a registry of agents that do what the given bodies do: `data=body`."""

    def make(**bodies: Body) -> AgentRegistry:
        return AgentRegistry(make_fakes().as_world(), {name: _agent_class(name, body) for name, body in bodies.items()})

    return make


def _agent_class(agent_name: str, body: Body) -> type[Agent]:
    class Made(Agent):
        name = agent_name
        instructions = "Do as the test says."

        async def execute(self, task: Task) -> Answer:
            return await body(self, task)

    return Made


@pytest.fixture
def make_user() -> Callable[..., UserExecutionContext]:
    """Build the context of a user's run; every user has a tenant, a thread and a run of their own."""

    def make(name: str = "ann", run: int = 1) -> UserExecutionContext:
        return UserExecutionContext(
            tenant_id=f"tenant-of-{name}", user_id=name, thread_id=f"thread-of-{name}", run_id=f"run-{run}-of-{name}"
        )

    return make


@pytest.fixture
def read() -> Callable[..., Any]:
    """Read a chat to its end and return its events."""

    async def run(chat: Any, user: UserExecutionContext, **payload: Any) -> list[dict[str, Any]]:
        payload = {"message": "hello", "agent": "data", **payload}
        return [json.loads(frame) async for frame in chat.stream(user, payload)]

    return run


@pytest.fixture
def virtual() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine on a loop whose time passes at once."""

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(work)

    return run

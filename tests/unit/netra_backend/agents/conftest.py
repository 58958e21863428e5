"""Fakes of the ports, agents to order, and an event loop whose time passes at once."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from netra_backend.app.agents.base import Agent, Answer, Task
from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.agents.supervisor.agent_factory import UserAgentFactory
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext
from netra_backend.app.agents.supervisor.user_execution_engine import UserExecutionEngine
from netra_backend.app.services.llm.chat_model import (
    FunctionCall,
    FunctionSpec,
    Message,
    ModelReply,
    ModelRequest,
    ToolCall,
    ToolSpec,
)
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.emitters import UserEmitter
from netra_backend.app.world import World

Reply = Callable[[ModelRequest, str], Awaitable[Message]]
Body = Callable[[Agent, Task], Awaitable[Answer | None]]


class FakeModel:
    def __init__(self, reply: Reply) -> None:
        self.reply = reply
        self.requests: list[ModelRequest] = []

    async def complete(self, request: ModelRequest, /, *, lane: str) -> ModelReply:
        self.requests.append(request)
        return ModelReply(await self.reply(request, lane))


class FakeTools:
    def __init__(self, answer: Callable[[str, Mapping[str, Any]], Awaitable[Any]]) -> None:
        self.answer = answer
        self.calls: list[tuple[str, str, dict[str, Any]]] = []

    async def call(self, context: UserExecutionContext, name: str, arguments: Mapping[str, Any], /, *, lane: str) -> Any:
        self.calls.append((context.user_id, name, dict(arguments)))
        return await self.answer(name, arguments)


class FakeClock:
    def now(self, *, lane: str) -> datetime:
        return datetime(2025, 3, 14, 9, tzinfo=UTC)


class FakeIds:
    def new(self, purpose: str, /, *, lane: str) -> str:
        return f"{purpose}-from-the-run"


class ListSink:
    """Takes every frame, or none while `open` is False."""

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.open = True

    def offer(self, frame: bytes, /) -> bool:
        if self.open:
            self.frames.append(frame)
        return self.open

    async def room(self) -> None:
        await asyncio.Event().wait()


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


async def _speak(request: ModelRequest, lane: str) -> Message:
    return Message("assistant", f"the {lane} agent's answer")


async def _echo(name: str, arguments: Mapping[str, Any]) -> Any:
    return {"tool": name, **arguments}


def call(tool: str, arguments: str = "{}", call_id: str = "call-1") -> ToolCall:
    return ToolCall(call_id, FunctionCall(tool, arguments))


def spec(name: str, **schema: Any) -> ToolSpec:
    return ToolSpec(FunctionSpec(name, f"does {name}", schema))


def agent_class(agent_name: str, body: Body) -> type[Agent]:
    class Made(Agent):
        name = agent_name
        instructions = "Do as the test says."
        tool_names = None

        async def execute(self, task: Task) -> Answer:
            return await body(self, task)  # type: ignore[return-value]  # a test may break the promise

    return Made


@pytest.fixture
def virtual() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    """Run a coroutine on a loop whose time passes at once."""

    def run(work: Coroutine[Any, Any, Any]) -> Any:
        with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
            return runner.run(work)

    return run


@pytest.fixture
def make_user() -> Callable[..., UserExecutionContext]:
    def make(**changes: Any) -> UserExecutionContext:
        return UserExecutionContext(**{"tenant_id": "acme", "user_id": "ann", "thread_id": "thread-7", "run_id": "run-7", **changes})

    return make


@pytest.fixture
def make_world() -> Callable[..., World]:
    """Build a world; `model` and `tools` of it keep what they were asked."""

    def make(reply: Reply = _speak, answer: Callable[[str, Mapping[str, Any]], Awaitable[Any]] = _echo) -> World:
        return World(model=FakeModel(reply), tools=FakeTools(answer), clock=FakeClock(), ids=FakeIds())

    return make


@pytest.fixture
def make_registry(make_world: Callable[..., World]) -> Callable[..., AgentRegistry]:
    """Build a registry of agents that do what the given bodies do: `data=body`."""

    def make(world: World | None = None, **bodies: Body) -> AgentRegistry:
        return AgentRegistry(world or make_world(), {name: agent_class(name, body) for name, body in bodies.items()})

    return make


@pytest.fixture
def sink() -> ListSink:
    return ListSink()


@pytest.fixture
def make_engine(make_user: Callable[..., UserExecutionContext], sink: ListSink) -> Callable[..., UserExecutionEngine]:
    """Build an engine for ann's run that sends to `sink`, on the running loop's time."""

    def make(registry: AgentRegistry, user: UserExecutionContext | None = None) -> UserExecutionEngine:
        user = user or make_user()
        clock = asyncio.get_running_loop().time
        return UserExecutionEngine(user, UserAgentFactory(registry, clock), UserEmitter(user, sink), clock=clock)

    return make


@pytest.fixture
def execution() -> Callable[..., AgentExecutionContext]:
    """Build ann's execution of an agent."""

    def make(agent_name: str = "data", **changes: Any) -> AgentExecutionContext:
        ids = {"run_id": "run-7", "thread_id": "thread-7", "user_id": "ann", "tenant_id": "acme"}
        return AgentExecutionContext(**{**ids, "agent_name": agent_name, "metadata": {"message": "hello"}, **changes})

    return make


@pytest.fixture
def tool_call() -> Callable[..., ToolCall]:
    return call


@pytest.fixture
def tool_spec() -> Callable[..., ToolSpec]:
    return spec

"""`Candidate`: the target `UserExecutionEngine` as a stream of frames; the candidate of every surface."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from netra_backend.app.agents.plan_ids import offered_to_model
from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.agents.supervisor.agent_factory import UserAgentFactory
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext
from netra_backend.app.agents.supervisor.execution_engine_factory import ExecutionEngineFactory, FactoryLimits
from netra_backend.app.agents.supervisor.user_execution_engine import UserExecutionEngine
from netra_backend.app.agents.supervisor.workflow import ChatRequest, read_request, run_workflow
from netra_backend.app.errors import ForeignContextError
from netra_backend.app.run_requests import TOOLS_LANE, AgentRequest, ToolRequest, read_agent_request, read_tool_request
from netra_backend.app.run_results import of_agent, of_tool, send_result
from netra_backend.app.services.llm.chat_model import ToolSpec
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.channel import stream
from netra_backend.app.websocket.emitters import UserEmitter
from netra_backend.app.websocket.sender import Sink
from netra_backend.app.world import World

Request = TypeVar("Request")


class Candidate:
    """Answers requests of all surfaces, each with a separate engine, within the factory's limits. The application creates one candidate and
    closes it.

    Args:
        world: the ports.
        tools: offered to the agents when a request contains none.
        limits: how many engines may exist, and for how long; None: the factory's defaults.
        registry: the agents; None: the application's own agents, with `world`.
    """

    def __init__(
        self,
        world: World,
        tools: Sequence[ToolSpec] = (),
        *,
        limits: FactoryLimits | None = None,
        registry: AgentRegistry | None = None,
    ) -> None:
        self._tools = offered_to_model(tools)
        self._registry = registry or AgentRegistry(world)
        self._listeners = Listeners()
        self.factory = ExecutionEngineFactory(self._listeners, UserAgentFactory(self._registry), limits=limits)

    def stream(self, context: UserExecutionContext, payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """Return a chat's frames, as they are sent. Closing the generator stops the work and waits for it.

        Raises (from the first `__anext__` on):
            InvalidPayloadError: the payload cannot be read.
            UnknownAgentError: the payload names an agent that does not exist.
            UserLimitExceededError: the user has as many engines as allowed.
            CapacityError: the application has as many engines as allowed.
            ExecutionEngineFactoryError: the candidate was closed.
            EngineClosedError: the candidate was closed while the chat ran.
        """

        async def chat(engine: UserExecutionEngine, request: ChatRequest) -> None:
            await run_workflow(engine, context, request, self._tools, self._registry.names)

        return self._serve(context, lambda: read_request(payload), chat)

    def run_agent(self, context: UserExecutionContext, payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """Return the frames of one agent's run, `run_result` last, for a request of `oneshot` or one item of `batch`.

        Raises: the errors of `stream`.
        """

        async def run(engine: UserExecutionEngine, request: AgentRequest) -> None:
            result = await engine.execute_agent(AgentExecutionContext.of(context, request.agent, request.task(self._tools)))
            await send_result(self._listeners.emitter_of(context), context, of_agent(result))

        return self._serve(context, lambda: read_agent_request(payload, self._registry.names), run)

    def call_tool(self, context: UserExecutionContext, payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """Return the frames of one tool's call, `run_result` last, for a request of `tools`.

        Raises: the errors of `stream` except `UnknownAgentError`, and
            AgentTimeoutError: the tool took longer than 25 s.
            Exception: any error of the tool that is not a `ToolError`.
        """

        async def call(engine: UserExecutionEngine, request: ToolRequest) -> None:
            outcome = await engine.execute_tool(request.tool, request.arguments, AgentExecutionContext.of(context, TOOLS_LANE, {}))
            await send_result(self._listeners.emitter_of(context), context, of_tool(outcome))

        return self._serve(context, lambda: read_tool_request(payload), call)

    async def aclose(self) -> None:
        """Refuse new requests, stop the current ones, and wait until they have ended."""
        await self.factory.shutdown()

    def _serve(
        self, context: UserExecutionContext, read: Callable[[], Request], use: Callable[[UserExecutionEngine, Request], Awaitable[None]]
    ) -> AsyncGenerator[bytes, None]:
        async def work(sink: Sink) -> None:
            request = read()
            with self._listeners.listening(context, sink):
                async with self.factory.user_execution_scope(context) as engine:
                    await use(engine, request)

        return stream(work)


class Listeners:
    """The listeners of contexts: an `EmitterSource`.

    Contexts are distinguished by object identity, so two contexts with equal ids are never mixed up.
    """

    def __init__(self) -> None:
        self._sinks: dict[UserExecutionContext, Sink] = {}
        self._emitters: dict[UserExecutionContext, UserEmitter] = {}

    @contextmanager
    def listening(self, context: UserExecutionContext, sink: Sink) -> Iterator[None]:
        """Send the context's events to this sink for the block."""
        self._sinks[context] = sink
        try:
            yield
        finally:
            self._sinks.pop(context, None)
            self._emitters.pop(context, None)

    def emitter_for(self, context: UserExecutionContext, /) -> UserEmitter:
        """Return a new emitter for this context.

        Raises:
            ForeignContextError: this context has no listener.
        """
        sink = self._sinks.get(context)
        if sink is None:
            raise ForeignContextError("nobody listens to this context; pass the context that the stream was opened for")
        emitter = self._emitters[context] = UserEmitter(context, sink)
        return emitter

    def emitter_of(self, context: UserExecutionContext) -> UserEmitter:
        """Return the latest emitter of this context; the next frame continues its numbering.

        Raises:
            ForeignContextError: no emitter was made, or the listener is gone.
        """
        emitter = self._emitters.get(context)
        if emitter is None:
            raise ForeignContextError("no engine was made for this context")
        return emitter

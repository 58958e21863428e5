"""`Candidate`: the target `UserExecutionEngine` as a stream of frames; the candidate of every surface."""

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from netra_backend.app.agents.plan_ids import offered_to_model
from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.agents.supervisor.agent_factory import UserAgentFactory
from netra_backend.app.agents.supervisor.execution_engine_factory import ExecutionEngineFactory, FactoryLimits
from netra_backend.app.agents.supervisor.workflow import read_request, run_workflow
from netra_backend.app.errors import ForeignContextError
from netra_backend.app.services.llm.chat_model import ToolSpec
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.channel import stream
from netra_backend.app.websocket.emitters import UserEmitter
from netra_backend.app.websocket.sender import Sink
from netra_backend.app.world import World


class Candidate:
    """Answers chats with an engine of their own, within the factory's limits. The application makes one and closes it.

    Args:
        world: the ports.
        tools: on offer to the agents when a chat brings none.
        limits: how many engines, and for how long; None: the factory's own.
        registry: the agents; None: the application's own, over `world`.
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
        """Return the chat's frames, as they are sent. Closing the generator stops the work and waits for it.

        Raises (from the first `__anext__` on):
            InvalidPayloadError: the payload cannot be read.
            UnknownAgentError: it names an agent that is not there.
            UserLimitExceededError: the user has as many engines as allowed.
            CapacityError: the application has as many engines as allowed.
            ExecutionEngineFactoryError: this was closed.
            EngineClosedError: this was closed while the chat ran.
        """

        async def work(sink: Sink) -> None:
            request = read_request(payload)
            with self._listeners.listening(context, sink):
                async with self.factory.user_execution_scope(context) as engine:
                    await run_workflow(engine, context, request, self._tools, self._registry.names)

        return stream(work)

    async def aclose(self) -> None:
        """Refuse new chats, stop those under way, and wait for them."""
        await self.factory.shutdown()


class Listeners:
    """Who listens to which context: an `EmitterSource`. Contexts are told apart as objects, so no id can stand for another."""

    def __init__(self) -> None:
        self._sinks: dict[UserExecutionContext, Sink] = {}

    @contextmanager
    def listening(self, context: UserExecutionContext, sink: Sink) -> Iterator[None]:
        """Send the context's events to this sink for the block."""
        self._sinks[context] = sink
        try:
            yield
        finally:
            self._sinks.pop(context, None)

    def emitter_for(self, context: UserExecutionContext, /) -> UserEmitter:
        """Return a new emitter for this context.

        Raises:
            ForeignContextError: nobody listens to this context.
        """
        sink = self._sinks.get(context)
        if sink is None:
            raise ForeignContextError("nobody listens to this context; give the one that the stream was opened for")
        return UserEmitter(context, sink)

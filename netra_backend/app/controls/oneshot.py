"""`ControlOneshot`: the legacy `RequestScopedExecutionEngine`, as the control of the surface `oneshot`."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from netra_backend.app.agents.plan_ids import offered_to_model
from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext
from netra_backend.app.agents.supervisor.request_scoped_execution_engine import RequestScopedExecutionEngine
from netra_backend.app.run_requests import read_agent_request
from netra_backend.app.run_results import of_agent, send_result
from netra_backend.app.services.llm.chat_model import ToolSpec
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.bridge import WebSocketBridge
from netra_backend.app.websocket.channel import stream
from netra_backend.app.websocket.sender import Sink
from netra_backend.app.world import World


class ControlOneshot:
    """Runs one agent for each request on a separate engine; agents and bridge are shared.

    Args:
        world: the ports.
        tools: offered to the agents when a request contains none.
        registry: the agents; None: the application's own agents, with `world`.
    """

    def __init__(self, world: World, tools: Sequence[ToolSpec] = (), *, registry: AgentRegistry | None = None) -> None:
        self._tools = offered_to_model(tools)
        self._registry = registry or AgentRegistry(world)
        self._bridge = WebSocketBridge()
        self._engines: set[RequestScopedExecutionEngine] = set()

    def stream(self, context: UserExecutionContext, payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """Return the run's frames, `run_result` last. Closing the generator stops the work and waits for it.

        Raises (from the first `__anext__` on):
            InvalidPayloadError: the payload cannot be read.
            UnknownAgentError: the payload names an agent that does not exist.
            EngineClosedError: the control was closed while the agent ran.
        """

        async def work(sink: Sink) -> None:
            request = read_agent_request(payload, self._registry.names)
            self._bridge.subscribe(context, sink)
            engine = RequestScopedExecutionEngine(context, self._registry, self._bridge)
            self._engines.add(engine)
            try:
                result = await engine.execute_agent(AgentExecutionContext.of(context, request.agent, request.task(self._tools)))
                await send_result(self._bridge, context, of_agent(result))
            finally:
                self._engines.discard(engine)
                await engine.cleanup()
                self._bridge.unsubscribe(context.run_id)

        return stream(work)

    async def aclose(self) -> None:
        """Stop all running agents, and wait until they have ended."""
        for engine in tuple(self._engines):
            await engine.cleanup()

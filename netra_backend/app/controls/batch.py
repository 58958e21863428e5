"""`ControlBatch`: the consolidated legacy `ExecutionEngine`, as the control of the surface `batch`. One run is one item of a batch."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from netra_backend.app.agents.consolidated_types import ConsolidatedResult, EngineConfig
from netra_backend.app.agents.execution_engine_consolidated import ExecutionEngine
from netra_backend.app.agents.plan_ids import offered_to_model
from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionResult
from netra_backend.app.run_requests import read_agent_request
from netra_backend.app.run_results import of_agent, send_result
from netra_backend.app.services.llm.chat_model import ToolSpec
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.bridge import WebSocketBridge
from netra_backend.app.websocket.channel import stream
from netra_backend.app.websocket.sender import Sink
from netra_backend.app.world import World


class ControlBatch:
    """Runs the items of all users' batches on one engine, which has a permit for each user and the cache of the data extension.

    Args:
        world: the ports.
        tools: offered to the agents when an item contains none.
        registry: the agents; None: the application's own agents, with `world`.
    """

    def __init__(self, world: World, tools: Sequence[ToolSpec] = (), *, registry: AgentRegistry | None = None) -> None:
        self._tools = offered_to_model(tools)
        self._registry = registry or AgentRegistry(world)
        self._bridge = WebSocketBridge()
        self._engine = ExecutionEngine(EngineConfig(user_features=True, data_features=True), self._registry, self._bridge)

    def stream(self, context: UserExecutionContext, payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """Return the item's frames, `run_result` last. Closing the generator stops the work.

        Raises (from the first `__anext__` on):
            InvalidPayloadError: the payload cannot be read.
            UnknownAgentError: the payload names an agent that does not exist.
        """

        async def work(sink: Sink) -> None:
            request = read_agent_request(payload, self._registry.names)
            self._bridge.subscribe(context, sink)
            try:
                result = await self._engine.execute(request.agent, request.task(self._tools), context)
                await send_result(self._bridge, context, of_agent(_translated(result)))
            finally:
                self._bridge.unsubscribe(context.run_id)

        return stream(work)

    async def aclose(self) -> None:
        """Clean the engine up. This does not stop a current run; closing the run's stream does."""
        await self._engine.cleanup()


def _translated(result: ConsolidatedResult) -> AgentExecutionResult:
    """Convert the engine's own type of result to the common form."""
    answer = {"final_answer": result.final_answer, "step_count": result.step_count} if result.success else {}
    return AgentExecutionResult(
        success=result.success,
        agent_name=result.agent_name,
        duration_s=result.duration_s,
        error=result.error,
        data={**answer, **result.data},
        metadata=result.metadata,
    )

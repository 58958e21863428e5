"""`ControlChat`: the legacy `ExecutionEngine`, as the control of the surface `chat`."""

import asyncio
import time
import warnings
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from netra_backend.app.agents.plan_ids import offered_to_model
from netra_backend.app.agents.registry import AgentRegistry
from netra_backend.app.agents.supervisor.execution_context import AgentExecutionContext, AgentExecutionResult, PipelineStep
from netra_backend.app.agents.supervisor.execution_engine import ExecutionEngine
from netra_backend.app.agents.supervisor.execution_tracker import ExecutionTracker
from netra_backend.app.agents.supervisor.workflow import read_request, run_workflow
from netra_backend.app.services.llm.chat_model import ToolSpec
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.bridge import WebSocketBridge
from netra_backend.app.websocket.channel import stream
from netra_backend.app.websocket.sender import Sink
from netra_backend.app.world import World


class ControlChat:
    """Answers chats with one legacy engine for all users.

    Args:
        world: the ports.
        tools: offered to the agents when a chat contains none.
        registry: the agents; None: the application's own agents, with `world`.
        clock: monotonic seconds.
        sleep: waits before a retry; a replay need not wait.
    """

    def __init__(
        self,
        world: World,
        tools: Sequence[ToolSpec] = (),
        *,
        registry: AgentRegistry | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._tools = offered_to_model(tools)
        self._registry = registry or AgentRegistry(world)
        self._bridge = WebSocketBridge()
        with warnings.catch_warnings():
            # Only this adapter may still create a legacy engine.
            warnings.simplefilter("ignore", DeprecationWarning)
            # The tracker is a new one: the process's tracker never releases an engine, and replays create one for each run.
            self._engine = ExecutionEngine(self._registry, self._bridge, clock=clock, sleep=sleep, tracker=ExecutionTracker())

    def stream(self, context: UserExecutionContext, payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """Return the chat's frames, as they are sent. Closing the generator stops the work.

        Raises (from the first `__anext__` on):
            InvalidPayloadError: the payload cannot be read.
            UnknownAgentError: the payload names an agent that does not exist.
            Exception: an unexpected error of an agent, after its frames.
        """

        async def work(sink: Sink) -> None:
            request = read_request(payload)
            self._bridge.subscribe(context, sink)
            try:
                await run_workflow(_ForUser(self._engine, context), context, request, self._tools, self._registry.names)
            finally:
                self._bridge.unsubscribe(context.run_id)

        return stream(work)

    async def aclose(self) -> None:
        """Shut the engine down as far as possible."""
        await self._engine.shutdown()


class _ForUser:
    """The legacy engine as a `WorkflowEngine`; adds the owner to every call, as the legacy engine requires."""

    def __init__(self, engine: ExecutionEngine, user: UserExecutionContext) -> None:
        self._engine = engine
        self._user = user

    async def execute_agent(self, context: AgentExecutionContext) -> AgentExecutionResult:
        """Execute one agent for the user."""
        return await self._engine.execute_agent(context, user_context=self._user)

    async def execute_agent_pipeline(self, steps: Sequence[PipelineStep], context: AgentExecutionContext) -> list[AgentExecutionResult]:
        """Execute the steps for the user."""
        return await self._engine.execute_pipeline(steps, context, user_context=self._user)

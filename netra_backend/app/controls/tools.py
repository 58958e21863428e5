"""`ControlTools`: the legacy `ToolExecutionEngine`, as the control of the surface `tools`."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any

from netra_backend.app.agents.tool_calls import ToolOutcome
from netra_backend.app.run_requests import TOOLS_LANE, read_tool_request
from netra_backend.app.run_results import RUN_RESULT, of_tool
from netra_backend.app.services.llm.chat_model import ToolSpec
from netra_backend.app.services.unified_tool_registry.execution_engine import ToolExecutionEngine, ToolUser, UnifiedTool
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.channel import stream
from netra_backend.app.websocket.sender import FrameSender, Sink
from netra_backend.app.world import World


class ControlTools:
    """Calls one tool for each request on one engine for all users.

    The tools are called through the world's port, which checks names, permissions and arguments, and whose answers are recorded. So the
    engine's own permission check always passes here, and its own schemas accept anything. Otherwise a refused call would be recorded for
    the candidate only.

    Args:
        world: the ports.
        tools: not used: a request names its tool.
    """

    def __init__(self, world: World, tools: Sequence[ToolSpec] = ()) -> None:  # noqa: ARG002 - every control is built alike
        self._world = world
        self._engine = ToolExecutionEngine(_PortDecides())

    def stream(self, context: UserExecutionContext, payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """Return `run_result`, the only frame: the engine itself sends none. Closing the generator stops the work.

        Raises (from the first `__anext__` on):
            InvalidPayloadError: the payload cannot be read.
        """

        async def work(sink: Sink) -> None:
            request = read_tool_request(payload)

            async def call(_user: ToolUser, arguments: Mapping[str, Any]) -> Any:  # noqa: ANN401 - any JSON
                return await self._world.tools.call(context, request.tool, arguments, lane=TOOLS_LANE)

            tool = UnifiedTool(name=request.tool, permission="tools:call", handler=call, parameters={})
            user = ToolUser(tenant_id=context.tenant_id, user_id=context.user_id)
            result = await self._engine.execute_unified_tool(tool, request.arguments, user)
            outcome = ToolOutcome(
                name=result.tool_name,
                status=result.status,
                duration_s=result.duration_s,
                value=result.result,
                error=result.error_message,
            )
            await FrameSender(context, sink).send(RUN_RESULT, of_tool(outcome), "", context.user_id)

        return stream(work)

    async def aclose(self) -> None:
        """Do nothing: the engine holds no resources."""


class _PortDecides:
    """Allows every call, because the tool port decides who may call what."""

    def allows(self, _user: ToolUser, _permission: str, /) -> bool:
        """Return True."""
        return True

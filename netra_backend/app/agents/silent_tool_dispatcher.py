"""`SilentToolDispatcher`: makes the consolidated engine's tool calls. The user receives no event about a call."""

from collections.abc import Callable, Sequence

from netra_backend.app.agents.tool_calls import Speaker, ToolInvocation, ToolOutcome, call_tools
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.world import ToolCaller


class SilentToolDispatcher:
    """A `ToolDispatcher` that sends the user no event."""

    def __init__(self, caller: ToolCaller) -> None:
        self._caller = caller

    async def dispatch(
        self, calls: Sequence[ToolInvocation], user: UserExecutionContext, speaker: Callable[[], Speaker], /
    ) -> list[ToolOutcome]:
        """Run the calls concurrently."""
        return await call_tools(self._caller, calls, user, speaker().agent_name, on_outcome=_say_nothing)


async def _say_nothing(_outcome: ToolOutcome) -> None:
    """Send nothing: this engine sends no event between start and end."""

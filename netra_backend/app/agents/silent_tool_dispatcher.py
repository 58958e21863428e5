"""`SilentToolDispatcher`: the consolidated engine's way to tools. The user hears nothing of a call."""

from collections.abc import Callable, Sequence

from netra_backend.app.agents.tool_calls import Speaker, ToolInvocation, ToolOutcome, call_tools
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.world import ToolCaller


class SilentToolDispatcher:
    """A `ToolDispatcher` that says nothing to the user."""

    def __init__(self, caller: ToolCaller) -> None:
        self._caller = caller

    async def dispatch(
        self, calls: Sequence[ToolInvocation], user: UserExecutionContext, speaker: Callable[[], Speaker], /
    ) -> list[ToolOutcome]:
        """Run the calls side by side."""
        return await call_tools(self._caller, calls, user, speaker().agent_name, on_outcome=_say_nothing)


async def _say_nothing(_outcome: ToolOutcome) -> None:
    """Leave the user without a word: this engine says nothing between start and end."""

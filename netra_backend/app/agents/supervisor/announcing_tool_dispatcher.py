"""`AnnouncingToolDispatcher`: makes the legacy engine's tool calls. It sends `tool_executing` for each call, and never `tool_completed`."""

from collections.abc import Callable, Sequence

from netra_backend.app.agents.tool_calls import Speaker, ToolInvocation, ToolOutcome, call_tools
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket import events
from netra_backend.app.world import ToolCaller


class AnnouncingToolDispatcher:
    """A `ToolDispatcher` shared by all users; events are sent to the user for whom the agent runs at that moment."""

    def __init__(self, caller: ToolCaller) -> None:
        self._caller = caller

    async def dispatch(
        self, calls: Sequence[ToolInvocation], user: UserExecutionContext, speaker: Callable[[], Speaker], /
    ) -> list[ToolOutcome]:
        """Announce the calls in order, and run them concurrently."""
        for call in calls:
            said_by = speaker()
            if said_by.notifier is not None and said_by.user_id and said_by.run_id:
                payload = events.tool_executing(call.name, call.arguments)
                await said_by.notifier.notify(
                    "tool_executing", payload, agent_name=said_by.agent_name, user_id=said_by.user_id, run_id=said_by.run_id
                )
        return await call_tools(self._caller, calls, user, speaker().agent_name, on_outcome=_say_nothing)


async def _say_nothing(_outcome: ToolOutcome) -> None:
    """Send nothing: the legacy stream has no `tool_completed`."""

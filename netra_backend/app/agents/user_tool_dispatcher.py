"""`UserToolDispatcher`: makes the tool calls of one user's run, and announces and closes each of them."""

import time
from collections.abc import Callable, Sequence

from netra_backend.app.agents.tool_calls import Speaker, ToolInvocation, ToolOutcome, call_tools
from netra_backend.app.errors import ForeignContextError
from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket import events
from netra_backend.app.websocket.events import EventType, Notifier
from netra_backend.app.world import ToolCaller


class UserToolDispatcher:
    """A `ToolDispatcher` bound to one context; each `tool_executing` is closed by a `tool_completed`, whatever happens in between.

    Args:
        context: the only user that it calls tools for.
        caller: the tools.
        notifier: receives the events.
        clock: monotonic seconds.
    """

    def __init__(
        self, context: UserExecutionContext, caller: ToolCaller, notifier: Notifier, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._context = context
        self._caller = caller
        self._notifier = notifier
        self._clock = clock

    async def dispatch(
        self, calls: Sequence[ToolInvocation], user: UserExecutionContext, speaker: Callable[[], Speaker], /
    ) -> list[ToolOutcome]:
        """Announce the calls in order, run them in parallel, and close them in order.

        Raises:
            ForeignContextError: the calls are for another user, tenant, thread or run.
            Exception: any error of a tool that is not a `ToolError`; the calls are closed first.
        """
        if not self._context.owns(user):
            raise ForeignContextError("the tool dispatcher belongs to another user or run")
        lane = speaker().agent_name

        async def notify(event: EventType, payload: dict[str, object]) -> None:
            await self._notifier.notify(event, payload, agent_name=lane, user_id=self._context.user_id, run_id=self._context.run_id)

        async def close(outcome: ToolOutcome) -> None:
            shown = outcome.value if outcome.error is None else outcome.error
            await notify("tool_completed", events.tool_completed(outcome.name, shown, outcome.duration_s, outcome.status))

        for call in calls:
            await notify("tool_executing", events.tool_executing(call.name, call.arguments))
        return await call_tools(self._caller, calls, self._context, lane, on_outcome=close, clock=self._clock)

"""`AgentEvents`: the events that an engine itself sends about one execution.

The agent and its dispatcher send the events about steps and tools.
"""

from collections.abc import Mapping
from typing import Any

from netra_backend.app.websocket import events
from netra_backend.app.websocket.events import DeathCause, EventType, Notifier


class AgentEvents:
    """Sends the events of one execution of one agent."""

    def __init__(self, notifier: Notifier, *, agent_name: str, user_id: str, run_id: str) -> None:
        self._notifier = notifier
        self._agent_name = agent_name
        self._user_id = user_id
        self._run_id = run_id
        self.has_thought = False  #: whether a thinking step was sent

    async def started(self, context: Mapping[str, Any]) -> None:
        """Send that the agent started."""
        await self.send("agent_started", events.started(self._agent_name, context))

    async def queued(self) -> None:
        """Send that the agent waits for its turn."""
        await self.thinking("queued due to high load", 0)

    async def thinking(self, reasoning: str, step_number: int) -> None:
        """Send what the agent is doing."""
        self.has_thought = True
        await self.send("agent_thinking", events.thinking(reasoning, step_number))

    async def failed(self, error: BaseException, support_code: str) -> None:
        """Send what went wrong, in words that are safe for users."""
        await self.send("agent_error", events.failed(error, support_code))

    async def died(self, cause: DeathCause) -> None:
        """Send that the agent will not answer any more."""
        await self.send("agent_death", events.death(cause))

    async def completed(
        self,
        *,
        final_answer: str | None,
        error: str | None,
        duration_s: float,
        step_count: int,
        beyond_contract: Mapping[str, Any] | None = None,
    ) -> None:
        """Send that the agent ended, with success or not; the arguments are those of `events.completed`."""
        payload = events.completed(
            self._agent_name,
            final_answer=final_answer,
            error=error,
            duration_s=duration_s,
            step_count=step_count,
            beyond_contract=beyond_contract,
        )
        await self.send("agent_completed", payload)

    async def send(self, event: EventType, payload: dict[str, Any]) -> None:
        """Send any event of this execution."""
        await self._notifier.notify(event, payload, agent_name=self._agent_name, user_id=self._user_id, run_id=self._run_id)

"""Sends the frames of one run to one sink: numbered, one at a time, never longer than a limit, never raising."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket import events
from netra_backend.app.websocket.events import EventType

logger = logging.getLogger(__name__)

Sink = Callable[[bytes], Awaitable[None]]
"""Takes one frame; waits while its listener is slow."""


class FrameSender:
    """Numbers and sends the events of one run.

    A sink that fails or hangs costs its own listener events, never the run: each loss is counted, and after `GIVE_UP_AFTER` losses
    in a row nothing more is tried, so that a dead listener cannot slow every later event by the time limit.
    """

    SEND_TIMEOUT_S = 5.0
    GIVE_UP_AFTER = 3

    def __init__(self, context: UserExecutionContext, sink: Sink) -> None:
        self._context = context
        self._sink = sink
        self._lock = asyncio.Lock()
        self._sequence = 0
        self._losses_in_a_row = 0
        self._closed = False
        self.sent = 0  #: events that the sink took
        self.lost = 0  #: events that it did not take

    async def send(self, event: EventType, payload: dict[str, Any], agent_name: str, user_id: str) -> None:
        """Send one event, in order of calls. Never raises, except when the calling task is cancelled."""
        if self._closed:
            return
        if self._losses_in_a_row >= self.GIVE_UP_AFTER:
            self.lost += 1
            return
        try:
            async with asyncio.timeout(self.SEND_TIMEOUT_S), self._lock:
                self._sequence += 1
                await self._sink(
                    events.frame(event, payload, self._context, agent_name=agent_name, sequence=self._sequence, user_id=user_id)
                )
        except Exception as error:  # noqa: BLE001 - whatever a sink raises, the run goes on
            self._losses_in_a_row += 1
            self.count_loss(event, type(error).__name__)
        else:
            self._losses_in_a_row = 0
            self.sent += 1

    def count_loss(self, event: EventType, reason: str) -> None:
        """Count and log an event that did not arrive."""
        self.lost += 1
        logger.warning("event not delivered", extra={"event": event, "reason": reason, "run_id": self._context.run_id})

    def close(self) -> None:
        """Send nothing from now on."""
        self._closed = True

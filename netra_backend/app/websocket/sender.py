"""Sends the frames of one run to one sink: frames are numbered, sent one at a time and limited in length; sending never raises."""

import asyncio
import logging
from typing import Any, Protocol

from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket import events
from netra_backend.app.websocket.events import EventType

logger = logging.getLogger(__name__)


class Sink(Protocol):
    """The target of frames."""

    def offer(self, frame: bytes, /) -> bool:
        """Accept the frame immediately and return True, or return False while the listener reads too slowly."""
        ...

    async def room(self) -> None:
        """Wait until an offer may be accepted."""
        ...


class FrameSender:
    """Numbers and sends the events of one run.

    A sink that fails or hangs loses events of its own listener but never stops the run. Each loss is counted. After `GIVE_UP_AFTER` losses
    in a row nothing more is sent, so that a dead listener does not delay every later event.
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
        self.sent = 0  #: events that the sink accepted
        self.lost = 0  #: events that the sink did not accept

    async def send(self, event: EventType, payload: dict[str, Any], agent_name: str, user_id: str) -> None:
        """Send one event. Frames reach the sink in order of their numbers. Never raises, except when the calling task is cancelled."""
        if self._closed:
            return
        if self._losses_in_a_row >= self.GIVE_UP_AFTER:
            self.lost += 1
            return
        try:
            if self._lock.locked() or not self._offer(event, payload, agent_name, user_id):
                await self._send_later(event, payload, agent_name, user_id)
        except Exception as error:  # noqa: BLE001 - whatever a sink raises, the run continues
            self._losses_in_a_row += 1
            self._sequence += 1  # the gap tells the listener that something is missing
            self.count_loss(event, type(error).__name__)
        else:
            self._losses_in_a_row = 0
            self.sent += 1

    async def _send_later(self, event: EventType, payload: dict[str, Any], agent_name: str, user_id: str) -> None:
        # Only waiting needs a timer: a timer for every event would cost more than the event.
        async with asyncio.timeout(self.SEND_TIMEOUT_S), self._lock:
            while not self._offer(event, payload, agent_name, user_id):
                await self._sink.room()

    def _offer(self, event: EventType, payload: dict[str, Any], agent_name: str, user_id: str) -> bool:
        frame = events.frame(event, payload, self._context, agent_name=agent_name, sequence=self._sequence + 1, user_id=user_id)
        taken = self._sink.offer(frame)
        self._sequence += taken
        return taken

    def count_loss(self, event: EventType, reason: str) -> None:
        """Count and log an event that did not arrive."""
        self.lost += 1
        logger.warning("event not delivered", extra={"event": event, "reason": reason, "run_id": self._context.run_id})

    def close(self) -> None:
        """Send nothing from now on."""
        self._closed = True

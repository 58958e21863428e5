"""`WebSocketBridge`: sends the legacy engines' events to clients.

There is one for the whole process; it finds the listener by run id alone.
"""

import logging
from typing import Any

from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.events import EventType
from netra_backend.app.websocket.sender import FrameSender, Sink

logger = logging.getLogger(__name__)


class WebSocketBridge:
    """Sends each event to the subscriber of its run id. It is a `Notifier`."""

    def __init__(self) -> None:
        self._subscribers: dict[str, FrameSender] = {}
        self.undelivered = 0  #: events of runs without a listener

    def subscribe(self, context: UserExecutionContext, sink: Sink) -> None:
        """Send the events of the context's run to this sink."""
        self._subscribers[context.run_id] = FrameSender(context, sink)

    def unsubscribe(self, run_id: str) -> None:
        """Stop sending events of this run."""
        sender = self._subscribers.pop(run_id, None)
        if sender is not None:
            sender.close()

    async def notify(self, event: EventType, payload: dict[str, Any], /, *, agent_name: str, user_id: str, run_id: str) -> None:
        """Send one event to the run's subscriber. Never raises; without a subscriber the event is counted as undelivered."""
        sender = self._subscribers.get(run_id)
        if sender is None:
            self.undelivered += 1
            logger.debug("nobody listens", extra={"event": event, "run_id": run_id})
            return
        await sender.send(event, payload, agent_name, user_id)

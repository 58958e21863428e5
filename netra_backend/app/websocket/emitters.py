"""`UserEmitter`: events of one user's run to that user only."""

from typing import Any, Protocol

from netra_backend.app.services.user_execution_context import UserExecutionContext
from netra_backend.app.websocket.events import EventType
from netra_backend.app.websocket.sender import FrameSender, Sink


class UserEmitter:
    """Sends events of one `UserExecutionContext` to one sink.

    It is a `Notifier`: an event is sent only if its user id and run id are those of the context.
    """

    def __init__(self, context: UserExecutionContext, sink: Sink) -> None:
        self.context = context
        self._sender = FrameSender(context, sink)

    async def notify(self, event: EventType, payload: dict[str, Any], /, *, agent_name: str, user_id: str, run_id: str) -> None:
        """Send one event; an event of another user or run is counted as lost and not sent. Never raises."""
        if user_id != self.context.user_id or run_id != self.context.run_id:
            self._sender.count_loss(event, "foreign")
            return
        await self._sender.send(event, payload, agent_name, user_id)

    @property
    def sent(self) -> int:
        """Number of events that the sink accepted."""
        return self._sender.sent

    @property
    def lost(self) -> int:
        """Number of events that the sink did not accept, or that belong to another user or run."""
        return self._sender.lost

    def close(self) -> None:
        """Send nothing from now on; later events are dropped without being counted as lost."""
        self._sender.close()


class EmitterSource(Protocol):
    """Makes the emitter for a context's events."""

    def emitter_for(self, context: UserExecutionContext, /) -> UserEmitter:
        """Return a new emitter for this context.

        Raises:
            ForeignContextError: this context has no listener.
        """
        ...

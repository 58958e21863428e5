"""Users of the demo: real WebSocket clients that chat, measure, and check the owner of every frame."""

import asyncio
import json
import time
from dataclasses import dataclass, field
from typing import Any, Final, Self

from websockets.asyncio.client import ClientConnection, connect

CONTROL: Final = "control"
CANDIDATE: Final = "candidate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """One finished chat, as its user saw it."""

    tenant: str
    run_id: str
    engine: str  #: "control" or "candidate", known from the mark `user_isolated` in the candidate's frames
    outcome: str
    frames: int
    foreign_frames: int  #: frames of another user
    first_frame_s: float
    duration_s: float


@dataclass(slots=True)
class User:
    """One user of one tenant on one connection.

    Args:
        tenant: the user's tenant.
        connection: open and authenticated.
    """

    tenant: str
    user: str
    connection: ClientConnection
    chats: list[Chat] = field(default_factory=list)

    @classmethod
    async def connect(cls, url: str, token: str, tenant: str, user: str) -> Self:
        """Open the connection."""
        return cls(tenant, user, await connect(url, additional_headers={"Authorization": f"Bearer {token}"}, compression=None))

    async def chat(self, message: str, begun: asyncio.Event | None = None) -> Chat:
        """Send a message and read until the run has finished.

        Args:
            message: the text to send.
            begun: is set at the run's first frame.
        """
        started = time.monotonic()
        first: float | None = None
        frames: list[dict[str, Any]] = []
        await self.connection.send(json.dumps({"type": "chat", "message": message}))
        accepted = await self._next("run_accepted")
        while True:
            frame = json.loads(await self.connection.recv())
            if frame["type"] in {"run_finished", "error"}:
                break
            frames.append(frame)
            if first is None:
                first = time.monotonic() - started
                if begun is not None:
                    begun.set()
        done = Chat(
            tenant=self.tenant,
            run_id=accepted["run_id"],
            engine=_engine(frames),
            outcome=frame.get("outcome", frame.get("code", "error")),
            frames=len(frames),
            foreign_frames=sum((seen["tenant_id"], seen["user_id"]) != (self.tenant, self.user) for seen in frames),
            first_frame_s=first or 0.0,
            duration_s=time.monotonic() - started,
        )
        self.chats.append(done)
        return done

    async def aclose(self) -> None:
        """Close the connection."""
        await self.connection.close()

    async def _next(self, kind: str) -> dict[str, Any]:
        while True:
            frame: dict[str, Any] = json.loads(await self.connection.recv())
            if frame["type"] in {kind, "error"}:
                return frame if frame["type"] == kind else {"run_id": ""}


def _engine(frames: list[dict[str, Any]]) -> str:
    contexts = (frame["payload"].get("context", {}) for frame in frames if frame["type"] == "agent_started")
    return CANDIDATE if any(context.get("user_isolated") for context in contexts) else CONTROL

"""`/ws/chat`: admits a client, reads its messages one after the other, and closes the connection when it must.

1. `admit`: checks origin, token and the number of connections; a refusal needs no upgrade.
2. `ChatSession.serve`: answers one message at a time, until the client leaves, the token expires or the client breaks a rule.
3. `chat_runs.py`: each chat is a run in a separate task.
"""

import asyncio
import logging
import math
import uuid
from contextlib import ExitStack

from fastapi import APIRouter, WebSocket
from starlette.responses import Response
from starlette.websockets import WebSocketDisconnect

from netra_backend.app.api import auth
from netra_backend.app.api.chat_messages import Cancel, Chat, CloseCode, MessageError, Ping, Pong, ServerDraining, decode, encode, report
from netra_backend.app.api.chat_runs import ChatRuns
from netra_backend.app.api.failures import STATUS, Failure, failure_of
from netra_backend.app.api.gateway import Gateway, gateway_of
from netra_backend.app.errors import AuthenticationError, DrainingError
from netra_backend.app.services.tokens import Identity
from netra_backend.app.websocket.connections import Connection, TooManyConnectionsError, offer_of

_logger = logging.getLogger(__name__)

router = APIRouter()

HangUp = tuple[CloseCode, str]  #: close code and reason


@router.websocket("/ws/chat")
async def chat(socket: WebSocket) -> None:
    """Serve one client from its handshake to its end."""
    gateway = gateway_of(socket.app)
    shown = auth.credentials(socket)
    with ExitStack() as held:
        try:
            gateway.drain.admit()
            auth.check_origin(socket, gateway.settings)
            identity = auth.authenticate(shown, gateway.settings)
            held.enter_context(gateway.connections.place((identity.tenant_id, identity.user_id)))
        except (DrainingError, auth.ForeignOriginError) as error:
            await _deny(socket, failure_of(error))
        except AuthenticationError as error:
            await _refuse_token(socket, shown, failure_of(error))
        except TooManyConnectionsError as error:
            await _deny(socket, Failure(code="too_many_connections", message=str(error)))
        else:
            await _accept(socket, shown)
            connection = Connection(socket, send_timeout_s=gateway.limits.send_timeout_s, offer=offer_of(socket.scope))
            await ChatSession(gateway, connection, identity).serve()


async def _accept(socket: WebSocket, shown: auth.Credentials) -> None:
    await socket.accept(subprotocol=auth.SUBPROTOCOL if shown.by_subprotocol else None)


async def _deny(socket: WebSocket, failure: Failure) -> None:
    """Answer the handshake with an HTTP error; the connection is not upgraded."""
    headers = {"WWW-Authenticate": "Bearer"} if failure.code == "unauthenticated" else {}
    if failure.retry_after_s is not None:
        headers["Retry-After"] = str(math.ceil(failure.retry_after_s))
    await socket.send_denial_response(Response(encode(report(failure)), STATUS[failure.code], headers, "application/json"))


async def _refuse_token(socket: WebSocket, shown: auth.Credentials, failure: Failure) -> None:
    """Refuse with 401. A browser cannot see that status, so its connection is accepted, receives an error and is closed."""
    if not shown.by_subprotocol:
        await _deny(socket, failure)
        return
    await _accept(socket, shown)
    connection = Connection(socket, send_timeout_s=1.0)
    try:
        await connection.send(encode(report(failure)))
    except WebSocketDisconnect:
        return
    await connection.close(CloseCode.UNAUTHENTICATED, failure.message)


class ChatSession:
    """One client's conversation with the server.

    Args:
        gateway: the objects that all endpoints share.
        connection: the client's accepted connection.
        identity: tenant and user of the client's token.
    """

    def __init__(self, gateway: Gateway, connection: Connection, identity: Identity) -> None:
        self._gateway = gateway
        self._connection = connection
        self._identity = identity
        self._refusals = 0
        loop_time = asyncio.get_running_loop().time()
        self._expires_at = loop_time + identity.expires_at.timestamp() - gateway.wall_clock()
        self._idle_at = loop_time + gateway.limits.idle_timeout_s
        self._runs = ChatRuns(
            execution=gateway.execution,
            threads=gateway.threads,
            history=gateway.history,
            connection=connection,
            identity=identity,
            connection_id=uuid.uuid4().hex,
            limit=gateway.limits.runs_per_connection,
            drain=gateway.drain,
            # Not a method of this object, because a reference cycle would stay in memory until the next garbage collection.
            ended=lambda: _look_at_drain(gateway, connection),
        )
        self._told_of_drain = False

    async def serve(self) -> None:
        """Answer messages until there is a reason to close the connection or the client has left; then stop its runs."""
        try:
            with self._gateway.drain.listening(self._connection.wake):
                hang_up = None
                while hang_up is None:
                    hang_up = await self._answer_next()
            await self._connection.close(*hang_up)
        except WebSocketDisconnect:
            return
        except Exception as error:  # noqa: BLE001 - the last resort: the client gets a code, the log where it happened
            told = report(failure_of(error), error)
            await self._connection.close(CloseCode.INTERNAL, told.support_code)
        finally:
            await self._runs.aclose()

    async def _answer_next(self) -> HangUp | None:
        """Wait for a message and answer it. Return why to close the connection; None: continue."""
        try:
            raw = await self._connection.receive(min(self._expires_at, self._idle_at))
        except TimeoutError:
            return await self._nothing_came()
        # The web server may also be configured to check the size; it then gives the same answer.
        if len(raw) > self._gateway.settings.max_message_bytes:
            return CloseCode.TOO_BIG, f"a message may have {self._gateway.settings.max_message_bytes} bytes"
        self._stay()
        try:
            refusal = await self._answer(raw)
        except MessageError as error:
            refusal = Failure(code=error.code, message=str(error))
        return None if refusal is None else await self._refuse(refusal)

    def _stay(self) -> None:
        self._idle_at = asyncio.get_running_loop().time() + self._gateway.limits.idle_timeout_s

    async def _drain(self) -> HangUp | None:
        """Inform the client once that the server is stopping; return the reason to close as soon as no run is left."""
        if not self._told_of_drain:
            self._told_of_drain = True
            await self._connection.send(encode(ServerDraining(self._gateway.settings.drain_s)))
        return None if len(self._runs) else (CloseCode.RESTART, "the server stops; connect again")

    async def _nothing_came(self) -> HangUp | None:
        if self._connection.stalled:
            return CloseCode.POLICY, "the client does not read"
        if self._gateway.drain.begun and (hang_up := await self._drain()) is not None:
            return hang_up
        if asyncio.get_running_loop().time() >= self._expires_at:
            return CloseCode.UNAUTHENTICATED, "the token has expired; connect with a new one"
        if len(self._runs):
            self._stay()
            return None
        return CloseCode.IDLE, f"no message and no run for {self._gateway.limits.idle_timeout_s:.0f} s"

    async def _answer(self, raw: bytes) -> Failure | None:
        """Handle the message. Return why it was refused; None: it was accepted.

        Raises:
            MessageError: the message cannot be understood.
        """
        message = decode(raw)
        match message:
            case Chat():
                return self._start(message)
            case Ping():
                await self._connection.send(encode(Pong()))
            case Cancel() if not self._runs.cancel(message.run_id):
                return Failure(code="unknown_run", message="no such run is active on this connection; it may have ended by itself")
        return None

    def _start(self, message: Chat) -> Failure | None:
        if self._gateway.drain.begun:
            return failure_of(DrainingError())
        if self._runs.full:
            limit = self._gateway.limits.runs_per_connection
            return Failure(
                code="too_many_runs", message=f"{limit}/{limit} runs of this connection are active; wait until one ends or cancel one"
            )
        wait_s = self._gateway.rate.take((self._identity.tenant_id, self._identity.user_id))
        if wait_s:
            return Failure(code="rate_limited", message=f"too many chats; try again in {wait_s:.1f} s", retry_after_s=round(wait_s, 3))
        self._refusals = 0
        self._runs.start(message)
        return None

    async def _refuse(self, failure: Failure) -> HangUp | None:
        """Send the refusal; return why to close the connection after too many refusals in a row."""
        await self._connection.send(encode(report(failure)))
        self._refusals += 1
        if self._refusals < self._gateway.limits.refusals_in_a_row:
            return None
        return CloseCode.POLICY, f"{self._refusals} messages in a row were refused"


def _look_at_drain(gateway: Gateway, connection: Connection) -> None:
    """Called after a run's end, because it may have been the last run before the server stops."""
    if gateway.drain.begun:
        connection.wake()

"""Handles an HTTP request until its run begins: reads caller and body, limits the rate, opens the thread."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import msgspec
from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.requests import ClientDisconnect

from netra_backend.app.api import auth
from netra_backend.app.api.gateway import Gateway, gateway_of
from netra_backend.app.api.problems import ProblemError
from netra_backend.app.services.tokens import Identity
from netra_backend.app.services.user_execution_context import MAX_ID_LENGTH, PLACEHOLDERS, UserExecutionContext, check_id

Body = TypeVar("Body")

#: Time limit for a body to arrive, in seconds.
_BODY_S: Final = 30.0

#: Documents the scheme; `auth` reads the header, as it does for a WebSocket.
_bearer: Final = HTTPBearer(auto_error=False, bearerFormat="JWT", description="The same token that opens a chat.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """The caller, and the objects that endpoints work with."""

    gateway: Gateway
    identity: Identity

    def take_turn(self) -> None:
        """Count this request against the user's rate.

        Raises:
            DrainingError: the server is stopping.
            ProblemError: the user asks too often.
        """
        self.gateway.drain.admit()
        wait_s = self.gateway.rate.take((self.identity.tenant_id, self.identity.user_id))
        if wait_s:
            raise ProblemError("rate_limited", f"too many requests; try again in {wait_s:.1f} s", retry_after_s=wait_s)

    async def open_context(self, thread_id: str | None, request_id: str | None) -> UserExecutionContext:
        """Return the context of a new run in that thread.

        Args:
            thread_id: None: a new thread.
            request_id: the client's own name for the request; None: a new one.

        Raises:
            InvalidContextError: an id breaks a rule.
            ThreadNotFoundError: the thread belongs to another user.
            RunCutError: the server stopped meanwhile.
        """
        context = UserExecutionContext(
            tenant_id=self.identity.tenant_id,
            user_id=self.identity.user_id,
            thread_id=uuid.uuid4().hex if thread_id is None else check_id("thread_id", thread_id),
            run_id=uuid.uuid4().hex,
            request_id=uuid.uuid4().hex if request_id is None else check_id("request_id", request_id),
            claims=self.identity.claims,
        )
        await self.gateway.drain.unless_cut(self.gateway.threads.ensure(context.tenant_id, context.user_id, context.thread_id))
        return context

    async def agent_frames(
        self, surface: str, context: UserExecutionContext, agent: str, message: str, *, is_new: bool
    ) -> AsyncGenerator[bytes, None]:
        """Return the frames of an agent's run, which gets the thread so far as its history.

        Args:
            surface: the surface of the request.
            context: the context of the run.
            agent: the agent's name.
            message: the user's message.
            is_new: whether the thread begins with this run, so that there is nothing to read.

        Raises:
            RunCutError: the server stopped meanwhile.
        """
        history = [] if is_new else await self.gateway.drain.unless_cut(self.gateway.history.history(context))
        return self.frames(surface, context, {"agent": agent, "message": message, "history": history})

    def frames(self, surface: str, context: UserExecutionContext, payload: Mapping[str, Any]) -> AsyncGenerator[bytes, None]:
        """Return the frames of a run; they end with a RunCutError when the server stops before the run has ended."""
        return self.gateway.drain.pass_on(self.gateway.execution.stream(surface, context, payload), context.ending)


async def caller(request: Request, _shown: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]) -> Caller:
    """Return who asks.

    Raises:
        ForeignOriginError: a page of another site sent the request.
        AuthenticationError: there is no valid token.
    """
    gateway = gateway_of(request.app)
    auth.check_origin(request, gateway.settings)
    return Caller(gateway=gateway, identity=auth.authenticate(auth.credentials(request), gateway.settings))


Asking = Annotated[Caller, Depends(caller)]


async def read_body(request: Request, kind: type[Body], limit_bytes: int) -> Body:
    """Return the request's JSON body.

    Raises:
        ProblemError: the body is longer than the limit, or cannot be read as `kind`; the message names the field and the rule, never a
            value.
    """
    raw = await _bounded(request, limit_bytes)
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        raise ProblemError("invalid_request", str(error)) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise ProblemError("invalid_request", "send one JSON object") from None


_ALLOWED: Final = r"[^\x00-\x1f\x7f-\x9f/\\\u2028\u2029]"
_NOT_BLANK: Final = r"[^\x00-\x20\x7f-\xa0/\\\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
#: The OpenAPI schema of an id. The server also refuses placeholders in upper or mixed case, and short ids that begin with a placeholder and
#: a separator.
ID_SCHEMA: Final[Mapping[str, Any]] = {
    "type": "string",
    "minLength": 1,
    "maxLength": MAX_ID_LENGTH,
    "pattern": f"^{_ALLOWED}*{_NOT_BLANK}{_ALLOWED}*$",
    "not": {"enum": sorted(PLACEHOLDERS)},
}
#: The ids that the body of every run may contain.
IDS_OF_RUN: Final[Mapping[str, Any]] = {
    "thread_id": {"anyOf": [ID_SCHEMA, {"type": "null"}], "description": "One of your threads; without it a new thread begins."},
    "request_id": {"anyOf": [ID_SCHEMA, {"type": "null"}], "description": "Your own name for the request."},
}


def json_body(schema: Mapping[str, Any], example: Mapping[str, Any]) -> dict[str, Any]:
    """Return the OpenAPI description of a body that `read_body` reads."""
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": example}}}}


async def _bounded(request: Request, limit_bytes: int) -> bytes:
    too_large = ProblemError("too_large", f"the body may have {limit_bytes} bytes")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_S):
            async for piece in request.stream():
                body += piece
                if len(body) > limit_bytes:
                    raise too_large
    except TimeoutError:
        raise ProblemError("invalid_request", f"the body did not arrive within {_BODY_S:g} s") from None
    except ClientDisconnect:
        raise ProblemError("invalid_request", "the client disconnected before its body had arrived") from None
    return bytes(body)

"""Determines who opened a new WebSocket, and whether the page that opened it may do so."""

from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection

from netra_backend.app.config import Settings
from netra_backend.app.errors import AuthenticationError
from netra_backend.app.services.tokens import Identity, verify

SUBPROTOCOL: Final = "bearer"
_TOKEN_ADVICE: Final = "send 'Authorization: Bearer <token>', or the subprotocols 'bearer, <token>' from a browser"  # noqa: S105 - advice


class ForeignOriginError(Exception):
    """A web page of another site opened the connection, with the user's browser."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """The credentials of the client."""

    token: str | None
    by_subprotocol: bool  #: the client is a browser, which sees close codes but not the status of a refused handshake


def credentials(connection: HTTPConnection) -> Credentials:
    """Return the token from the `Authorization` header, or else from the subprotocols `bearer, <token>`.

    A token in the address is ignored, because addresses are logged.
    """
    offered: list[str] = connection.scope.get("subprotocols", [])
    by_subprotocol = SUBPROTOCOL in offered
    scheme, _, token = connection.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return Credentials(token=token.strip(), by_subprotocol=by_subprotocol)
    return Credentials(
        token=next((item for item in offered if item != SUBPROTOCOL), None) if by_subprotocol else None, by_subprotocol=by_subprotocol
    )


def check_origin(connection: HTTPConnection, settings: Settings) -> None:
    """Allow the configured origins, and clients without an origin: only browsers send an origin, and they always do.

    Raises:
        ForeignOriginError: the origin is not in NETRA_ALLOWED_ORIGINS.
    """
    origins = connection.headers.getlist("origin")
    if any(origin not in settings.allowed_origins for origin in origins):
        raise ForeignOriginError("pages of this origin may not connect; the operator allows origins with NETRA_ALLOWED_ORIGINS")


def authenticate(shown: Credentials, settings: Settings) -> Identity:
    """Return tenant and user of the token.

    Raises:
        AuthenticationError: there is no token, or it is not valid.
    """
    if shown.token is None:
        raise AuthenticationError(f"no token; {_TOKEN_ADVICE}")
    return verify(settings, shown.token)

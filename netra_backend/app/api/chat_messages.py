"""The chat protocol as data: what a client may send, what the server sends in addition to the run's frames, and why it closes a connection.

A run's frames follow the event contract (`websocket/events.py`) and pass through unchanged.
"""

from collections.abc import Mapping
from enum import IntEnum
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, get_args

import msgspec

from netra_backend.app.api.failures import Code, Failure, log_failure
from netra_backend.app.services.runs.finished_run import Outcome

AgentName = Literal["supervisor", "triage", "data", "optimization", "actions", "reporting", "assistant"]


class CloseCode(IntEnum):
    """Why the server hung up. 1000 to 1999 are RFC 6455's, 4000 and up are ours."""

    POLICY = 1008  #: refused too often in a row, or did not read what was sent
    TOO_BIG = 1009  #: a message was longer than allowed
    INTERNAL = 1011  #: our fault
    RESTART = 1012  #: the server stops
    UNAUTHENTICATED = 4401  #: the token is not valid, or not any more
    IDLE = 4408  #: nothing was said and nothing ran for a long time


_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class Chat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="chat"):
    """Ask something."""

    message: Annotated[str, msgspec.Meta(pattern=r"\S")]
    thread_id: _Id | None = None  #: None: a new thread
    agent: AgentName = "supervisor"  #: "supervisor": triage picks the agents; else just that one
    request_id: _Id | None = None  #: the client's own name for this question; None: the server makes one


class Ping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ping"):
    """Ask for a `Pong`; browsers cannot send WebSocket pings."""


class Cancel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="cancel"):
    """Stop a run of this connection."""

    run_id: _Id


class RunAccepted(msgspec.Struct, frozen=True, tag="run_accepted"):
    """A run begins; its frames follow, then exactly one `RunFinished`."""

    run_id: str
    thread_id: str
    request_id: str


class RunFinished(msgspec.Struct, frozen=True, tag="run_finished"):
    """Nothing more comes from this run."""

    run_id: str
    outcome: Outcome


class ServerDraining(msgspec.Struct, frozen=True, tag="server_draining"):
    """The server stops: runs under way may end, no new one begins here. It hangs up with 1012 as soon as none is under way."""

    closes_in_s: float  #: at the latest; runs that are under way then are cut


class Pong(msgspec.Struct, frozen=True, tag="pong"):
    """Answers a `Ping`."""


class Error(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="error"):
    """Something was refused or failed. The support code finds it in the log."""

    code: Code
    message: str
    support_code: str
    run_id: str | None = None
    request_id: str | None = None
    retry_after_s: float | None = None


ClientMessage = Chat | Ping | Cancel
ServerMessage = RunAccepted | RunFinished | ServerDraining | Pong | Error


class MessageError(ValueError):
    """A client's message cannot be understood. `str()` says what to send instead and quotes nothing of it but field names."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code


class _Head(msgspec.Struct):
    type: Any = None


_head: Final = msgspec.json.Decoder(_Head)
_encoder: Final = msgspec.json.Encoder()
_KINDS: Final[MappingProxyType[str, tuple[msgspec.json.Decoder[ClientMessage], str]]] = MappingProxyType(
    {
        "chat": (
            msgspec.json.Decoder(Chat),
            f'{{"type": "chat", "message": text, "thread_id"?: id, "agent"?: one of {", ".join(get_args(AgentName))}, "request_id"?: id}}',
        ),
        "ping": (msgspec.json.Decoder(Ping), '{"type": "ping"}'),
        "cancel": (msgspec.json.Decoder(Cancel), '{"type": "cancel", "run_id": id}'),
    }
)


def decode(raw: bytes) -> ClientMessage:
    """Return what the client sent.

    Raises:
        MessageError: it is not a JSON object ("bad_json"), of no known type ("unknown_type"), or lacks something ("invalid_message").
    """
    try:
        kind = _head.decode(raw).type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MessageError("bad_json", "send one JSON object a message") from None
    known = _KINDS.get(kind) if isinstance(kind, str) else None
    if known is None:
        raise MessageError("unknown_type", f"type must be one of: {', '.join(_KINDS)}")
    decoder, shape = known
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        # msgspec quotes a value in one case: a string that is not a value of an enum.
        said = "Unknown agent" if str(error).startswith("Invalid enum value") else str(error)
        raise MessageError("invalid_message", f"{said}; send {shape}") from None


#: Codes of the table of errors that have another name in the chat. All others have the same name.
_SPELT: Final[Mapping[Code, Code]] = MappingProxyType({"invalid_request": "invalid_message", "unknown_agent": "invalid_message"})


def report(failure: Failure, error: BaseException | None = None, *, run_id: str | None = None, request_id: str | None = None) -> Error:
    """Log a failure and return the message for the user, with the same support code.

    Args:
        failure: what the user is shown.
        error: what was raised; None when a message was refused without.
        run_id: the run it belongs to; None for none.
        request_id: the client's name for its question; None when unknown.
    """
    return Error(
        code=_SPELT.get(failure.code, failure.code),
        message=failure.message,
        support_code=log_failure(failure, error, run_id=run_id),
        run_id=run_id,
        request_id=request_id,
        retry_after_s=failure.retry_after_s,
    )


def encode(message: ServerMessage) -> bytes:
    """Return the message as the client gets it."""
    return _encoder.encode(message)

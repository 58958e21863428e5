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
    """Why the server closed the connection. RFC 6455 defines 1000 to 1999; those from 4000 on are defined here."""

    POLICY = 1008  #: too many refusals in a row, or the client does not read
    TOO_BIG = 1009  #: a message was longer than allowed
    INTERNAL = 1011  #: a defect of the server
    RESTART = 1012  #: the server is stopping
    UNAUTHENTICATED = 4401  #: the token is not valid or has expired
    IDLE = 4408  #: no message came and no run was active for a long time


_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class Chat(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="chat"):
    """Ask something."""

    message: Annotated[str, msgspec.Meta(pattern=r"\S")]
    thread_id: _Id | None = None  #: None: a new thread
    agent: AgentName = "supervisor"  #: "supervisor": triage chooses the agents; any other name: that agent alone
    request_id: _Id | None = None  #: the client's own name for this question; None: the server makes one


class Ping(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="ping"):
    """Ask for a `Pong`; browsers cannot send WebSocket pings."""


class Cancel(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="cancel"):
    """Stop a run of this connection."""

    run_id: _Id


class RunAccepted(msgspec.Struct, frozen=True, tag="run_accepted"):
    """A run begins. Its frames follow, then exactly one `RunFinished`."""

    run_id: str
    thread_id: str
    request_id: str


class RunFinished(msgspec.Struct, frozen=True, tag="run_finished"):
    """No further message comes from this run."""

    run_id: str
    outcome: Outcome


class ServerDraining(msgspec.Struct, frozen=True, tag="server_draining"):
    """The server is stopping: current runs may end, but no new one begins here.

    The server closes the connection with 1012 as soon as no run is left.
    """

    closes_in_s: float  #: seconds until the connection closes at the latest; runs that have not ended by then are cut


class Pong(msgspec.Struct, frozen=True, tag="pong"):
    """Answers a `Ping`."""


class Error(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag="error"):
    """Something was refused or failed. The log entry has the same support code."""

    code: Code
    message: str
    support_code: str
    run_id: str | None = None
    request_id: str | None = None
    retry_after_s: float | None = None


ClientMessage = Chat | Ping | Cancel
ServerMessage = RunAccepted | RunFinished | ServerDraining | Pong | Error


class MessageError(ValueError):
    """A client's message cannot be understood. `str()` says what to send instead. It quotes only field names of the message."""

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
    """Decode the client's message.

    Raises:
        MessageError: the message is not a JSON object ("bad_json"), has no known type ("unknown_type"), or has a missing or wrong field
            ("invalid_message").
    """
    try:
        kind = _head.decode(raw).type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MessageError("bad_json", "send one JSON object per message") from None
    known = _KINDS.get(kind) if isinstance(kind, str) else None
    if known is None:
        raise MessageError("unknown_type", f"type must be one of: {', '.join(_KINDS)}")
    decoder, shape = known
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError as error:
        # msgspec quotes the client's value in one case only: a string that is not in an enum.
        said = "Unknown agent" if str(error).startswith("Invalid enum value") else str(error)
        raise MessageError("invalid_message", f"{said}; send {shape}") from None


#: Error codes of `failures.py` that have another name in the chat. All others have the same name.
_SPELT: Final[Mapping[Code, Code]] = MappingProxyType({"invalid_request": "invalid_message", "unknown_agent": "invalid_message"})


def report(failure: Failure, error: BaseException | None = None, *, run_id: str | None = None, request_id: str | None = None) -> Error:
    """Log a failure and return the message for the user, with the same support code.

    Args:
        failure: what the user is shown.
        error: what was raised; None when a message was refused without an exception.
        run_id: the run that failed; None: no run.
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

"""Our own format: one run on each line, as JSON with readable payloads.

`schema` is increased when a field is renamed or changes its meaning. A new field needs a default, but no new schema. Every earlier schema
stays readable: for a new schema, add a struct next to the old ones and a file next to `tests/.../schema_1.jsonl`.
"""

from pathlib import Path
from typing import Final, Literal

import msgspec

from migration.errors import RecordingError
from migration.model import Effect, EffectError, EffectKind, Event, Origin, RunRecord, RunRequest
from migration.recordings.outcome import outcome_of
from migration.recordings.run import RecordedRun

SCHEMA: Final = 1
#: Stands for an absent value: JSON `null` is a valid reply, so it cannot mean that there is none.
_ABSENT: Final = msgspec.Raw(b"")


class _Request(msgspec.Struct):
    surface: str
    tenant_id: str
    user_id: str
    thread_id: str
    run_id: str
    payload: msgspec.Raw
    received_at: float


class _Event(msgspec.Struct):
    kind: str
    lane: str
    at_s: float
    payload: msgspec.Raw


class _Error(msgspec.Struct):
    type: str
    message: str


class _Effect(msgspec.Struct, omit_defaults=True):
    kind: EffectKind
    name: str
    lane: str
    key: str = ""
    started_s: float = 0.0
    duration_s: float = 0.0
    request: msgspec.Raw = _ABSENT
    reply: msgspec.Raw = _ABSENT
    error: _Error | None = None


class _Line(msgspec.Struct, omit_defaults=True):
    schema: Literal[1]
    request: _Request
    journal: tuple[_Effect, ...]
    origin: Origin | None = None
    events: tuple[_Event, ...] = ()


class _Version(msgspec.Struct):
    schema: int


_version = msgspec.json.Decoder(_Version)
_decoder = msgspec.json.Decoder(_Line)


def write_line(record: RunRecord | RecordedRun) -> bytes:
    """Return the run as one line of the newest schema, with a newline at its end."""
    request = record.request
    line = _Line(
        schema=SCHEMA,
        request=_Request(
            surface=request.surface,
            tenant_id=request.tenant_id,
            user_id=request.user_id,
            thread_id=request.thread_id,
            run_id=request.run_id,
            payload=msgspec.Raw(request.payload),
            received_at=request.received_at,
        ),
        journal=tuple(
            _Effect(
                kind=effect.kind,
                name=effect.name,
                lane=effect.lane,
                key=effect.key,
                started_s=effect.started_s,
                duration_s=effect.duration_s,
                request=_raw(effect.request),
                reply=_raw(effect.reply),
                error=_Error(type=effect.error.type, message=effect.error.message) if effect.error else None,
            )
            for effect in record.journal
        ),
        origin=record.origin,
        events=tuple(
            _Event(kind=event.kind, lane=event.lane, at_s=event.at_s, payload=msgspec.Raw(event.payload)) for event in record.events
        ),
    )
    encoded = msgspec.json.encode(line)
    # An indented payload would need several lines.
    return (msgspec.json.format(encoded, indent=-1) if b"\n" in encoded else encoded) + b"\n"


def read_line(line: bytes, project: Path | None = None) -> RecordedRun:
    """Return the run on a line of our own format.

    Args:
        line: the line.
        project: the file of the project whose `[[endings]]` decide how the run ended; None: the one that is found (`migration.project`).

    Raises:
        RecordingError: the line does not fit the format, or has a schema that this version does not know; the message says what to do.
    """
    try:
        schema = _version.decode(line).schema
        if schema > SCHEMA:
            raise RecordingError(
                f"it has schema {schema}, and this tool reads up to {SCHEMA}; install the version that wrote it, or record the run again"
            )
        decoded = _decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RecordingError(f"no recording of schema {SCHEMA}: {error}") from error
    request = decoded.request
    events = tuple(Event(kind=event.kind, lane=event.lane, payload=bytes(event.payload), at_s=event.at_s) for event in decoded.events)
    return RecordedRun(
        request=RunRequest(
            surface=request.surface,
            tenant_id=request.tenant_id,
            user_id=request.user_id,
            thread_id=request.thread_id,
            run_id=request.run_id,
            payload=bytes(request.payload),
            received_at=request.received_at,
        ),
        journal=tuple(
            Effect(
                kind=effect.kind,
                name=effect.name,
                lane=effect.lane,
                key=effect.key,
                request=_bytes(effect.request),
                reply=_bytes(effect.reply),
                error=EffectError(type=effect.error.type, message=effect.error.message) if effect.error else None,
                started_s=effect.started_s,
                duration_s=effect.duration_s,
            )
            for effect in decoded.journal
        ),
        origin=decoded.origin,
        events=events,
        # Only the outcome of control's own run can be expected from control.
        outcome=outcome_of(request.surface, events, project) if events and decoded.origin is Origin.CONTROL else None,
    )


def _raw(value: bytes | None) -> msgspec.Raw:
    return _ABSENT if value is None else msgspec.Raw(value)


def _bytes(value: msgspec.Raw) -> bytes | None:
    return bytes(value) or None

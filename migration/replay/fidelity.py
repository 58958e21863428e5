"""Checks whether control reproduces a recording: its ending, its answer, and the number and kind of its effects.

If control does not reproduce the recording, it cannot be used for a comparison, because the candidate's result would mean nothing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from migration.effects.journals import port_for
from migration.errors import EffectMissingError
from migration.model import Effect, Event
from migration.recordings import RecordedRun
from migration.sentence import Sentence, joined, quoted, say, word
from migration.shadow import ShadowRun

_LONGEST: Final = 300  #: characters of an error's text


def unfaithful(recorded: RecordedRun, control: ShadowRun, refused: Sequence[str]) -> Sentence | None:
    """Return why control does not reproduce the recording; None: control reproduces it.

    If control failed, its error is named before all other reasons.

    Args:
        recorded: the recording.
        control: the result of control's run on it.
        refused: names of contacts with the outside that were refused during this run.
    """
    if control.record is None:
        return say("control: {failed}: {detail}", failed=word(str(control.failed)), detail=control.detail)
    if refused:
        contacts = (say("{name}: {advice}", name=name, advice=word(port_for(name))) for name in sorted(set(refused)))
        return say("control tried to reach the outside without a port: {contacts}", contacts=joined(contacts, "; "))
    troubles = [*_effects(recorded, control), *_ending(recorded, control)]
    if not troubles:
        return None
    error = said_error(control)
    cause = [quoted(error)] if error else []
    return say("control does not reproduce the recording: {why}", why=joined([*cause, *troubles], "; "))


def said_error(run: ShadowRun) -> str:
    """Return the error that ended the run as "Type: text": the exception of its stream or the error in its frames; "" if there was no
    error.
    """
    if run.record is None:
        return ""
    if run.record.error is not None:
        return f"{run.record.error.type}: {run.failure}"[:_LONGEST].rstrip(": ")
    if run.record.outcome == "completed":
        return ""
    return next(_errors(run.record.events), "")[:_LONGEST]


class _Result(msgspec.Struct):
    error: Any = None
    error_type: Any = None


class _Payload(msgspec.Struct):
    error_type: Any = None
    error_message: Any = None
    result: Any = None


class _Frame(msgspec.Struct):
    payload: _Payload = msgspec.field(default_factory=_Payload)


_frame = msgspec.json.Decoder(_Frame)


def _errors(events: Sequence[Event]) -> Iterator[str]:
    """Yield the errors in the frames, the last one first; errors with a type come before those without one."""
    bare: list[str] = []
    for event in reversed(events):
        try:
            payload = _frame.decode(event.payload).payload
            result = msgspec.convert(payload.result, _Result) if isinstance(payload.result, dict) else _Result()
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            continue  # a frame of another form contains no error
        for kind, text in ((payload.error_type, payload.error_message), (result.error_type, result.error)):
            if isinstance(kind, str) and isinstance(text, str):
                yield f"{kind}: {text}"
            elif isinstance(text, str):
                bare.append(text)
    yield from bare


def _effects(recorded: RecordedRun, control: ShadowRun) -> Iterator[Sentence]:
    tally, record = control.tally, control.record
    if record is None or not (tally.missing or tally.unused):
        return
    many = _named(one for one in record.journal if one.performed_by_shadow or _is_missing(one))
    few = Counter(one.kind for one in recorded.journal) - Counter(one.kind for one in record.journal if not _is_missing(one))
    names = ", ".join(f"{count} {kind}" for kind, count in sorted(few.items()))
    sides = [(tally.missing, "too many", many), (tally.unused, "too few", word(f" ({names})" if names else ""))]
    parts = (
        say(
            "{count} {effects} {what}{which}",
            count=count,
            effects=word("effect" if count == 1 else "effects"),
            what=word(what),
            which=which,
        )
        for count, what, which in sides
        if count
    )
    yield say("it asks for {parts}", parts=joined(parts, " and "))
    if set(few) == {"model"} and not tally.missing and record.outcome == "completed":
        yield say("it ends with its first answer, and the recording continues")


def _is_missing(effect: Effect) -> bool:
    return effect.error is not None and effect.error.type == EffectMissingError.__name__


def _named(effects: Iterable[Effect]) -> Sentence:
    names = dict.fromkeys((one.kind, one.name) for one in effects)
    listed = joined((say("{kind} {name}", kind=word(kind), name=name) for kind, name in [*names][:5]), ", ")
    return say(" ({names})", names=listed) if names else word("")


def _ending(recorded: RecordedRun, control: ShadowRun) -> Iterator[Sentence]:
    record = control.record
    if record is None:
        return
    if recorded.outcome is not None and record.outcome != recorded.outcome:
        yield say("it ends as {outcome}, but the recording as {recorded}", outcome=word(record.outcome), recorded=word(recorded.outcome))
    elif recorded.answer is not None and not _says(record.events, recorded.answer):
        yield say("it does not give the recorded answer")


def _says(events: Sequence[Event], answer: str) -> bool:
    """Return whether a frame has this text as a value."""
    quoted = msgspec.json.encode(answer)
    return any(quoted in event.payload for event in reversed(events)) or any(_holds(event.payload, answer) for event in reversed(events))


def _holds(payload: bytes, answer: str) -> bool:
    # The same text can be escaped in several ways, so the values are compared.
    try:
        waiting: list[Any] = [msgspec.json.decode(payload)]
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return False
    while waiting:
        value = waiting.pop()
        if value == answer:
            return True
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return False

"""The continuation: changes control's events so that they continue the stream that the client already has.

For each agent the client gets one first and one last event, and for each lane only events that it does not have yet. The first rule that
matches an event of control decides:

1. an event of another user or run                          -> dropped
2. of an agent that has ended, or after the end of the run  -> dropped
3. the n-th of its lane and kind, if n were delivered       -> dropped: the client has its counterpart
4. a second one of a kind that may come once, or a number that does not rise -> dropped
5. one that must be closed                                  -> waits for what closes it, and is dropped if nothing does
6. any other                                                -> passed, with the next number of the stream

An event that control never sends cannot be added: if control's stream lacks a required event, the client's stream lacks it too.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from migration.comparison import Policy, agent_of
from migration.model import Event, RunRequest

logger = logging.getLogger(__name__)

_json: Final = msgspec.json.Decoder()
_fields: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode: Final = msgspec.json.encode
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Continuation:
    """Receives control's events one by one.

    Args:
        policy: the surface's policy, with its contract and envelope.
        request: whose run it is.
        delivered: the events that the client has.
        resumed_s: the time when control began, in seconds since the run's start.
    """

    def __init__(self, policy: Policy, request: RunRequest, delivered: Sequence[Event], resumed_s: float) -> None:
        contract = policy.contract
        self._identity = {field: getattr(request, attribute) for attribute, field in policy.envelope.identity.items()}
        self._once = frozenset((*contract.once, *policy.failover.ends))
        self._last = frozenset((contract.last, *policy.failover.ends)) - {""}
        self._openers = {pair.first: pair.then for pair in contract.closes}
        self._closers = frozenset(self._openers.values())
        self._rising = {rule.kind: rule.field.split(".") for rule in contract.rising}
        self._numbered, self._resumed_s = policy.failover.numbered, resumed_s
        self._before = Counter((event.lane, event.kind) for event in delivered)
        self._came: Counter[tuple[str, str]] = Counter()
        self._ended: set[str] = set()
        self._sent: set[tuple[str, str]] = set()
        self._reached: dict[tuple[str, str], float] = {}
        self._waiting: dict[str, list[Event]] = {}
        self._number: int | None = None
        for event in delivered:
            self._note(event, _frame(event.payload))

    def take(self, event: Event) -> list[Event]:
        """Return the events that the client gets after this event of control: none, this one, or also one that waited for it."""
        frame, place = _frame(event.payload), (event.lane, event.kind)
        if any(frame.get(field, value) != value for field, value in self._identity.items()):
            logger.error("an event %s of another run was dropped from a run that control resumed", event.kind)
            return []
        if not self._ended.isdisjoint(("", agent_of(event.lane))):
            return []
        self._came[place] += 1
        if self._came[place] <= self._before[place] or self._is_repeated(event, frame):
            return []
        if event.kind in self._openers:
            self._waiting.setdefault(event.lane, []).append(event)
            return []
        due = [event]
        if event.kind in self._closers:
            waiting = self._waiting.get(event.lane, [])
            opener = next((one for one in waiting if self._openers[one.kind] == event.kind), None)
            if opener is None:
                return []
            waiting.remove(opener)
            due = [opener, event]
        return [self._passed(one) for one in due]

    def _is_repeated(self, event: Event, frame: dict[str, Any]) -> bool:
        agent = (agent_of(event.lane), event.kind)
        if event.kind in self._once and agent in self._sent:
            return True
        number = self._rising_number(event.kind, frame)
        return number is not None and number <= self._reached.get(agent, float("-inf"))

    def _passed(self, event: Event) -> Event:
        payload, frame = event.payload, _frame(event.payload)
        if self._number is not None and isinstance(frame.get(self._numbered), int):
            number = frame[self._numbered] = self._number + 1
            payload = _encode({**_fields.decode(payload), self._numbered: msgspec.Raw(_encode(number))})
        self._note(event, frame)
        return msgspec.structs.replace(event, payload=payload, at_s=event.at_s + self._resumed_s)

    def _note(self, event: Event, frame: dict[str, Any]) -> None:
        """Remember that the client has this event."""
        agent = agent_of(event.lane)
        self._sent.add((agent, event.kind))
        if event.kind in self._last:
            self._ended.add(agent)
        if (number := self._rising_number(event.kind, frame)) is not None:
            self._reached[agent, event.kind] = number
        if isinstance(numbered := frame.get(self._numbered), int):
            self._number = numbered

    def _rising_number(self, kind: str, frame: dict[str, Any]) -> float | None:
        value: Any = frame
        for name in self._rising.get(kind, [""]):
            value = value.get(name) if isinstance(value, dict) else None
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _frame(payload: bytes) -> dict[str, Any]:
    """Return the frame of an event; {}: the payload is not a JSON object, so it is passed on unchanged."""
    try:
        frame = _json.decode(payload)
    except _UNREADABLE:
        return {}
    return frame if isinstance(frame, dict) else {}

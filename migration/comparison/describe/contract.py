"""Finds where a stream breaks its event contract, without looking at another stream."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any, Literal

import msgspec

from migration.comparison.policy import Contract, Pair, Rising
from migration.comparison.read.canonical import UNREADABLE
from migration.comparison.read.outline import KEPT, Outline, agent_of
from migration.comparison.read.stream import Stream


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One rule, broken by one agent."""

    lane: str
    id: str  #: consists of the kind of rule and of events, so that sentences may change: "once:agent_started:never"
    rule: str  #: a clause such as "`agent_started` must come exactly once, but never came"
    kinds: tuple[str, ...]  #: the kinds of event involved; a difference in one of them explains the violation
    about: Literal["count", "order", "field"]
    index: int | None = None  #: an event that shows the violation
    unopened: bool = False  #: this event ends something that never began
    lacks: bool = False  #: an event never came


def violations(stream: Stream, contract: Contract) -> list[Violation]:
    """Return every rule that the stream breaks, once for each agent or lane."""
    order = _remembered if len(stream.kinds) <= KEPT else _order
    told = order(stream.outline, contract)
    return [*told.broken, *(broken for rule, agents in told.rising for broken in _rising(stream, rule, agents))]


_Numbered = tuple[str, list[int]]  # an agent, and the indexes of its events that contain a number


class _Order(msgspec.Struct, frozen=True):
    """The results of a contract's rules, as far as they depend only on the kinds and lanes of a stream's events."""

    broken: tuple[Violation, ...]
    rising: tuple[tuple[Rising, list[_Numbered]], ...]  #: each rule, with the agents to whose events it applies


def _order(outline: Outline, contract: Contract) -> _Order:
    said, lanes = outline.kinds, outline.lanes
    agents: dict[str, list[int]] = {}
    for index, lane in enumerate(outline.places):
        agents.setdefault(agent_of(lane), []).append(index)
    found: list[Violation] = []
    for agent, indexes in agents.items():
        if agent:
            kinds = [said[index] for index in indexes]
            found += _counts(agent, kinds, contract)
            found += _ends(agent, indexes, kinds, contract)
            found += _before(agent, indexes, kinds, contract.before)
    for pair in contract.closes:
        for lane, indexes in lanes.items():
            found += _closes(lane, indexes, [said[index] for index in indexes], pair)
    return _Order(tuple(found), tuple((rule, _numbered(agents, said, rule)) for rule in contract.rising))


def _numbered(agents: dict[str, list[int]], said: list[str], rule: Rising) -> list[_Numbered]:
    numbered = [(agent, [index for index in indexes if said[index] == rule.kind]) for agent, indexes in agents.items() if agent]
    return [(agent, indexes) for agent, indexes in numbered if len(indexes) > 1]


_remembered = lru_cache(maxsize=256)(_order)


def _counts(agent: str, kinds: list[str], contract: Contract) -> Iterator[Violation]:
    for kind in contract.once:
        count = kinds.count(kind)
        if count != 1:
            how, short = ("came more than once", "more") if count else ("never came", "never")
            rule = f"`{kind}` must come exactly once, but {how}"
            yield Violation(lane=agent, id=f"once:{kind}:{short}", rule=rule, kinds=(kind,), about="count", lacks=not count)
    for kind in contract.required:
        if kind not in kinds:
            rule = f"`{kind}` must come at least once, but never came"
            yield Violation(lane=agent, id=f"required:{kind}", rule=rule, kinds=(kind,), about="count", lacks=True)


def _ends(agent: str, indexes: list[int], kinds: list[str], contract: Contract) -> Iterator[Violation]:
    # If the end is missing, this breaks the rule about the number of events, not the rule about their order.
    if contract.first in kinds and kinds[0] != contract.first:
        rule = f"`{contract.first}` must come before everything else of its agent"
        named = (contract.first, kinds[0])
        yield Violation(lane=agent, id=f"first:{contract.first}", rule=rule, kinds=named, about="order", index=indexes[0])
    if contract.last in kinds and kinds[-1] != contract.last:
        rule = f"`{contract.last}` must come after everything else of its agent"
        named = (contract.last, kinds[-1])
        yield Violation(lane=agent, id=f"last:{contract.last}", rule=rule, kinds=named, about="order", index=indexes[-1])


def _before(agent: str, indexes: list[int], kinds: list[str], pairs: Sequence[Pair]) -> Iterator[Violation]:
    for pair in pairs:
        if pair.first in kinds and pair.then in kinds and kinds.index(pair.first) > kinds.index(pair.then):
            rule = f"`{pair.first}` must come before `{pair.then}`"
            index = indexes[kinds.index(pair.first)]
            named = (pair.first, pair.then)
            yield Violation(lane=agent, id=f"before:{pair.first}:{pair.then}", rule=rule, kinds=named, about="order", index=index)


def _closes(lane: str, indexes: list[int], kinds: list[str], pair: Pair) -> Iterator[Violation]:
    opened, id_ = 0, f"closes:{pair.first}:{pair.then}"
    for index, kind in zip(indexes, kinds, strict=True):
        opened += (kind == pair.first) - (kind == pair.then)
        if opened < 0:
            rule = f"`{pair.then}` must come after its `{pair.first}`"
            named = (pair.first, pair.then)
            yield Violation(lane=lane, id=f"{id_}:unopened", rule=rule, kinds=named, about="order", index=index, unopened=True)
            return
    if opened > 0:
        rule = f"each `{pair.first}` must be closed by its `{pair.then}`"
        yield Violation(lane=lane, id=f"{id_}:unclosed", rule=rule, kinds=(pair.then, pair.first), about="count", lacks=True)


def _rising(stream: Stream, rising: Rising, agents: Sequence[_Numbered]) -> Iterator[Violation]:
    encoded = stream.frames.encoded
    numbers = iter(_reader(rising.field).all([encoded[index] for _, indexes in agents for index in indexes]))
    for agent, indexes in agents:
        last: float | None = None
        fallen: int | None = None
        for index, number in zip(indexes, numbers, strict=False):  # takes one number for each event of this agent
            if number is not None and last is not None and number <= last and fallen is None:
                fallen = index
            last = number if number is not None else last
        if fallen is not None:
            place = f"{rising.kind}.{rising.field}"
            rule = f"`{place}` must rise from one to the next"
            yield Violation(lane=agent, id=f"rising:{place}", rule=rule, kinds=(rising.kind,), about="field", index=fallen)


class _FieldReader:
    """Reads one number from each frame and skips the rest of the frame."""

    def __init__(self, field: str) -> None:
        wanted: Any = float | int | None
        empty: Any = None
        for name in reversed(field.split(".")):
            wanted = msgspec.defstruct("Wanted", [(name, wanted, empty)], frozen=True, gc=False)
            empty = wanted()
        self._decode: Callable[[bytes], object] = msgspec.json.Decoder(wanted).decode
        self._get: Callable[[object], float | None] = attrgetter(field)

    def all(self, frames: list[bytes]) -> list[float | None]:
        """Return the number of each frame; None when the frame has no number there."""
        try:
            return list(map(self._get, map(self._decode, frames)))
        except UNREADABLE:
            return [number for frame in frames for number in (self.all([frame]) if len(frames) > 1 else [None])]


@lru_cache(maxsize=64)
def _reader(field: str) -> _FieldReader:
    return _FieldReader(field)

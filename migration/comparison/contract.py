"""Where a stream breaks its event contract, by itself, without another stream beside it."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final, Literal

import msgspec

from migration.comparison.canonical import UNREADABLE
from migration.comparison.findings import agent_of
from migration.comparison.policy import Contract, Pair, Rising
from migration.comparison.stream import Stream

_ABSENT: object = object()


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One rule, broken by one agent."""

    lane: str
    rule: str  #: a clause such as "`agent_started` comes exactly once"
    kinds: tuple[str, ...]  #: the kinds of event involved; a difference in one of them explains the violation
    about: Literal["count", "order", "field"]
    index: int | None = None  #: an event that shows it
    unopened: bool = False  #: that event ends what never began
    lacks: bool = False  #: something never came


def violations(stream: Stream, contract: Contract) -> list[Violation]:
    """Return every rule that the stream breaks, each once an agent or lane."""
    order = _remembered if len(stream.kinds) <= _REMEMBERED else _order
    told = order(tuple(stream.kinds), tuple(stream.places), contract)
    return [*told.broken, *(broken for numbers in told.rising for broken in _rising(stream, *numbers))]


class _Order(msgspec.Struct, frozen=True):
    """What the kinds and lanes of a stream's events say by themselves, whatever stands in them."""

    broken: tuple[Violation, ...]
    rising: tuple[tuple[str, Rising, tuple[int, ...]], ...]  #: agent, the rule, and the events whose numbers it is about


def _order(said: tuple[str, ...], places: tuple[str, ...], contract: Contract) -> _Order:
    lanes: dict[str, list[int]] = {}
    agents: dict[str, list[int]] = {}
    for index, lane in enumerate(places):
        lanes.setdefault(lane, []).append(index)
        agents.setdefault(agent_of(lane), []).append(index)
    found: list[Violation] = []
    rising: list[tuple[str, Rising, tuple[int, ...]]] = []
    for agent, indexes in agents.items():
        if agent:
            kinds = [said[index] for index in indexes]
            found += _counts(agent, kinds, contract)
            found += _ends(agent, indexes, kinds, contract)
            found += _before(agent, indexes, kinds, contract.before)
            for rule in contract.rising:
                numbered = tuple(index for index in indexes if said[index] == rule.kind)
                if len(numbered) > 1:
                    rising.append((agent, rule, numbered))
    for pair in contract.closes:
        for lane, indexes in lanes.items():
            found += _closes(lane, indexes, [said[index] for index in indexes], pair)
    return _Order(tuple(found), tuple(rising))


#: Events of a stream whose order is remembered: streams say the same kinds of event in the same order again and again.
_REMEMBERED: Final = 512
_remembered = lru_cache(maxsize=256)(_order)


def _counts(agent: str, kinds: list[str], contract: Contract) -> Iterator[Violation]:
    for kind in contract.once:
        count = kinds.count(kind)
        if count != 1:
            how = "comes again" if count else "never comes"
            yield Violation(lane=agent, rule=f"`{kind}` comes exactly once, and {how}", kinds=(kind,), about="count", lacks=not count)
    for kind in contract.required:
        if kind not in kinds:
            yield Violation(lane=agent, rule=f"`{kind}` comes at least once", kinds=(kind,), about="count", lacks=True)


def _ends(agent: str, indexes: list[int], kinds: list[str], contract: Contract) -> Iterator[Violation]:
    # An end that is missing altogether breaks the count, not the order.
    if contract.first in kinds and kinds[0] != contract.first:
        rule = f"`{contract.first}` comes before everything else of its agent"
        yield Violation(lane=agent, rule=rule, kinds=(contract.first, kinds[0]), about="order", index=indexes[0])
    if contract.last in kinds and kinds[-1] != contract.last:
        rule = f"`{contract.last}` comes after everything else of its agent"
        yield Violation(lane=agent, rule=rule, kinds=(contract.last, kinds[-1]), about="order", index=indexes[-1])


def _before(agent: str, indexes: list[int], kinds: list[str], pairs: Sequence[Pair]) -> Iterator[Violation]:
    for pair in pairs:
        if pair.first in kinds and pair.then in kinds and kinds.index(pair.first) > kinds.index(pair.then):
            rule = f"`{pair.first}` comes before `{pair.then}`"
            index = indexes[kinds.index(pair.first)]
            yield Violation(lane=agent, rule=rule, kinds=(pair.first, pair.then), about="order", index=index)


def _closes(lane: str, indexes: list[int], kinds: list[str], pair: Pair) -> Iterator[Violation]:
    opened = 0
    for index, kind in zip(indexes, kinds, strict=True):
        opened += (kind == pair.first) - (kind == pair.then)
        if opened < 0:
            rule = f"`{pair.then}` comes after its `{pair.first}`"
            yield Violation(lane=lane, rule=rule, kinds=(pair.first, pair.then), about="order", index=index, unopened=True)
            return
    if opened > 0:
        rule = f"each `{pair.first}` is closed by its `{pair.then}`"
        yield Violation(lane=lane, rule=rule, kinds=(pair.then, pair.first), about="count", lacks=True)


def _rising(stream: Stream, agent: str, rising: Rising, indexes: Sequence[int]) -> Iterator[Violation]:
    read = _reader(rising.field)
    last: float | None = None
    for index in indexes:
        number = read(stream.events[index].payload)
        if number is not None and last is not None and number <= last:
            rule = f"`{rising.kind}.{rising.field}` rises from one to the next"
            yield Violation(lane=agent, rule=rule, kinds=(rising.kind,), about="field", index=index)
            return
        last = number if number is not None else last


class _FieldReader:
    """Reads one number out of a frame and skips the rest of it."""

    def __init__(self, field: str) -> None:
        self._names = field.split(".")
        wanted: type = object
        for name in reversed(self._names):
            wanted = msgspec.defstruct("Wanted", [(name, wanted, _ABSENT)])
        self._decode: Callable[[bytes], object] = msgspec.json.Decoder(wanted).decode

    def __call__(self, frame: bytes) -> float | None:
        """Return the number; None when the frame has none there."""
        try:
            value: object = self._decode(frame)
        except UNREADABLE:
            return None
        for name in self._names:
            if value is _ABSENT:
                return None
            value = getattr(value, name)
        return value if isinstance(value, int | float) and not isinstance(value, bool) else None


@lru_cache(maxsize=64)
def _reader(field: str) -> _FieldReader:
    return _FieldReader(field)

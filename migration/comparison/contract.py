"""Where a stream breaks its event contract, by itself, without another stream beside it."""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from migration.comparison.canonical import UNREADABLE
from migration.comparison.findings import agent_of
from migration.comparison.policy import Contract, Pair
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
    agents: dict[str, list[int]] = {}
    said = stream.kinds
    for lane, indexes in stream.lanes.items():
        agents.setdefault(agent_of(lane), []).extend(indexes)
    found: list[Violation] = []
    for agent, indexes in agents.items():
        if agent:
            indexes.sort()  # its tool calls' lanes were appended behind its own
            kinds = [said[index] for index in indexes]
            found += _counts(agent, kinds, contract)
            found += _ends(agent, indexes, kinds, contract)
            found += _before(agent, indexes, kinds, contract.before)
            found += _rising(agent, stream, indexes, kinds, contract)
    for pair in contract.closes:
        for lane, indexes in stream.lanes.items():
            if len(indexes) == 2 and said[indexes[0]] == pair.first and said[indexes[1]] == pair.then:  # noqa: PLR2004 - the usual call
                continue
            found += _closes(lane, indexes, [said[index] for index in indexes], pair)
    return found


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


def _rising(agent: str, stream: Stream, indexes: list[int], kinds: list[str], contract: Contract) -> Iterator[Violation]:
    for rising in contract.rising:
        read = _reader(rising.field)
        last: float | None = None
        for index in [index for index, kind in zip(indexes, kinds, strict=True) if kind == rising.kind]:
            number = read(stream.events[index].payload)
            if number is not None and last is not None and number <= last:
                rule = f"`{rising.kind}.{rising.field}` rises from one to the next"
                yield Violation(lane=agent, rule=rule, kinds=(rising.kind,), about="field", index=index)
                break
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

"""The kinds and lanes of a stream's events, in order: many streams contain the same kinds of event in the same order."""

from collections.abc import Callable, Sequence
from functools import cached_property, lru_cache
from operator import itemgetter
from typing import Final

import msgspec

#: Outlines of streams with at most this many events are cached; those of longer streams are computed each time.
KEPT: Final = 512


Pick = Callable[[Sequence[bytes]], Sequence[bytes]]
ByKind = Sequence[tuple[str, list[int], Pick]]
"""Kinds of event, each with its places, and a function that picks the frames at these places."""


def by_kind(kinds: Sequence[str]) -> ByKind:
    """Return each kind with its places."""
    places: dict[str, list[int]] = {}
    for place, kind in enumerate(kinds):
        places.setdefault(kind, []).append(place)
    return [(kind, at, itemgetter(*at) if len(at) > 1 else itemgetter(slice(at[0], at[0] + 1))) for kind, at in places.items()]


class Outline:
    """The outline of a stream, without the contents of its events. Cached outlines are shared, so nothing in them may be changed.

    Args:
        encoded: kinds and lanes as bytes; two outlines are equal if these bytes are.
        kinds: the kind of each event.
        places: the lane of each event.
    """

    def __init__(self, encoded: bytes, kinds: list[str], places: list[str]) -> None:
        self.encoded, self.kinds, self.places = encoded, kinds, places
        self._by_kind: dict[range, ByKind] = {}

    def by_kind(self, block: Sequence[int]) -> "ByKind":
        """Return the kinds of the events of a block, each with its places in the block. Results are remembered."""
        if not isinstance(block, range):
            return by_kind([self.kinds[index] for index in block])
        known = self._by_kind.get(block)
        if known is None:
            known = self._by_kind[block] = by_kind(self.kinds[block.start : block.stop])
        return known

    @cached_property
    def agents(self) -> dict[str, list[str]]:
        """The lanes of each agent."""
        agents: dict[str, list[str]] = {}
        for name in self.lanes:
            agents.setdefault(agent_of(name), []).append(name)
        return agents

    @cached_property
    def lanes(self) -> dict[str, list[int]]:
        """The events of each lane, in order; lanes in order of their first event."""
        lanes: dict[str, list[int]] = {}
        for index, name in enumerate(self.places):
            lane = lanes.get(name)
            if lane is None:
                lanes[name] = [index]
            else:
                lane.append(index)
        return lanes


class SideBySide:
    """Two outlines, lane by lane. It pairs the events of lanes that have the same number of events on both sides."""

    def __init__(self, control: Outline, candidate: Outline) -> None:
        self._control_lanes, self._candidate_lanes = control_lanes, candidate_lanes = control.lanes, candidate.lanes
        self._kinds = control.kinds, candidate.kinds
        self._same = [name for name, indexes in control_lanes.items() if len(candidate_lanes.get(name, ())) == len(indexes)]
        settled = frozenset(self._same)
        self.unequal = [name for name in control_lanes if name not in settled]  #: control's other lanes
        self.other_unequal = [name for name in candidate_lanes if name not in settled]  #: candidate's other lanes

    @cached_property
    def alike(self) -> tuple[list[int], list[int]]:
        """Control's and candidate's events of lanes that have the same number of events on both sides, in the same order."""
        return _events(self._control_lanes, self._same), _events(self._candidate_lanes, self._same)

    @cached_property
    def same_kinds(self) -> bool:
        """Whether all paired events are of the same kind as their partners."""
        control_kinds, candidate_kinds = (
            [kinds[index] for index in indexes] for kinds, indexes in zip(self._kinds, self.alike, strict=True)
        )
        return control_kinds == candidate_kinds

    @cached_property
    def others(self) -> tuple[list[int], list[int]]:
        """Control's and candidate's events of all other lanes."""
        return _events(self._control_lanes, self.unequal), _events(self._candidate_lanes, self.other_unequal)


def _events(lanes: dict[str, list[int]], names: list[str]) -> list[int]:
    return [index for name in names for index in lanes[name]]


def side_by_side(control: Outline, candidate: Outline) -> SideBySide:
    """Return two outlines side by side."""
    if max(len(control.kinds), len(candidate.kinds)) > KEPT:
        return SideBySide(control, candidate)
    return _side_by_side(control, candidate)


_side_by_side = lru_cache(maxsize=256)(SideBySide)


def outline(kinds: list[str], places: list[str]) -> Outline:
    """Return the outline of a stream."""
    encoded = _encoded(kinds, places)
    if len(kinds) > KEPT:
        return Outline(encoded, kinds, places)
    kept = _kept(encoded)
    if not kept:
        kept.append(Outline(encoded, kinds, places))
    return kept[0]


@lru_cache(maxsize=256)
def _kept(_encoded: bytes) -> list[Outline]:
    """Return the list that contains the cached outline; it is empty if the outline is new."""
    return []


@lru_cache(maxsize=4096)
def agent_of(lane: str) -> str:
    """Return the agent that a lane belongs to: all before the first "/"."""
    return lane.partition("/")[0]


def _encoded(kinds: Sequence[str], places: Sequence[str]) -> bytes:
    try:
        return msgspec.msgpack.encode((kinds, places))
    except UnicodeEncodeError:  # a lone surrogate cannot be encoded as UTF-8
        return msgspec.msgpack.encode([[name.encode("utf-8", "surrogatepass") for name in names] for names in (kinds, places)])

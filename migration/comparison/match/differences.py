"""The places where two JSON values differ, leaf by leaf, strictly by type."""

from collections.abc import Iterator

import msgspec

from migration.comparison.match.sequences import Match, gaps, match, moved, pair_similar
from migration.comparison.paths import Json, Path, Value
from migration.comparison.policy import Change
from migration.comparison.read.actions import stands_for
from migration.comparison.read.canonical import encode

_PLAIN = frozenset({str, int, bool, type(None)})
"""Types whose equal values are always written in the same way."""


class Leaf(msgspec.Struct, frozen=True):
    """One place where two values differ."""

    path: Path  #: list indexes are control's; only for an item that control lacks they are candidate's
    control: Value
    candidate: Value
    moved: bool = False  #: the item is at a different place in its list

    @property
    def change(self) -> Change:
        """How the field changed."""
        if self.control is msgspec.UNSET or self.candidate is msgspec.UNSET:
            return "presence"
        # A masked value is known only by its type, so only the types can differ.
        hidden = stands_for(self.control) or stands_for(self.candidate)
        return "value" if type(self.control) is type(self.candidate) and not hidden else "type"


def leaves(control: Json, candidate: Json, limit: int, path: Path = ()) -> list[Leaf] | None:
    """Return every place where two values at that path differ, in control's order; None when there are more than `limit`.

    Lists are matched item by item in order, so that one inserted item is one difference and not one for each item after it.
    """
    found: list[Leaf] = []
    # An explicit stack, because values may be nested more deeply than Python's stack allows.
    walks: list[Iterator[Leaf]] = [iter((Leaf(path, control, candidate),))]
    while walks:
        pair = next(walks[-1], None)
        if pair is None:
            walks.pop()
        elif pair.moved:
            found.append(pair)
        elif isinstance(pair.control, dict) and isinstance(pair.candidate, dict):
            walks.append(_objects(pair.control, pair.candidate, pair.path))
        elif isinstance(pair.control, list) and isinstance(pair.candidate, list):
            walks.append(_lists(pair.control, pair.candidate, pair.path))
        elif type(pair.control) is not type(pair.candidate) or not _same(pair.control, pair.candidate):
            found.append(pair)
            if len(found) > limit:
                return None
    return found


def _same(control: Value, candidate: Value) -> bool:
    """Return whether two scalars of one type are the same. Numbers are compared as they are written, so 0.0 and -0.0 differ."""
    return repr(control) == repr(candidate) if type(control) is float else control == candidate


def _objects(control: dict[str, Json], candidate: dict[str, Json], path: Path) -> Iterator[Leaf]:
    """Yield the values of each key of both objects, pair by pair."""
    for key, value in control.items():
        other = candidate.get(key, msgspec.UNSET)
        if type(value) in _PLAIN and type(value) is type(other) and value == other:
            continue
        yield Leaf((*path, key), value, other)
    for key, value in candidate.items():
        if key not in control:
            yield Leaf((*path, key), msgspec.UNSET, value)


def _lists(control: list[Json], candidate: list[Json], path: Path) -> Iterator[Leaf]:
    keys = [encode(item) for item in control], [encode(item) for item in candidate]
    pairs = match(*keys)
    between = gaps(pairs, len(control), len(candidate))
    crossed = moved(*keys, between)
    for i, j in crossed:
        yield Leaf((*path, i), control[i], candidate[j], moved=True)
    for control_gap, candidate_gap in between:
        control_left, candidate_left = (
            [i for i in control_gap if (i not in {i for i, _ in crossed})],
            [j for j in candidate_gap if (j not in {j for _, j in crossed})],
        )
        near = _near(control, candidate, control_left, candidate_left)
        for i, j in near:
            yield Leaf((*path, i), control[i], candidate[j])
        for i in control_left:
            if i not in {i for i, _ in near}:
                yield Leaf((*path, i), control[i], msgspec.UNSET)
        for j in candidate_left:
            if j not in {j for _, j in near}:
                yield Leaf((*path, j), msgspec.UNSET, candidate[j])


def _near(control: list[Json], candidate: list[Json], control_left: list[int], candidate_left: list[int]) -> list[Match]:
    """Pair the most similar items, in order, so that an inserted item is distinguished from a changed one."""
    if len(control_left) == len(candidate_left):
        return list(zip(control_left, candidate_left, strict=True))

    def likeness(i: int, j: int) -> float:
        item, other = control[control_left[i]], candidate[candidate_left[j]]
        if not isinstance(item, dict) or not isinstance(other, dict):
            return 1.0 if type(item) is type(other) else 0.1
        return 1.0 + sum(key in other and _equal(value, other[key]) for key, value in item.items()) / max(1, len(item), len(other))

    same = [0] * len(control_left), [0] * len(candidate_left)
    return [
        (control_left[i], candidate_left[j])
        for i, j in pair_similar((range(len(control_left)), range(len(candidate_left))), same, likeness)
    ]


def _equal(control: Json, candidate: Json) -> bool:
    return type(control) is type(candidate) and control == candidate

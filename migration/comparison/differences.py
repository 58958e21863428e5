"""Where two JSON values differ, leaf by leaf, strictly by type."""

from collections.abc import Iterator

import msgspec

from migration.comparison.actions import stands_for
from migration.comparison.canonical import encode
from migration.comparison.paths import Json, Path, Value
from migration.comparison.policy import Change
from migration.comparison.sequences import gaps, match


class Leaf(msgspec.Struct, frozen=True):
    """One place where two values differ."""

    path: Path  #: list indexes are control's; for an item that only candidate has, candidate's
    control: Value
    candidate: Value

    @property
    def change(self) -> Change:
        """What became of the field."""
        if self.control is msgspec.UNSET or self.candidate is msgspec.UNSET:
            return "presence"
        # What is masked has no value to differ in, so what differs is its type.
        hidden = stands_for(self.control) or stands_for(self.candidate)
        return "value" if type(self.control) is type(self.candidate) and not hidden else "type"


def leaves(control: Json, candidate: Json, limit: int, path: Path = ()) -> list[Leaf] | None:
    """Return every place where two values at that path differ, in control's order; None when there are more than `limit`.

    Lists are matched item by item in order, so that one inserted item is one difference and not one for each item after it.
    """
    found: list[Leaf] = []
    # A stack of our own: values may be nested more deeply than Python's stack allows.
    walks: list[Iterator[Leaf]] = [iter((Leaf(path, control, candidate),))]
    while walks:
        pair = next(walks[-1], None)
        if pair is None:
            walks.pop()
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
    """Tell whether two scalars of one type are the same: as they are written, in which 0.0 and -0.0 differ."""
    return repr(control) == repr(candidate) if type(control) is float else control == candidate


def _objects(control: dict[str, Json], candidate: dict[str, Json], path: Path) -> Iterator[Leaf]:
    """Yield what stands below both objects, pair by pair."""
    for key, value in control.items():
        yield Leaf((*path, key), value, candidate.get(key, msgspec.UNSET))
    for key, value in candidate.items():
        if key not in control:
            yield Leaf((*path, key), msgspec.UNSET, value)


def _lists(control: list[Json], candidate: list[Json], path: Path) -> Iterator[Leaf]:
    pairs = match([encode(item) for item in control], [encode(item) for item in candidate])
    for ours, theirs in gaps(pairs, len(control), len(candidate)):
        for i, j in zip(ours, theirs, strict=False):
            yield Leaf((*path, i), control[i], candidate[j])
        for i in ours[len(theirs) :]:
            yield Leaf((*path, i), control[i], msgspec.UNSET)
        for j in theirs[len(ours) :]:
            yield Leaf((*path, j), msgspec.UNSET, candidate[j])

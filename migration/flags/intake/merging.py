"""The state after a new report of the source: its valid flags, and the last known state of invalid or missing flags."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from migration.flags.meaning.data import FlagData, FlagProblem, Item, Kind
from migration.flags.meaning.evaluation import FlagEvaluator

Named = tuple[Kind, str]
"""Kind and key of a flag or segment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """The current flags, and why some of them differ from the source."""

    data: FlagData
    problems: tuple[FlagProblem, ...]
    held: frozenset[Named]  #: flags and segments whose last known state is used
    lost: frozenset[Named]  #: flags without a usable value in the source and without a last known state
    needed: frozenset[Named]  #: our flags, and the flags and segments that they depend on


def merged(said: FlagData, problems: Sequence[FlagProblem], *, known: FlagData, surfaces: Sequence[str], ours: Sequence[str]) -> Merged:
    """Return the new state.

    Args:
        said: the flags and segments of the source that the SDK accepts.
        problems: the flags and segments that the SDK does not accept.
        known: the state before.
        surfaces: the surfaces whose flags are ours.
        ours: the keys of all flags that are ours.
    """
    merge = _Merge(said, problems, known)
    needed = merge.follow([("flag", key) for key in ours])
    merge.try_out(surfaces)
    return Merged(
        data=FlagData(flags=MappingProxyType(merge.now["flag"]), segments=MappingProxyType(merge.now["segment"])),
        problems=tuple(merge.problems),
        held=frozenset(merge.held),
        lost=frozenset(merge.lost),
        needed=frozenset(needed),
    )


class _Merge:
    def __init__(self, said: FlagData, problems: Sequence[FlagProblem], known: FlagData) -> None:
        self.now: dict[Kind, dict[str, Item]] = {"flag": dict(said.flags), "segment": dict(said.segments)}
        self._known: dict[Kind, Mapping[str, Item]] = {"flag": known.flags, "segment": known.segments}
        self.problems, self.held, self.lost = list(problems), set[Named](), set[Named]()
        for problem in problems:
            if problem.key not in self.now[problem.kind]:
                self._hold(problem.kind, problem.key)

    def follow(self, start: Sequence[Named]) -> set[Named]:
        """Keep the missing items among `start` and among all that they depend on; return these items."""
        needed, queue = set[Named](), list(start)
        while queue:
            kind, key = named = queue.pop()
            if named in needed:
                continue
            needed.add(named)
            if key not in self.now[kind] and self._is_known(kind, key):
                self._hold(kind, key)
                what = "is missing; restore it, or put `deleted: true` and a higher version in its place"
                self.problems.append(FlagProblem(kind=kind, key=key, place="", what=what))
            if key in self.now[kind]:
                queue.extend(_references(kind, self.now[kind][key]))
        return needed

    def try_out(self, surfaces: Sequence[str]) -> None:
        """Keep the last known state of our flags that give no tenant a usable value."""
        with FlagEvaluator.of(FlagData(flags=self.now["flag"], segments=self.now["segment"])) as evaluator:
            faults = evaluator.faults(surfaces)
        for key, why in faults.items():
            if ("flag", key) not in self.held:
                self.problems.append(FlagProblem(key=key, place="", what=f"gives no usable value ({why}); correct it"))
                self._hold("flag", key)

    def _is_known(self, kind: Kind, key: str) -> bool:
        return self._known[kind].get(key, {"deleted": True}).get("deleted") is not True

    def _hold(self, kind: Kind, key: str) -> None:
        if self._is_known(kind, key):
            self.now[kind][key] = self._known[kind][key]
            self.held.add((kind, key))
        else:
            self.lost.add((kind, key))


def _references(kind: Kind, item: Mapping[str, Any]) -> Iterator[Named]:
    """Yield the flags and segments that this item names."""
    if item.get("deleted") is True:
        return
    if kind == "flag":
        yield from (("flag", one["key"]) for one in item.get("prerequisites") or ())
    for rule in item.get("rules") or ():
        for clause in rule["clauses"]:
            if clause["op"] == "segmentMatch":
                yield from (("segment", key) for key in clause["values"] if isinstance(key, str))

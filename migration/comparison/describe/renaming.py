"""Values that only a pair can judge: ids that are new in every run, and numbers with a tolerance."""

from collections.abc import Iterator, Sequence

from migration.comparison.describe.findings import Detail
from migration.comparison.match.differences import Leaf
from migration.comparison.policy import Rule
from migration.comparison.read.actions import Hole


class Renaming:
    """The one-to-one relation between control's ids and candidate's, learned from pair to pair over a whole run.

    It does not depend on the order in which lanes interleave, as numbering ids by first appearance in the stream would.
    """

    def __init__(self) -> None:
        self._forth: dict[tuple[str, str], str] = {}
        self._back: dict[tuple[str, str], str] = {}
        self.renames = False  #: whether some id of candidate is not called as in control

    def agrees(self, rule: Rule, control: str, candidate: str) -> bool:
        """Tell whether these two may be the same id, and from now on take them for the same if so."""
        label = rule.label or rule.id
        self.renames = self.renames or control != candidate
        if self._forth.get((label, control), candidate) != candidate or self._back.get((label, candidate), control) != control:
            return False
        self._forth[label, control] = candidate
        self._back[label, candidate] = control
        return True

    def judge(self, control: Sequence[Hole], candidate: Sequence[Hole]) -> Iterator[tuple[Leaf, Detail]]:
        """Yield what differs between the held-out values of a pair. A value without a partner already shows in the canonical forms."""
        for ours, theirs in _partners(control, candidate):
            a, b = ours.value, theirs.value
            if isinstance(a, str) and isinstance(b, str):
                if not self.agrees(ours.rule, a, b):
                    yield Leaf(ours.path, a, b), "renamed_id"
            elif not isinstance(a, str) and not isinstance(b, str) and not _within(ours.rule, a, b):
                yield Leaf(ours.path, a, b), "out_of_tolerance"


def _partners(control: Sequence[Hole], candidate: Sequence[Hole]) -> Iterator[tuple[Hole, Hole]]:
    if len(control) == len(candidate) and all(a.rule is b.rule for a, b in zip(control, candidate, strict=True)):
        yield from zip(control, candidate, strict=True)
        return
    theirs = {hole.path: hole for hole in candidate}
    for hole in control:
        other = theirs.get(hole.path)
        if other is not None and other.rule is hole.rule:
            yield hole, other


def _within(rule: Rule, a: float, b: float) -> bool:
    apart = abs(a - b)
    return apart <= rule.absolute or apart <= rule.relative * max(abs(a), abs(b))

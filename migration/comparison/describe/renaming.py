"""Values that can only be judged as a pair, one from each run: ids that are new in every run, and numbers with a tolerance."""

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
        self.renames = False  #: whether an id in candidate differs from its counterpart in control

    def agrees(self, rule: Rule, control: str, candidate: str) -> bool:
        """Return whether these two ids may correspond to each other; if so, they do from now on."""
        label = rule.label or rule.id
        self.renames = self.renames or control != candidate
        if self._forth.get((label, control), candidate) != candidate or self._back.get((label, candidate), control) != control:
            return False
        self._forth[label, control] = candidate
        self._back[label, candidate] = control
        return True

    def judge(self, control: Sequence[Hole], candidate: Sequence[Hole]) -> Iterator[tuple[Leaf, Detail]]:
        """Yield the differences between those values of a pair that canonical forms leave out.

        A value without a partner already makes the canonical forms differ.
        """
        for control_hole, candidate_hole in _partners(control, candidate):
            control_value, candidate_value = control_hole.value, candidate_hole.value
            if isinstance(control_value, str) and isinstance(candidate_value, str):
                if not self.agrees(control_hole.rule, control_value, candidate_value):
                    yield Leaf(control_hole.path, control_value, candidate_value), "renamed_id"
            elif (
                not isinstance(control_value, str)
                and not isinstance(candidate_value, str)
                and not _within(control_hole.rule, control_value, candidate_value)
            ):
                yield Leaf(control_hole.path, control_value, candidate_value), "out_of_tolerance"


def _partners(control: Sequence[Hole], candidate: Sequence[Hole]) -> Iterator[tuple[Hole, Hole]]:
    if len(control) == len(candidate) and all(hole.rule is other.rule for hole, other in zip(control, candidate, strict=True)):
        yield from zip(control, candidate, strict=True)
        return
    candidate_holes = {hole.path: hole for hole in candidate}
    for hole in control:
        other = candidate_holes.get(hole.path)
        if other is not None and other.rule is hole.rule:
            yield hole, other


def _within(rule: Rule, control: float, candidate: float) -> bool:
    apart = abs(control - candidate)
    return apart <= rule.absolute or apart <= rule.relative * max(abs(control), abs(candidate))

"""The differences between two aligned event streams."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from migration.comparison.describe.contract import Violation, violations
from migration.comparison.describe.findings import Detail, Finding, is_last
from migration.comparison.describe.fingerprint import fingerprint
from migration.comparison.describe.renaming import Renaming
from migration.comparison.describe.second_opinion import SecondOpinion
from migration.comparison.limits import Limits
from migration.comparison.match.align import Alignment, Lane
from migration.comparison.match.differences import Leaf, leaves
from migration.comparison.paths import Json, Path, matches_any
from migration.comparison.policy import Policy
from migration.comparison.read.outline import agent_of
from migration.comparison.read.stream import Stream, forms
from migration.model import DivergenceKind, Origin

_WHICH_EVENTS = frozenset({"missing_event", "extra_event", "duplicate_event", "causal_reorder"})


class EventComparison:
    """Turns the lanes of one comparison into findings."""

    def __init__(
        self, control: Stream, candidate: Stream, policy: Policy, limits: Limits, renaming: Renaming, *, opinion: SecondOpinion
    ) -> None:
        self._opinion = opinion
        self._control, self._candidate = control, candidate
        self._policy, self._limits, self._renaming = policy, limits, renaming
        self._alignment = Alignment()
        self._reached: dict[str, tuple[int, int] | None] = {}  #: see `_reach`
        self._foreign = {Origin.CONTROL: frozenset(control.owners.foreign()), Origin.CANDIDATE: frozenset(candidate.owners.foreign())}

    def findings(self, alignment: Alignment) -> list[Finding]:
        """Return all findings: frames of other people, then differences lane by lane, then broken rules that no difference explains."""
        found = [*self._breaches(self._control), *self._breaches(self._candidate)]
        lanes = alignment.unequal
        self._alignment = alignment
        absent = {
            Origin.CONTROL: {lane.name for lane in lanes if lane.control is None},
            Origin.CANDIDATE: {lane.name for lane in lanes if lane.candidate is None},
        }
        for lane in lanes:
            if lane.control is None or lane.candidate is None:
                found += self._one_sided_lane(lane, absent[Origin.CONTROL if lane.control is None else Origin.CANDIDATE])
            else:
                found += self._lane(lane)
        found += self._held_out(alignment)
        broken = violations(self._candidate, self._policy.contract)
        found = _without_ends_of_nothing(found, broken)
        found += self._broken_rules(broken, found)
        return found

    def _breaches(self, stream: Stream) -> Iterator[Finding]:
        side = stream.side
        for index in sorted(self._foreign[side]):
            event = stream.events[index]
            value = stream.frames.value(index) or {}
            for field, other in list(stream.owners.foreign_fields(value).items())[:1]:  # at most one breach for each frame
                yield _one_sided("isolation_breach", side, (event.lane, index), (event.kind, field), other)

    def _one_sided_lane(self, lane: Lane, absent: set[str]) -> Iterator[Finding]:
        side = Origin.CONTROL if lane.candidate is None else Origin.CANDIDATE
        stream = self._control if side is Origin.CONTROL else self._candidate
        indexes = [i for i in (lane.only_control or lane.only_candidate) if i not in self._foreign[side]]
        agent = agent_of(lane.name)
        if not indexes or (agent != lane.name and agent in absent):
            return  # these events are reported as breaches, or the whole agent is reported as missing
        if len(indexes) == 1:
            yield from self._surplus(lane, side)
            return
        kinds: list[Json] = [stream.events[index].kind for index in indexes]
        kind: DivergenceKind = "missing_event" if side is Origin.CONTROL else "extra_event"
        whole = _one_sided(kind, side, (lane.name, indexes[0]), ("*",), kinds, detail="whole_lane")
        yield msgspec.structs.replace(whole, tail=self._is_tail(lane, side, indexes[0]))

    def _is_tail(self, lane: Lane, side: Origin, index: int) -> bool:
        """Return whether the other side lacks all later events of this side, both of this agent and of agents that began later."""
        reached = self._reach(agent_of(lane.name))
        if reached is not None:
            return index > reached[side is Origin.CANDIDATE]
        control, candidate = self._control.lanes, self._candidate.lanes
        return is_last(lane.name, control, candidate) if side is Origin.CONTROL else is_last(lane.name, candidate, control)

    def _reach(self, agent: str) -> tuple[int, int] | None:
        """Return the agent's last events, in control and in candidate, that have a counterpart in the other stream; None: there is none."""
        if agent not in self._reached:
            control, candidate = self._control.lanes, self._candidate.lanes
            names = filter(self._alignment.is_equal, self._control.outline.agents.get(agent, ()))
            pairs = [(control[name][-1], candidate[name][-1]) for name in names]
            for lane in self._alignment.unequal:
                if agent_of(lane.name) == agent:
                    pairs += [*lane.equal, *lane.changed, *lane.moved]
            self._reached[agent] = (max(i for i, _ in pairs), max(j for _, j in pairs)) if pairs else None
        return self._reached[agent]

    def _lane(self, lane: Lane) -> Iterator[Finding]:
        for i, j in lane.moved:
            kind = self._control.events[i].kind
            value: Json = kind
            yield Finding(kind="causal_reorder", lane=lane.name, path=(kind,), control=value, candidate=value, at=(i, j))
        for i, j in lane.changed:
            yield from self._changed(lane, i, j)
        if lane.only_control:
            yield from self._surplus(lane, Origin.CONTROL)
        if lane.only_candidate:
            yield from self._surplus(lane, Origin.CANDIDATE)

    def _held_out(self, alignment: Alignment) -> Iterator[Finding]:
        """Check values of equal pairs that canonical forms leave out: ids that are new in every run, and numbers with a tolerance.

        Pairs with equal bytes have equal ids. Their ids matter only if another pair maps one of them to a different id, so pairs with equal
        bytes are read only then.
        """
        if self._control.frames.has_holes:
            yield from self._judged(alignment, read=False)
        if self._renaming.renames:
            yield from self._judged(alignment, read=True)

    def _judged(self, alignment: Alignment, *, read: bool) -> Iterator[Finding]:
        for lane in alignment.lanes():
            for i, j in (*lane.equal, *lane.moved):
                control, candidate = self._control.frames.known(i), self._candidate.frames.known(j)
                if (control is None or candidate is None) is not read:
                    continue
                control, candidate = self._control.frames.read_fully(i), self._candidate.frames.read_fully(j)
                for leaf, detail in self._renaming.judge(control.holes, candidate.holes):
                    yield self._leaf(lane.name, self._control.kinds[i], leaf, (i, j), detail)

    def _changed(self, lane: Lane, i: int, j: int) -> Iterator[Finding]:
        control, candidate, path = forms(self._control, self._candidate, i, j)
        kind = self._control.kinds[i]
        there = leaves(control.value, candidate.value, self._limits.leaves, path)
        differing = self._opinion.of(kind, control.value, candidate.value, there, path)
        found = [self._leaf(lane.name, kind, leaf, (i, j)) for leaf in differing or ()]
        if not there:  # too many differences to name them; this also reports a difference that no leaf shows
            whole = Leaf((), self._control.frames.normal(i).value, self._candidate.frames.normal(j).value)
            yield self._leaf(lane.name, kind, whole, (i, j), "whole_pair")
            return
        found += [
            self._leaf(lane.name, kind, leaf, (i, j), detail) for leaf, detail in self._renaming.judge(control.holes, candidate.holes)
        ]
        terminal = next((finding for finding in found if finding.kind == "terminal_state"), None)
        if terminal is None:
            yield from found
            return
        yield terminal
        yield from (finding for finding in found if finding.kind != "terminal_state" and not self._has_role(finding.path, "consequences"))

    def _leaf(self, lane: str, kind: str, leaf: Leaf, at: tuple[int, int], detail: Detail = "") -> Finding:
        path = (kind, *leaf.path)
        return Finding(
            kind=self._kind_of(path, leaf),
            lane=lane,
            path=path,
            control=leaf.control,
            candidate=leaf.candidate,
            change=leaf.change,
            detail=detail or ("moved_item" if leaf.moved else ""),
            at=at,
        )

    def _kind_of(self, path: Path, leaf: Leaf) -> DivergenceKind:
        if self._names_another(leaf):
            return "isolation_breach"
        if self._has_role(path, "terminal"):
            return "terminal_state"
        return "error" if self._has_role(path, "error") else "payload"

    def _names_another(self, leaf: Leaf) -> bool:
        """Return whether an identity field inside the frame, at any depth, contains other people's data."""
        for name, field in self._policy.envelope.identity.items():
            if len(leaf.path) > 1 and leaf.path[-1] == field:  # the envelope's own fields are compared with the request
                own = getattr(self._control.run.request, name)
                return any(isinstance(value, str) and value != own for value in (leaf.control, leaf.candidate))
        return False

    def _has_role(self, path: Path, role: str) -> bool:
        patterns: tuple[str, ...] = getattr(self._policy.roles, role)
        return matches_any(patterns, path)

    def _surplus(self, lane: Lane, side: Origin) -> Iterator[Finding]:
        """Yield the events that only one side has. An event that repeats another one is a duplicate."""
        of_control = side is Origin.CONTROL
        alone = [i for i in (lane.only_control if of_control else lane.only_candidate) if i not in self._foreign[side]]
        if not alone:
            return
        stream = self._control if of_control else self._candidate
        beside = [pair[0 if of_control else 1] for pairs in (lane.equal, lane.changed, lane.moved) for pair in pairs]
        kinds = {stream.kinds[index] for index in alone}
        present = {self._sameness(stream, index) for index in beside if stream.kinds[index] in kinds}
        for index in alone:
            event, key = stream.events[index], self._sameness(stream, index)
            value = stream.frames.value(index) or {}
            kind: DivergenceKind = "duplicate_event" if key in present else "missing_event" if of_control else "extra_event"
            present.add(key)
            alone_here = _one_sided(kind, side, (lane.name, index), (event.kind,), value)
            yield msgspec.structs.replace(alone_here, tail=self._is_tail(lane, side, index))

    def _sameness(self, stream: Stream, index: int) -> object:
        """Return the key that a duplicate shares with its original: the kind if it may come only once, otherwise the whole content."""
        kind = stream.events[index].kind
        if kind in self._policy.contract.once:
            return kind
        normal = stream.frames.normal(index)
        return kind, normal.canonical, tuple(hole.value for hole in normal.holes)

    def _broken_rules(self, broken: Iterable[Violation], found: Sequence[Finding]) -> Iterator[Finding]:
        """Yield the rules that candidate breaks.

        A broken order that control keeps is a `causal_reorder`; other broken rules are a `contract_violation`. If control keeps the rule,
        and a difference breaks it, this difference is the cause of the finding; if it is about this rule itself, no further finding is
        made. If control breaks the rule too, the finding has no cause.

        When an engine is compared with itself, a broken rule is reported only if the other run keeps it and no difference explains it.
        Other broken rules are not noise, and must not excuse the candidate.
        """
        rules = list(broken)
        if not rules:
            return
        alike = self._control.run.origin is self._candidate.run.origin
        shared = {(rule.lane, rule.id) for rule in violations(self._control, self._policy.contract)}
        for rule in rules:
            both = (rule.lane, rule.id) in shared
            cause = None if both and not alike else _explanation(rule, found)
            if (cause is not None and (alike or cause.rule_id == rule.id)) or (alike and both):
                continue
            yield Finding(
                kind="causal_reorder" if rule.about == "order" and not both and cause is None else "contract_violation",
                lane=rule.lane,
                path=(rule.kinds[0],),
                rule=rule.rule,
                rule_id=rule.id,
                tail=rule.lacks,
                because="" if cause is None else fingerprint(cause, self._policy),
                at=(None, rule.index),
            )


def _one_sided(kind: DivergenceKind, side: Origin, place: tuple[str, int], path: Path, value: Json, *, detail: Detail = "") -> Finding:
    """Return the finding of a value that only one side has; `place` is the lane and the index of the event."""
    lane, index = place
    if side is Origin.CONTROL:
        return Finding(kind=kind, lane=lane, path=path, control=value, change="presence", detail=detail, at=(index, None))
    return Finding(kind=kind, lane=lane, path=path, candidate=value, change="presence", detail=detail, at=(None, index))


def _without_ends_of_nothing(found: list[Finding], broken: Iterable[Violation]) -> list[Finding]:
    """Return the findings. If candidate has an extra end of something that never began, this becomes a broken rule.

    Otherwise a ledger that accepts extra ends of candidate would also accept an end of something that never began.
    """
    ends = {rule.index: rule for rule in broken if rule.unopened}
    if not ends:
        return found
    return [
        msgspec.structs.replace(finding, kind="contract_violation", rule=ends[finding.at[1]].rule, rule_id=ends[finding.at[1]].id)
        if finding.kind == "extra_event" and not finding.detail and finding.at[1] in ends
        else finding
        for finding in found
    ]


def _explanation(rule: Violation, found: Sequence[Finding]) -> Finding | None:
    """Return the missing, extra or moved event that already shows the broken rule; None: there is none."""
    for finding in found:
        if rule.unopened and finding.rule_id == rule.id and finding.at[1] == rule.index:
            return finding  # the finding is about this rule
        if agent_of(finding.lane) != agent_of(rule.lane) or finding.kind not in _WHICH_EVENTS:
            continue
        if finding.kind == "extra_event" and rule.lane not in {finding.lane, agent_of(rule.lane)}:
            continue  # an additional end in candidate does not explain another call that candidate leaves open
        if finding.detail == "whole_lane":
            value = finding.control if finding.candidate is msgspec.UNSET else finding.candidate
            kinds = value if isinstance(value, list) else []
            if finding.lane in {rule.lane, agent_of(rule.lane)} or any(kind in kinds for kind in rule.kinds):
                return finding
        elif finding.subject in rule.kinds:
            return finding
    return None

"""The differences between two journals: the requests to models and tools, their number, and their order.

Like events, effects are matched lane by lane (a lane is the agent that asks). Replies are not compared, because a shadow gets the replies
of the served run.
The order of two requests counts only if control had the reply to the first before it made the second: parallel requests have no order.
"""

from collections.abc import Iterator, Sequence

import msgspec

from migration.comparison.describe.findings import Detail, Finding, is_last
from migration.comparison.describe.renaming import Renaming
from migration.comparison.describe.second_opinion import SecondOpinion
from migration.comparison.limits import Limits
from migration.comparison.match.differences import Leaf, leaves
from migration.comparison.match.sequences import Match, gaps, match, moved, pair_similar
from migration.comparison.paths import Path
from migration.comparison.read.canonical import TOO_DEEP, UNREADABLE, UndecodableError, decode_object
from migration.comparison.read.normalise import Normal, Normaliser
from migration.errors import EffectMissingError
from migration.model import Effect, RunRecord
from migration.sentence import Sentence, say, word

#: checks the text without building an object
_check_object = msgspec.json.Decoder(msgspec.defstruct("AnyObject", [])).decode

#: limit for checking whether two pairs are parallel requests; above it, every changed order counts as a difference
_CROSSINGS = 100_000

_Key = tuple[str, str, bytes]


class EffectComparison:
    """Compares two journals. Afterwards, `reasons` says what could not be compared."""

    def __init__(self, normaliser: Normaliser, limits: Limits, renaming: Renaming, opinion: SecondOpinion) -> None:
        self._opinion = opinion
        self._normaliser, self._limits, self._renaming = normaliser, limits, renaming
        self._normals: dict[int, Normal] = {}
        self._unread: set[int] = set()  #: effects whose requests could not be read
        # Equal bytes contain equal ids, but only parsing shows whether an id means the same thing everywhere.
        self._renames = normaliser.renames_in_effects
        self._lanes: tuple[dict[str, list[Effect]], dict[str, list[Effect]]] = ({}, {})
        self._places: tuple[dict[int, int], ...] = ()  #: the index of each effect in its journal
        self.reasons: list[Sentence] = []

    def findings(self, control: RunRecord, candidate: RunRecord) -> list[Finding]:
        """Return all findings, lane by lane, in the order of control's journal."""
        if not self._renames and len(control.journal) == len(candidate.journal) and all(map(_same, control.journal, candidate.journal)):
            return []  # in most replays the journals are equal
        control_lanes, candidate_lanes = self._lanes = _by_lane(control.journal), _by_lane(candidate.journal)
        self._places = tuple({id(effect): place for place, effect in enumerate(run.journal)} for run in (control, candidate))
        found: list[Finding] = []
        for lane in dict.fromkeys((*control_lanes, *candidate_lanes)):
            control_effects, candidate_effects = control_lanes.get(lane, []), candidate_lanes.get(lane, [])
            if (
                not self._renames
                and len(control_effects) == len(candidate_effects)
                and all(map(_surely_equal, control_effects, candidate_effects))
            ):
                continue
            found += self._lane(lane, control_effects, candidate_effects)
        return found

    def _lane(self, lane: str, control: list[Effect], candidate: list[Effect]) -> Iterator[Finding]:
        keys = [self._key(effect) for effect in control], [self._key(effect) for effect in candidate]
        pairs = match(*keys)
        for i, j in pairs:
            yield from self._held_out(lane, control[i], candidate[j])
        between = gaps(pairs, len(control), len(candidate))
        crossed = moved(*keys, between)
        yield from (Finding(kind="causal_reorder", lane=lane, path=subject(control[i])) for i in _out_of_order(control, pairs, crossed))
        moved_control, moved_candidate = {i for i, _ in crossed}, {j for _, j in crossed}
        near: list[Match] = []
        for control_gap, candidate_gap in between:
            control_rest, candidate_rest = (
                [i for i in control_gap if i not in moved_control],
                [j for j in candidate_gap if j not in moved_candidate],
            )
            near += [
                (control_rest[i], candidate_rest[j])
                for i, j in self._similar([control[i] for i in control_rest], [candidate[j] for j in candidate_rest])
            ]
        for i, j in near:
            yield from self._changed(lane, control[i], candidate[j])
        met = [*pairs, *crossed, *near]
        known = {keys[0][i] for i, _ in (*pairs, *crossed)}
        yield from self._alone(lane, control, keys[0], {i for i, _ in met}, known, side=0)
        yield from self._alone(lane, candidate, keys[1], {j for _, j in met}, known, side=1)

    def _alone(
        self, lane: str, effects: list[Effect], keys: list[_Key], paired: set[int], known: set[_Key], *, side: int
    ) -> Iterator[Finding]:
        """Yield the effects that only this side has. `known` are requests that were made before: an equal request counts as repeated."""
        reach = max(paired, default=-1)
        last = not effects or bool(paired) or is_last(lane, self._lanes[side], self._lanes[1 - side])
        refused: set[_Key] = set()
        for place, (effect, key) in enumerate(zip(effects, keys, strict=True)):
            if place in paired or (id(effect) in self._unread and effect.request is not None) or key in refused:
                continue  # a retry of an effect that got no answer shows nothing new
            detail: Detail = "repeated" if key in known else ""
            known.add(key)
            if effect.error is not None and effect.error.type == EffectMissingError.__name__:
                refused.add(key)
            value = self._normal(effect).value
            yield Finding(
                kind="effect_extra" if side else "effect_missing",
                lane=lane,
                path=subject(effect),
                control=msgspec.UNSET if side else value,
                candidate=value if side else msgspec.UNSET,
                change="presence",
                detail=detail,
                asked=self._places[side][id(effect)],
                tail=last and place > reach,
            )

    def _changed(self, lane: str, control: Effect, candidate: Effect) -> Iterator[Finding]:
        control_request, candidate_request = self._normal(control), self._normal(candidate)
        if not self._unread.isdisjoint((id(control), id(candidate))):
            return  # a request is unreadable, so no difference is known
        there = leaves(control_request.value, candidate_request.value, self._limits.leaves)
        differing = self._opinion.of(f"effect:{control.kind}", control_request.value, candidate_request.value, there)
        if differing is None:
            yield self._leaf(lane, control, Leaf((), control_request.value, candidate_request.value), "whole_pair")
            return
        yield from (self._leaf(lane, control, leaf) for leaf in differing)
        yield from self._held_out(lane, control, candidate)

    def _held_out(self, lane: str, control: Effect, candidate: Effect) -> Iterator[Finding]:
        for leaf, detail in self._renaming.judge(self._normal(control).holes, self._normal(candidate).holes):
            yield self._leaf(lane, control, leaf, detail)

    @staticmethod
    def _leaf(lane: str, effect: Effect, leaf: Leaf, detail: Detail = "") -> Finding:
        path = (*subject(effect), *leaf.path)
        return Finding(
            kind="effect_changed",
            lane=lane,
            path=path,
            control=leaf.control,
            candidate=leaf.candidate,
            change=leaf.change,
            detail=detail or ("moved_item" if leaf.moved else ""),
        )

    def _similar(self, control: list[Effect], candidate: list[Effect]) -> list[Match]:
        def likeness(i: int, j: int) -> float:
            differing = leaves(self._normal(control[i]).value, self._normal(candidate[j]).value, self._limits.leaves)
            return 1.0 + (0.0 if differing is None else 1.0 / (1 + len(differing)))

        groups = [(effect.kind, effect.name) for effect in control], [(effect.kind, effect.name) for effect in candidate]
        return pair_similar((range(len(control)), range(len(candidate))), groups, likeness)

    def _key(self, effect: Effect) -> _Key:
        return effect.kind, effect.name, self._normal(effect).canonical

    def _normal(self, effect: Effect) -> Normal:
        normal = self._normals.get(id(effect))
        if normal is None:
            normal = self._normals[id(effect)] = self._read(effect)
        return normal

    def _read(self, effect: Effect) -> Normal:
        if effect.request is None:
            return self._unreadable(effect, say("was not recorded, so it cannot be compared"))
        try:
            return self._normaliser.request(effect.kind, decode_object(effect.request))
        except UndecodableError as error:
            return self._unreadable(effect, say("is undecodable: {error}", error=str(error)))
        except RecursionError:
            return self._unreadable(effect, say("is undecodable: {error}", error=word(TOO_DEEP)))

    def _unreadable(self, effect: Effect, why: Sentence) -> Normal:
        self.reasons.append(say("the request of a {kind} effect of `{lane}` {why}", kind=word(effect.kind), lane=effect.lane, why=why))
        self._unread.add(id(effect))
        return Normal(b"unread:" + (effect.request or b""), (), None)


def subject(effect: Effect) -> Path:
    """Return the name of the effect in paths: its kind and its name.

    Models (the request contains their name) and the clock have only the kind.
    """
    return (effect.kind,) if effect.kind in {"model", "clock"} else (effect.kind, effect.name)


def _out_of_order(control: Sequence[Effect], pairs: Sequence[Match], crossed: Sequence[Match]) -> Iterator[int]:
    """Yield the crossed pairs whose change of order counts, because control waited for a reply in between; in control's order."""
    met = [*pairs, *crossed]
    for i, j in crossed:
        if len(met) * len(crossed) > _CROSSINGS or any(
            (i - other_i) * (j - other_j) < 0 and _ended(control[min(i, other_i)]) <= control[max(i, other_i)].started_s
            for other_i, other_j in met
        ):
            yield i


def _ended(effect: Effect) -> float:
    return effect.started_s + effect.duration_s


def _same(control: Effect, candidate: Effect) -> bool:
    return control.lane == candidate.lane and _surely_equal(control, candidate)


def _surely_equal(control: Effect, candidate: Effect) -> bool:
    """Return whether two effects are certainly equal: their requests have the same bytes, and are JSON objects."""
    request = control.request
    if request is None or request != candidate.request or control.kind != candidate.kind or control.name != candidate.name:
        return False
    try:
        request.decode()
        _check_object(request)
    except UNREADABLE:
        return False
    return True


def _by_lane(journal: Sequence[Effect]) -> dict[str, list[Effect]]:
    lanes: dict[str, list[Effect]] = {}
    for effect in journal:
        lanes.setdefault(effect.lane, []).append(effect)
    return lanes

"""Counts comparisons and unseen runs into a `Standing`, and turns a standing into bytes and back.

A standing is about one basis: policy, ledger, build of the engines and version of the tool. When a comparison of a new basis comes, the
counts begin again, because rates of different bases do not add up. Late comparisons of an earlier basis are left out, and their number is
kept. Breaches are counted for every basis.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from migration.evidence import ComparedRow, UnseenRow
from migration.model import NOT_SAMPLED, Verdict
from migration.rollout.gate_rules import Gate
from migration.rollout.standing import Standing
from migration.statistics import LatencyPairs, Mean, Outcomes

RECENT: Final = 240  #: number of runs in `Standing.recent`

#: A smaller difference between the two times of a pair is ignored, because one of the runs is a shadow, which gets less processor time.
SAME_S: Final = 0.05

_FAILED: Final = frozenset({"failed", "timed_out"})
_INCONCLUSIVE: Final = Verdict.INCONCLUSIVE.value
_DIVERGENT: Final = Verdict.DIVERGENT.value
_FORMAT: Final = 2

StrataOf = Callable[[str], Iterable[tuple[str, str, str]]]


class Counting:
    """Counts the standing of one step, with the data that is needed to continue counting later.

    Args:
        gate: the step's gate.
        since: when the step was taken, Unix seconds.
        strata_of: returns the strata (event kind, tool, outcome) of the set with this digest.
    """

    def __init__(self, gate: Gate, since: float, strata_of: StrataOf) -> None:
        self._gate, self._strata_of = gate, strata_of
        self._names: dict[str, tuple[str, ...]] = {}
        self._earlier: set[str | None] = set()  #: digests of earlier bases
        self._begun = False  #: whether any comparison was counted
        self.standing = self._empty(since)

    def compared(self, rows: Iterable[ComparedRow]) -> None:
        """Count comparisons."""
        for row in rows:
            if row.breach:
                self.standing.breaches += 1
                self.standing.breached.add(row.tenant_id)
            if not self._begun or row.basis != self.standing.basis:
                if row.basis in self._earlier:
                    self.standing.other_basis += 1
                    continue
                self._begin(row.basis)
            self._compared(row)

    def unseen(self, rows: Iterable[UnseenRow]) -> None:
        """Count runs without a comparison. Their basis is not known, so they are counted for the current basis."""
        for row in rows:
            probability = row.probability or 1.0
            if row.reason == NOT_SAMPLED:
                self._not_sampled(row.strata, probability, row.runs)
                continue
            for _ in range(row.runs):
                self._unseen(row.tenant_id, row.strata, probability)

    def state(self) -> bytes:
        """Return everything that was counted."""
        found = self.standing
        return msgspec.msgpack.encode(
            [
                _FORMAT,
                self._gate.slow_quantile,
                [self._begun, found.basis, sorted(self._earlier, key=str)],
                [found.breaches, sorted(found.breached), found.other_basis, found.recent],
                found.outcomes.state(),
                {kind: outcomes.state() for kind, outcomes in found.by_severity.items()},
                {name: outcomes.state() for name, outcomes in found.by_stratum.items()},
                found.failed_more.state(),
                found.latency.state(),
            ]
        )

    def restore(self, state: bytes) -> bool:
        """Continue from earlier counts of the same step; False: they have another format or are for other rules, and were not used."""
        try:
            kept: list[Any] = msgspec.msgpack.decode(state)
            wanted = set(self._gate.most_divergent_of)
            if kept[:2] != [_FORMAT, self._gate.slow_quantile] or set(kept[5]) != wanted:
                return False
            found = self._empty(self.standing.since)
            self._begun, found.basis, self._earlier = kept[2][0], kept[2][1], set(kept[2][2])
            found.breaches, breached, found.other_basis, found.recent = kept[3]
            found.breached = set(breached)
            found.outcomes = Outcomes.restored(kept[4])
            found.by_severity = {kind: Outcomes.restored(one) for kind, one in kept[5].items()}
            found.by_stratum = {name: Outcomes.restored(one) for name, one in kept[6].items()}
            found.failed_more.restore(kept[7])
            found.latency = LatencyPairs.restored(kept[8])
        except (msgspec.MsgspecError, ValueError, TypeError, IndexError, KeyError):
            return False
        self.standing = found
        return True

    def _begin(self, basis: str | None) -> None:
        """Begin to count for a new basis."""
        old = self.standing
        if self._begun:
            self._earlier.add(old.basis)
            self.standing = self._empty(old.since)
            self.standing.breaches, self.standing.breached, self.standing.recent = old.breaches, old.breached, old.recent
            self.standing.other_basis = old.other_basis + old.outcomes.compared
        self.standing.basis, self._begun = basis, True

    def _empty(self, since: float) -> Standing:
        return Standing(
            since=since,
            by_severity={kind: Outcomes() for kind in self._gate.most_divergent_of},
            by_stratum={},
            failed_more=Mean(-1.0, 1.0),
            latency=LatencyPairs(self._gate.slow_quantile),
        )

    def _compared(self, row: ComparedRow) -> None:
        if row.verdict == _INCONCLUSIVE:
            self._unseen(row.tenant_id, row.strata, row.probability or 1.0)
            return
        found, tenant, divergent = self.standing, row.tenant_id, row.verdict == _DIVERGENT
        probability = row.probability or 1.0
        found.outcomes.add_compared(tenant, divergent=divergent, probability=probability)
        severities = row.severities.split(",") if row.severities else ()
        for kind, outcomes in found.by_severity.items():
            outcomes.add_compared(tenant, divergent=kind in severities, probability=probability)
        touched = self._strata(row.touched)
        for name in self._strata(row.strata):
            self._stratum(name).add_compared(tenant, divergent=name in touched, probability=probability)
        if row.control_outcome is not None and row.candidate_outcome is not None:
            found.failed_more.add(float((row.candidate_outcome in _FAILED) - (row.control_outcome in _FAILED)))
        control, candidate = row.control_duration_s, row.candidate_duration_s
        found.latency.add(control, control if abs(candidate - control) < SAME_S else candidate)
        self._remember("!" if divergent else ".")

    def _unseen(self, tenant: str, strata: str | None, probability: float) -> None:
        found = self.standing
        found.outcomes.add_unseen(tenant, probability=probability)
        for outcomes in found.by_severity.values():
            outcomes.add_unseen(tenant, probability=probability)
        for name in self._strata(strata):
            self._stratum(name).add_unseen(tenant, probability=probability)
        self._remember("?")

    def _not_sampled(self, strata: str | None, probability: float, runs: int) -> None:
        found = self.standing
        for outcomes in (found.outcomes, *found.by_severity.values(), *(self._stratum(name) for name in self._strata(strata))):
            outcomes.add_not_sampled(probability=probability, times=runs)

    def _remember(self, letter: str) -> None:
        self.standing.recent = (self.standing.recent + letter)[-RECENT:]

    def _stratum(self, name: str) -> Outcomes:
        found = self.standing.by_stratum.get(name)
        if found is None:
            found = self.standing.by_stratum[name] = Outcomes()
        return found

    def _strata(self, digest: str | None) -> tuple[str, ...]:
        if digest is None:
            return ()
        names = self._names.get(digest)
        if names is None:
            names = self._names[digest] = tuple(_named(*stratum) for stratum in self._strata_of(digest))
        return names


def _named(event: str, tool: str, outcome: str) -> str:
    """Return a readable name of a stratum."""
    return f"{event or 'no event'}{f' of {tool}' if tool else ''}, {outcome}"

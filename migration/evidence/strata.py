"""Strata of runs: event kind x tool x outcome. A rare path cannot hide its divergences behind a frequent one.

A served run is in one stratum for each pair of an event kind and a tool that it contains. For example, `tool_completed` of `usage_summary`
in runs that completed is one stratum. Many runs have the same set of strata. So each set is stored once, and a comparison stores two
digests: of its run's set, and of the set of strata that its unaccepted divergences touch.
"""

import hashlib
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec
from sqlalchemy import Connection, func, select

from migration.evidence.tables import comparisons, strata_sets
from migration.evidence.views import StrataView, StratumView
from migration.model import RunRecord, Verdict

if TYPE_CHECKING:
    from migration.evidence.redaction import Redactor
    from migration.evidence.rows import ComparedRuns

OTHER: Final = "(other)"
"""Replaces all names beyond the limit."""

_SHAPES: Final = 4096


class Stratum(NamedTuple):
    """A stratum; the divergence rate of each stratum is bounded."""

    event: str  #: kind of event; "": the run had no events
    tool: str  #: name of the tool; "": the event belongs to an agent or to the run
    outcome: str  #: outcome of the served run


Places = frozenset[tuple[str, str]]
"""Kind and lane of each event of a run."""

_Set = tuple[str, frozenset[Stratum]]
"""A set and its digest."""


class StrataMaker:
    """Computes the strata of runs, and remembers sets that are not stored yet.

    Args:
        redactor: converts the names for storing.
        limit: number of event kinds, and of tools, that this process distinguishes on a surface, so that an engine that invents names
            cannot fill the database.
    """

    def __init__(self, redactor: "Redactor", *, limit: int = 64) -> None:
        self._redactor, self._limit = redactor, limit
        self._names: dict[tuple[str, str], dict[str, str]] = {}
        self._shapes: dict[Hashable, _Set] = {}
        self._touches: dict[Hashable, _Set] = {}
        self._new: dict[str, frozenset[Stratum]] = {}
        self._stored: set[str] = set()

    def row(self, finding: "ComparedRuns") -> dict[str, str | None]:
        """Return the columns of `comparisons` for the run's strata, and for the strata that divergences touch."""
        digest, strata = self._of(finding)
        self._want(digest, strata)
        touched = None
        # Most comparisons match, so a match must cost almost nothing.
        if finding.comparison.verdict is Verdict.DIVERGENT:
            touched, some = self._touched(finding, digest, strata)
            self._want(touched, some)
        return {"strata": digest, "touched": touched}

    def new_rows(self) -> list[dict[str, Any]]:
        """Return the rows of `strata_sets` that were not stored yet."""
        return [{"id": id_, "strata": [list(one) for one in sorted(strata)]} for id_, strata in sorted(self._new.items())]

    def stored(self) -> None:
        """Record that these rows are committed."""
        self._stored |= self._new.keys()
        self._new = {}

    def forget(self) -> None:
        """Forget what is stored: the database may be another one now."""
        self._stored.clear()

    def _want(self, digest: str, strata: frozenset[Stratum]) -> None:
        if digest not in self._stored:
            self._new[digest] = strata

    def _of(self, finding: "ComparedRuns") -> _Set:
        record = finding.served.record
        return self.of(record.request.surface, record.outcome, places(record))

    def of(self, surface: str, outcome: str, places: Places) -> _Set:
        """Return the set of a served run with this outcome and these places of events, and its digest."""
        shape = (surface, outcome, places)
        if (known := self._shapes.get(shape)) is None:
            strata = frozenset(self._stratum(surface, outcome, kind, lane) for kind, lane in places or {("", "")})
            known = _with_digest(strata)
            _remember(self._shapes, shape, known)
        return known

    def _touched(self, finding: "ComparedRuns", digest: str, strata: frozenset[Stratum]) -> _Set:
        """Return the strata that divergent events belong to; all of the run's strata if a divergence belongs to no event of the run."""
        surface, outcome = finding.served.record.request.surface, finding.served.record.outcome
        found = frozenset([(one.path, one.lane) for one in finding.comparison.divergences if one.verdict is Verdict.DIVERGENT])
        if (known := self._touches.get((surface, digest, found))) is None:
            touched = frozenset(self._stratum(surface, outcome, _event_of(path), lane) for path, lane in found)
            known = _with_digest(touched if touched and touched <= strata else strata)
            _remember(self._touches, (surface, digest, found), known)
        return known

    def _stratum(self, surface: str, outcome: str, kind: str, lane: str) -> Stratum:
        return Stratum(self._name(surface, "event", kind), self._name(surface, "tool", _tool_of(lane)), outcome)

    def _name(self, surface: str, what: str, name: str) -> str:
        names = self._names.setdefault((surface, what), {"": ""})
        if name not in names:
            if len(names) > self._limit:
                return OTHER
            names[name] = self._redactor.path(name)
        return names[name]


def places(record: RunRecord) -> Places:
    """Return the places of a run's events."""
    return frozenset([(event.kind, event.lane) for event in record.events])


def read_strata(connection: Connection, surface: str) -> StrataView:
    """Return each stratum's counts over the comparisons of a surface since the last pruning, without inconclusive ones."""
    compared = comparisons.c
    query = (
        select(compared.strata, compared.touched, func.count())
        .where(compared.surface == surface, compared.verdict != Verdict.INCONCLUSIVE)
        .group_by(compared.strata, compared.touched)
    )
    counted = [(strata, touched, number) for strata, touched, number in connection.execute(query)]
    used = {id_ for strata, touched, _ in counted for id_ in (strata, touched) if id_ is not None}
    sets = {row.id: row.strata for row in connection.execute(select(strata_sets)) if row.id in used}
    runs, divergent = Counter[Stratum](), Counter[Stratum]()
    unknown = 0
    for strata, touched, number in counted:
        if strata not in sets or (touched is not None and touched not in sets):
            unknown += number
            continue
        for one in _strata(sets, strata):
            runs[one] += number
        for one in _strata(sets, touched):
            divergent[one] += number
    found = [StratumView(**one._asdict(), runs=runs[one], divergent=divergent[one]) for one in sorted(runs)]
    return StrataView(surface=surface, strata=found, unknown=unknown)


def _strata(sets: Mapping[str, Any], id_: str | None) -> Iterable[Stratum]:
    return () if id_ is None else (Stratum(*parts) for parts in sets[id_])


def _with_digest(strata: frozenset[Stratum]) -> _Set:
    return hashlib.sha256(msgspec.json.encode(sorted(strata))).hexdigest()[:16], strata


def _remember(known: dict[Hashable, _Set], what: Hashable, found: _Set) -> None:
    if len(known) >= _SHAPES:
        known.clear()
    known[what] = found


def _tool_of(lane: str) -> str:
    """Return the tool of a lane such as "data/usage_summary#1"; "" for an agent's."""
    return lane.partition("/")[2].partition("#")[0]


def _event_of(path: str) -> str:
    """Return the first part of a path such as "agent_completed.payload.success"."""
    return path.partition(".")[0].partition("[")[0]

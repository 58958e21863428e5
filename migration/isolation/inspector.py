"""Scans a pair of runs, step by step. Each step names the file that does it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from migration.isolation.canaries import Canaries
from migration.isolation.identity import Identity
from migration.isolation.passages import all_at_once, passages
from migration.isolation.registry import Learnt, Registry
from migration.isolation.report import Breach, cross_talk, divergences, with_breaches
from migration.isolation.scan import Scan
from migration.isolation.strays import Strays
from migration.model import Comparison, Event, Origin, RunLog, RunRecord, RunRequest
from migration.sentence import Sentence, say, word

_SILENCE: Final = RunLog(lines=())
#: The fields that identify one run; the name of a tenant or a user belongs to many runs.
_OF_A_RUN: Final = frozenset({"run", "thread", "canary"})


@dataclass(frozen=True)
class Inspection:
    """Other tenants' and users' data in one pair of runs."""

    breaches: tuple[Breach, ...] = ()
    reasons: tuple[Sentence, ...] = ()  #: why something was not scanned
    lost: tuple[Event, ...] = ()  #: events of this run that control sent to other runs

    @cached_property
    def cross_talk(self) -> tuple[tuple[int, str], ...]:
        """The places where control's events contain other people's data and the candidate's do not: index of the event, and path."""
        return cross_talk(self.breaches)

    def reported_in(self, comparison: Comparison) -> Comparison:
        """Return the comparison with a divergence for each kind of breach; the ledger does not apply to them."""
        return with_breaches(comparison, divergences(self.breaches, comparison), self.reasons)


class Inspector:
    """Looks for other tenants' and users' data.

    Each process has one: it remembers the identifiers of one job, and searches for them in the next jobs.

    Args:
        canaries: makes and reads tokens.
        registry: the other tenants and users; None: an empty one.
    """

    def __init__(self, canaries: Canaries, registry: Registry | None = None) -> None:
        self._canaries, self._registry = canaries, registry or Registry()
        self._learnt = Learnt()
        self._strays = Strays()

    def canary(self, request: RunRequest) -> str:
        """Return the token to plant in the contexts of this run."""
        return self._canaries.token(Identity.of(request))

    def learnt(self) -> Learnt:
        """Return how many identifiers were learnt since the last call."""
        learnt, self._learnt = self._learnt, Learnt()
        return learnt

    def scan(
        self,
        served: RunRecord,
        shadow: RunRecord,
        *,
        neighbours: Sequence[Identity] = (),
        served_log: RunLog | None = None,
        log: RunLog | None = None,
    ) -> Inspection:
        """Return other tenants' and users' data in both runs.

        Args:
            served: the run that the user saw.
            shadow: the other engine's run.
            neighbours: tenants and users served during and before this run.
            served_log: the log of the served run; None: it was not recorded.
            log: the log of the shadow; None: it was not recorded.
        """
        learnt = self._registry.learn((*neighbours, Identity.of(served.request)))  # 1 registry: the other tenants and users
        self._learnt = Learnt(
            sought_in_text=self._learnt.sought_in_text + learnt.sought_in_text,
            sought_in_fields=self._learnt.sought_in_fields + learnt.sought_in_fields,
        )
        logs = (served_log or _SILENCE, log or _SILENCE)
        reasons = tuple(
            say("{lost} log lines of the {whose} were not scanned for other tenants' data", lost=one.lost, whose=word(whose))
            for one, whose in zip(logs, ("served run", "shadow"), strict=True)
            if one.lost
        )
        lost = self.lost(served.request)
        scan = Scan(self._registry, self._canaries, served)  # 2 scan: one pass over everything; usually this is all
        if not any(scan.hits(all_at_once(served, shadow, logs))):
            return Inspection(reasons=reasons, lost=lost)
        found = tuple(  # 3 passages, places: the exact places
            Breach(passage.side, passage.lane, path, hit, passage.shared, passage.event)
            for passage in passages(served, shadow, logs)
            for hit, path in scan.located(passage.data, passage.subject, own_words=passage.own_words)
        )
        inspection = Inspection(found, reasons, lost)
        self._remember(inspection, served if served.origin is Origin.CONTROL else shadow)  # 4 strays: events that other runs may lack
        return inspection  # 5 report: as divergences, once the runs are compared

    def lost(self, request: RunRequest) -> tuple[Event, ...]:
        """Return the events of this run that control sent to other runs, as far as they were found."""
        return self._strays.of((request.run_id, request.thread_id, self.canary(request))) if self._strays else ()

    def _remember(self, inspection: Inspection, control: RunRecord) -> None:
        strange = {index for index, _ in inspection.cross_talk}
        for one in inspection.breaches:
            if one.side is Origin.CONTROL and one.event in strange and one.hit.what in _OF_A_RUN:
                self._strays.add(one.hit.text, control.events[one.event])

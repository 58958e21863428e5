"""Counts runs without a comparison, for gates. The counts are stored, because metrics do not survive a restart.

If a run was drawn for shadowing, but was then shed, failed or not stored, a gate counts it as divergent. The number of runs that were not
drawn shows how many runs each drawn run represents.

Requests only add a run; another thread writes the counts. If a process is killed, it loses the counts of at most a few seconds.
"""

import time
from collections import Counter, deque
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import Connection, delete

from migration.database import insert_into
from migration.evidence.database import Database
from migration.evidence.key import digest_key
from migration.evidence.redaction import Redactor
from migration.evidence.strata import Places, StrataMaker, places
from migration.evidence.tables import strata_sets, unseen_runs
from migration.model import RunRecord, Stage
from migration.settings import MigrationSettings


class _Unseen(NamedTuple):
    surface: str
    tenant_id: str
    stage: str
    outcome: str
    places: Places
    reason: str
    probability: float


class UnseenRuns:
    """Counts runs without a comparison, and writes the counts.

    Args:
        settings: name the evidence and its key.
        clock: Unix seconds.

    Raises:
        ConfigurationError: the URL of the evidence does not parse or names another database.
    """

    def __init__(self, settings: MigrationSettings, clock: Callable[[], float] = time.time) -> None:
        self._settings, self._clock, self._database = settings, clock, Database(settings.evidence())
        # Any thread may append or take entries without a lock.
        self._waiting: deque[_Unseen] = deque()
        self._counted: Counter[_Unseen] = Counter()

    @cached_property
    def _redactor(self) -> Redactor:
        return Redactor(digest_key(self._settings))

    @cached_property
    def _strata(self) -> StrataMaker:
        return StrataMaker(self._redactor)

    def count(self, record: RunRecord, stage: Stage, reason: str, probability: float = 1.0) -> None:
        """Count the served run. This is quick, because it does not use the database.

        Args:
            record: the served run.
            stage: the stage of the run's plan.
            reason: why there is no comparison; `model.NOT_SAMPLED`: it was not drawn.
            probability: the probability with which the run was drawn for shadowing, or could have been drawn.
        """
        request = record.request
        self._waiting.append(_Unseen(request.surface, request.tenant_id, stage.value, record.outcome, places(record), reason, probability))

    def write(self) -> None:
        """Write the counts since the last call. Only one thread may call this at a time.

        Raises:
            EvidenceError: the database cannot be written; the counts are kept for the next time.
            ConfigurationError: the key of the evidence cannot be read; the counts are kept for the next time.
        """
        while self._waiting:
            self._counted[self._waiting.popleft()] += 1
        if not self._counted:
            return
        rows, sets = [], {}
        for one, runs in self._counted.items():
            digest, strata = self._strata.of(one.surface, one.outcome, one.places)
            sets[digest] = [list(stratum) for stratum in sorted(strata)]
            rows.append(self._row(one) | {"strata": digest, "runs": runs, "at": self._clock()})
        with self._database.transaction("write") as connection:
            known = insert_into(connection, strata_sets).on_conflict_do_nothing()
            connection.execute(known, [{"id": digest, "strata": strata} for digest, strata in sorted(sets.items())])
            connection.execute(unseen_runs.insert(), rows)
        self._counted.clear()

    def _row(self, one: _Unseen) -> dict[str, Any]:
        surface, tenant_id = self._redactor.identifier(one.surface), self._redactor.identifier(one.tenant_id)
        probability = None if one.probability == 1.0 else one.probability
        return {"surface": surface, "tenant_id": tenant_id, "stage": one.stage, "reason": one.reason, "probability": probability}

    def close(self) -> None:
        """Close all connections."""
        self._database.close()


def remove_before(connection: Connection, cutoff: float) -> None:
    """Remove the counts from before `cutoff` (Unix seconds)."""
    connection.execute(delete(unseen_runs).where(unseen_runs.c.at < cutoff))

"""`Production` checks the criteria that need flags, processes, evidence and run stores, but not an audit of the tree."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

from migration.consolidation.removal.manifest import RemovalManifest
from migration.consolidation.removal.readiness import divergence, history, runs
from migration.consolidation.removal.readiness.criteria import Criterion, CriterionName
from migration.consolidation.removal.readiness.processes import processes
from migration.consolidation.removal.readiness.stages import tenant_stages
from migration.errors import EvidenceError, FlagSourceError, LedgerError, OutboxError, ProcessesError, StoreError
from migration.evidence import EvidenceReader
from migration.flags.editors import open_editor
from migration.processes import ProcessTable
from migration.settings import MigrationSettings
from migration.stores import Coverage, Outbox, StoresDatabase, Watch, watch_now

#: Errors that count as "not known". Any other error means a wrong configuration and is raised.
_NO_ANSWER: Final = (EvidenceError, FlagSourceError, LedgerError, OutboxError, ProcessesError, StoreError)


class Production:
    """The facts that are known where the backend runs. A context manager, which closes its databases.

    Args:
        root: the root of the code base, which contains the ledgers.
        manifest: has the thresholds: the number of days without control, and the upper bound of the divergence rate.
        settings: name flags, evidence and run stores.
        now: Unix seconds.

    Raises:
        ConfigurationError: an address in the settings is wrong.
    """

    def __init__(self, root: Path, manifest: RemovalManifest, settings: MigrationSettings, *, now: float) -> None:
        self._root, self._manifest, self._settings, self._now = root, manifest, settings, now
        self._flags = open_editor(settings)
        self._evidence = EvidenceReader.of_settings(settings)
        self._stores = StoresDatabase(settings.outbox())
        self._processes = ProcessTable.reading(settings)

    def __enter__(self) -> Self:
        """Return the object itself; a database is opened when it is first read."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the databases."""
        self._processes.close()
        self._stores.close()
        self._evidence.close()

    def criteria(self, surface: str) -> list[Criterion]:
        """Return every criterion that needs no audit; a criterion that cannot be checked is not met.

        No run is read from a run store.

        Raises:
            UnknownSurfaceError: the manifest has no such surface.
        """
        parts = self._manifest.of(surface)
        return [
            asked("complete", lambda: runs.complete(tenant_stages(self._flags.read(), surface), self._watch(surface))),
            asked("no_legacy_run", lambda: runs.no_legacy_run(self._watch(surface))),
            asked("processes", lambda: processes(surface, self._processes.told(), self._processes.unreadable())),
            asked("strata", lambda: divergence.strata(self._evidence.strata(surface), self._manifest.max_divergence)),
            asked("ledger", lambda: divergence.ledger(divergence.accepted(self._root / parts.ledger))),
            asked("backfill", lambda: self._backfill(surface)),
        ]

    def _watch(self, surface: str) -> Watch:
        return watch_now(self._stores, surface, days=self._manifest.days, now=self._now)

    def _backfill(self, surface: str) -> Criterion:
        coverage = Coverage(self._stores)
        return history.backfill(
            surface,
            kept=bool(self._settings.stores),
            unproved=coverage.unproved_now(surface, "user", most_age_s=math.inf),
            gaps=coverage.gaps_now(surface, "user"),
            lags=Outbox(self._stores).lags_now(),
        )


def asked(name: CriterionName, question: Callable[[], Criterion]) -> Criterion:
    """Return the result of `question`; a criterion that cannot be checked is not met."""
    try:
        return question()
    except _NO_ANSWER as error:
        return Criterion(name=name, met=False, detail=f"It cannot be checked: {error}.", evidence={"error": type(error).__name__})

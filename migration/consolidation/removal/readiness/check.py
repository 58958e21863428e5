"""`RemovalCheck` checks the criteria in `criteria.CRITERIA` for each surface.

A criterion that cannot be checked is not met, and its detail says why.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from migration.consolidation.auditing import AuditProgress, NoProgress, audit
from migration.consolidation.configuration import load_configuration
from migration.consolidation.removal.eyesight.planting import eyesight
from migration.consolidation.removal.manifest import RemovalManifest
from migration.consolidation.removal.readiness import code, history, runs, sight
from migration.consolidation.removal.readiness.criteria import Criterion, SurfaceReadiness
from migration.consolidation.removal.readiness.flag_keys import flag_references
from migration.consolidation.removal.readiness.production import Production, asked
from migration.consolidation.removal.readiness.witness import LegacyRuns, legacy_runs_since
from migration.consolidation.removal.uses import uses_of
from migration.import_strings import load
from migration.settings import MigrationSettings
from migration.stores import DAY_S, Coverage, Outbox, StoresDatabase, recheck_now


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovalCheck:
    """Checks the criteria against the code base and the facts from production."""

    root: Path  #: the root of the code base, with the manifest
    manifest: RemovalManifest
    settings: MigrationSettings  #: name the sources of flags, evidence and runs
    now: float  #: Unix seconds

    def readiness(self, surfaces: Sequence[str], progress: AuditProgress | None = None) -> list[SurfaceReadiness]:
        """Return whether control of these surfaces may be removed, in their order.

        Raises:
            UnknownSurfaceError: the manifest has no such surface.
            ConfigurationError: the audit, or an address in the settings, is configured wrongly.
        """
        by_code = self._code(surfaces, progress or NoProgress())
        with Production(self.root, self.manifest, self.settings, now=self.now) as production:
            return [
                SurfaceReadiness.of(surface, [*(self._looked_up(surface, one) for one in production.criteria(surface)), *by_code[surface]])
                for surface in surfaces
            ]

    def _code(self, surfaces: Sequence[str], progress: AuditProgress) -> dict[str, list[Criterion]]:
        parts = {surface: self.manifest.of(surface) for surface in surfaces}
        root = self.root.resolve()
        configuration = load_configuration(root)
        inventory = audit(root, configuration=configuration, progress=progress)
        visible = eyesight(root, configuration, parts, inventory)
        references = flag_references(root, configuration, surfaces, self.settings.home)
        found = {}
        for surface, own in parts.items():
            uses = uses_of(own, inventory, configuration)
            found[surface] = [
                code.consumers(own, uses, inventory, configuration),
                code.strings(uses),
                code.flags(surface, references[surface]),
                sight.eyesight(visible[surface]),
            ]
        return found

    def _looked_up(self, surface: str, found: Criterion) -> Criterion:
        """Return the criterion. If it is about the run stores and is met so far, it is also checked by reading the stores."""
        if not found.met or not self.settings.stores:
            return found
        if found.name == "no_legacy_run":
            return self._witnessed(surface, found)
        return self._proved(surface, found) if found.name == "backfill" else found

    def _proved(self, surface: str, found: Criterion) -> Criterion:
        database = StoresDatabase(self.settings.outbox())

        def ask() -> Criterion:
            opener = load(self.settings.stores, self.settings.import_path)
            reason = recheck_now(opener, surface, "user", Coverage(database), Outbox(database), keep=False)
            return history.rechecked(surface, found, reason)

        with closing(database):
            return asked("backfill", ask)

    def _witnessed(self, surface: str, told: Criterion) -> Criterion:
        """Return the tombstones' report about control's runs, checked against the legacy store."""
        since = (int(self.now // DAY_S) - self.manifest.days) * float(DAY_S)

        def ask() -> Criterion:
            found: LegacyRuns = legacy_runs_since(load(self.settings.stores, self.settings.import_path), surface, since)
            return runs.confirmed(told, found)

        return asked("no_legacy_run", ask)

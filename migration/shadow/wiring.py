"""The parts of a worker as the settings name them. Imported by workers alone: it brings the comparison and the database along."""

from migration.comparison import Comparer, aligned_events
from migration.errors import Operation
from migration.evidence import EvidenceStore, digest_key
from migration.isolation import Canaries, Inspector
from migration.recordings import write_line
from migration.settings import MigrationSettings
from migration.shadow.parts import Parts, load


def default_parts(settings: MigrationSettings) -> Parts:
    """Return what the settings name: the engines, the comparison with its ledgers, and the evidence store.

    Raises:
        ConfigurationError: an import string, a ledger, the evidence store's address or its key is wrong.
    """
    failures: list[Operation] = []
    comparer = Comparer.from_settings(settings, lambda operation, _error: failures.append(operation))
    return Parts(
        build=load(settings.engines),
        compare=lambda job, shadow: comparer.compare(job.record, shadow, stage=job.stage),
        sink=EvidenceStore.for_writing(settings, align=aligned_events, record=write_line),
        failures=failures,
        inspector=Inspector(Canaries(digest_key(settings))),
    )

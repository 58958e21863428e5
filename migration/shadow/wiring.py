"""The parts of a worker or a replay as the settings name them. Imported by those alone: it brings the comparison and the database along."""

from dataclasses import replace

from migration.comparison import Comparer, aligned_events
from migration.effects import BLOCK, MissPolicy, Reads
from migration.errors import ConfigurationError, Operation
from migration.evidence import EvidenceStore, digest_key
from migration.isolation import Canaries, Inspector
from migration.model import EngineBuilder, ReadingEngines
from migration.recordings import write_line
from migration.settings import MigrationSettings
from migration.shadow.noise_floors import NoiseFloors
from migration.shadow.parts import Parts, load


def default_parts(settings: MigrationSettings) -> Parts:
    """Return what the settings name: the engines, the comparison with its ledgers, and the evidence store.

    Raises:
        ConfigurationError: an import string, a ledger, the evidence store's address or its key is wrong.
    """
    failures: list[Operation] = []

    def failed(operation: Operation, _error: BaseException) -> None:
        failures.append(operation)

    build, misses = _engines(settings)
    store = EvidenceStore.for_writing(settings, align=aligned_events, record=write_line)
    comparer = Comparer.from_settings(settings, failed, noise=NoiseFloors(store.noise, failed))
    return Parts(
        build=build,
        compare=lambda job, shadow: comparer.compare(job.record, shadow, stage=job.stage),
        sink=store,
        failures=failures,
        rounds=store,
        noise_percent=settings.noise_sampling,
        inspector=Inspector(Canaries(digest_key(settings))),
        misses=misses,
    )


def _engines(settings: MigrationSettings) -> tuple[EngineBuilder, MissPolicy]:
    """Return what makes engines, and what they may perform. Only when misses are allowed have they anything of the outside at all."""
    if settings.miss_policy == "block":
        build: EngineBuilder = load(settings.engines)
        return build, BLOCK
    try:
        engines: ReadingEngines = load(settings.reading_engines)()
    except ConfigurationError:
        raise
    except Exception as error:
        raise ConfigurationError(f"{settings.reading_engines!r} gives no engines that may read: {error}") from error
    reads = Reads(timeout_s=settings.miss_timeout_s)
    return engines, MissPolicy(read_only=engines.read_only, budget=settings.miss_budget, perform=reads.perform, stuck=reads.stuck)


def replay_parts(settings: MigrationSettings, *, store: bool) -> Parts:
    """Return the parts of a replay of recordings: what it finds depends on the recordings and the ledger alone, not on rates of live runs.

    Args:
        settings: as of `default_parts`, and the errors are the same.
        store: whether what is found becomes evidence.
    """
    comparer = Comparer.from_settings(settings, lambda _operation, _error: None)
    parts = default_parts(settings)
    return replace(
        parts,
        compare=lambda job, shadow: comparer.compare(job.record, shadow, stage=job.stage),
        sink=parts.sink if store else None,
        rounds=None,
    )

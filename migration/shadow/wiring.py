"""The parts of a worker or a replay that the settings name.

Only workers and replays import this module, because it imports the comparison and the database.
"""

from dataclasses import replace
from typing import NoReturn

from migration.comparison import Comparer, EventRow, aligned_events
from migration.errors import Operation
from migration.evidence import EvidenceStore, digest_key
from migration.isolation import Canaries, Inspector
from migration.model import Comparison, Origin, RunRecord
from migration.processes import code_version, engines_build
from migration.recordings import write_line
from migration.settings import MigrationSettings
from migration.shadow.engines import default_engines
from migration.shadow.noise_floors import NoiseFloors
from migration.shadow.parts import Parts


def default_parts(settings: MigrationSettings) -> Parts:
    """Return the parts that the settings name: the engines, the comparison with its ledgers, and the evidence store.

    Raises:
        ConfigurationError: an import string, a ledger, the evidence store's address or its key is wrong.
    """
    engines = default_engines(settings)
    return replace(judging_parts(settings), build=engines.build, misses=engines.misses)


def judging_parts(settings: MigrationSettings) -> Parts:
    """Return the comparison with its ledgers, and the evidence store; engines run in another process.

    Raises:
        ConfigurationError: a ledger, the evidence store's address or its key is wrong.
    """
    failures: list[Operation] = []

    def failed(operation: Operation, _error: BaseException) -> None:
        failures.append(operation)

    def aligned(control: RunRecord, candidate: RunRecord, comparison: Comparison) -> list[EventRow]:
        return aligned_events(control, candidate, comparison, policy=comparer.policy(control.request.surface))

    store = EvidenceStore.for_writing(settings, align=aligned, record=write_line)
    noise = NoiseFloors(store.noise, failed)
    comparer = Comparer.from_settings(settings, failed, noise=noise, build=engines_build(settings), tool=code_version())
    return Parts(
        build=_elsewhere,
        compare=lambda job, shadow: comparer.compare(job.record, shadow, stage=job.stage, cross_talk=job.cross_talk, lost=job.lost),
        sink=store,
        failures=failures,
        rounds=store,
        detections=store,
        noise_percent=settings.noise_sampling,
        inspector=Inspector(Canaries(digest_key(settings))),
    )


def _elsewhere(_surface: str, _origin: Origin, /) -> NoReturn:
    raise RuntimeError("engines do not run in the process that judges")


def replay_parts(settings: MigrationSettings, *, store: bool) -> Parts:
    """Return the parts of a replay of recordings: its findings depend only on the recordings and the ledger, not on rates of live runs.

    Args:
        settings: the same as for `default_parts`; it raises the same errors.
        store: whether findings are stored as evidence.
    """
    comparer = Comparer.from_settings(settings, lambda _operation, _error: None, build=engines_build(settings), tool=code_version())
    parts = default_parts(settings)
    return replace(
        parts,
        compare=lambda job, shadow: comparer.compare(job.record, shadow, stage=job.stage, cross_talk=job.cross_talk, lost=job.lost),
        sink=parts.sink if store else None,
        rounds=None,
        detections=None,
    )

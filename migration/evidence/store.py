"""`EvidenceStore`: comparisons in, answers out."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence

from migration.evidence import noise, reading, writing
from migration.evidence.database import IN_MEMORY, Database
from migration.evidence.excerpt import Aligner
from migration.evidence.key import digest_key
from migration.evidence.latency import slower_pairs
from migration.evidence.recordings import Recorder, WriteLine
from migration.evidence.redaction import Redactor
from migration.evidence.rows import Finding, RowMaker, ServedRun
from migration.evidence.strata import StrataMaker, read_strata
from migration.evidence.views import (
    ComparisonView,
    DivergenceDetail,
    DivergenceView,
    NoiseView,
    StoredRecording,
    StrataView,
    SurfaceSummary,
)
from migration.model import Comparison, DivergenceKind, RunRecord, Verdict
from migration.settings import MigrationSettings

_BATCH = 200


class EvidenceReader:
    """Answers from the evidence. Threads may share it; it connects on first use, and again after a failure.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL.

    Raises:
        ConfigurationError: the URL does not parse or names another database.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    @classmethod
    def of_settings(cls, settings: MigrationSettings) -> "EvidenceReader":
        """Return a reader of the configured evidence. A file that is not there yet is not made: then all answers are empty.

        Raises:
            ConfigurationError: see the class.
        """
        reader = EvidenceReader(settings.evidence())
        file = reader._database.file
        return reader if file is None or file.exists() else EvidenceReader(IN_MEMORY)

    def surfaces(self) -> list[str]:
        """Return the surfaces that have comparisons.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            return reading.surfaces(connection)

    def summary(self, surface: str) -> SurfaceSummary:
        """Return what is known about one surface; all zero when nothing is.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            return reading.summary(connection, surface)

    def divergences(
        self, surface: str | None = None, verdict: Verdict | None = None, kind: DivergenceKind | None = None, limit: int = 50
    ) -> list[DivergenceView]:
        """Return kinds of divergences, the most frequent first. None as a filter means any; `verdict` is that of the last occurrence.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            return reading.divergences(connection, surface=surface, verdict=verdict, kind=kind, limit=limit)

    def divergence(self, fingerprint: str, surface: str | None = None) -> DivergenceDetail | None:
        """Return a kind of divergence with examples; None when there is no such kind.

        Args:
            fingerprint: 12 hex digits.
            surface: None: of several surfaces that have it, the one that saw it last.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            return reading.divergence(connection, fingerprint, surface)

    def comparisons(
        self,
        surface: str | None = None,
        verdict: Verdict | None = None,
        *,
        tenant_id: str | None = None,
        run_id: str | None = None,
        fingerprint: str | None = None,
        limit: int = 50,
    ) -> list[ComparisonView]:
        """Return comparisons, the newest first. None as a filter means any.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            return reading.list_comparisons(
                connection, surface=surface, verdict=verdict, tenant_id=tenant_id, run_id=run_id, fingerprint=fingerprint, limit=limit
            )

    def recordings(self, fingerprint: str | None = None, surface: str | None = None) -> list[StoredRecording]:
        """Return the served runs that are kept whole, the oldest first. None as a filter means any.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            return reading.list_recordings(connection, surface=surface, fingerprint=fingerprint)

    def noise(self, surface: str) -> NoiseView:
        """Return what a surface's engines showed against themselves.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            return noise.noise(connection, surface)

    def slower_pairs(self, surface: str, metric: str, *, excess_s: float, ratio: float) -> tuple[int, int, int]:
        """Return in how many comparisons candidate was slower, in how many control was, and how many there are; see `evidence.latency`.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            return slower_pairs(connection, surface, metric, excess_s=excess_s, ratio=ratio)

    def strata(self, surface: str) -> StrataView:
        """Return how many runs of each stratum were compared, and how many diverged there; see `evidence.strata`.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            return read_strata(connection, surface)

    def close(self) -> None:
        """Close all connections. The next question connects anew."""
        self._database.close()


class EvidenceStore(EvidenceReader):
    """What is known about divergences, kept.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL; the tables are made and upgraded by itself.
        redactor: decides what stays readable of what is stored.
        clock: Unix seconds.
        align: aligns two streams for the excerpts kept with examples, like `comparison.aligned_events`; None: no excerpts are kept.
        examples: occurrences of each kind of divergence whose values are kept.
        record: writes a served run down whole, like `recordings.write_line`; None: no run is kept whole.
        recordings: runs kept whole of each kind of divergence, of tenants that allow their texts.

    Raises:
        ConfigurationError: the URL does not parse or names another database.
    """

    def __init__(
        self,
        url: str,
        redactor: Redactor,
        clock: Callable[[], float] = time.time,
        *,
        align: Aligner | None = None,
        examples: int = 5,
        record: WriteLine | None = None,
        recordings: int = 3,
    ) -> None:
        super().__init__(url)
        self._recorder = Recorder(redactor, record, each=recordings)
        self._rows = RowMaker(redactor, align)
        self._strata, self._generation = StrataMaker(redactor), 0
        self._clock, self._examples = clock, examples

    @classmethod
    def for_writing(cls, settings: MigrationSettings, *, align: Aligner | None = None, record: WriteLine | None = None) -> "EvidenceStore":
        """Return the configured store.

        Raises:
            ConfigurationError: see the class; or the digest key cannot be read or made, or others may read it.
        """
        redactor = Redactor(digest_key(settings), settings.plaintext_tenants)
        return EvidenceStore(settings.evidence(), redactor, align=align, record=record, recordings=settings.recordings_per_divergence)

    def store(self, served: ServedRun, shadow: RunRecord, comparison: Comparison) -> bool:
        """Store one comparison and return whether it was new; see `store_many`.

        Raises:
            EvidenceError: it could not be stored; nothing of it is.
        """
        return self.store_many([(served, shadow, comparison)]) == 1

    def store_many(self, items: Iterable[tuple[ServedRun, RunRecord, Comparison]]) -> int:
        """Store comparisons, committing every 200, and return how many were new: one of the same surface, run and shadow is stored once.

        Raises:
            EvidenceError: the database is full, locked or gone. Whole batches before the failing one are stored; storing all again is safe.
        """
        findings = [Finding(*item) for item in items]
        new = 0
        for start in range(0, len(findings), _BATCH):
            new += self._store_batch(findings[start : start + _BATCH])
        return new

    def _store_batch(self, findings: Sequence[Finding]) -> int:
        with self._database.transaction("write") as connection:
            if self._generation != self._database.generation:
                self._generation = self._database.generation
                self._strata.forget()
            now, examples = self._clock(), self._examples
            new = writing.write(connection, findings, self._rows, self._strata, self._recorder, now=now, examples=examples)
        self._strata.stored()
        return new

    def store_round(self, surface: str, *, control: Collection[str], candidate: Collection[str]) -> None:
        """Count one round in which each engine was compared with itself, and the fingerprints that it showed.

        Raises:
            EvidenceError: it could not be stored.
        """
        ours, theirs = ({self._rows.fingerprint(one) for one in found} for found in (control, candidate))
        with self._database.transaction("write") as connection:
            noise.add_round(connection, self._rows.surface(surface), control=ours, candidate=theirs, now=self._clock())

    def prune(self, older_than_s: float) -> int:
        """Remove comparisons, kinds of divergences not seen since, and noise, that are older; return how many comparisons were removed.

        Raises:
            EvidenceError: the database cannot be written.
        """
        cutoff = self._clock() - older_than_s
        with self._database.transaction("prune") as connection:
            noise.remove_before(connection, cutoff)
            return writing.remove_before(connection, cutoff)

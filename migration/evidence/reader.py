"""`EvidenceReader`: reads the evidence. It is separate from the writing part, so that a command that only reads starts faster."""

from migration.evidence import noise, reading
from migration.evidence.database import IN_MEMORY, Database
from migration.evidence.latency import slower_pairs
from migration.evidence.strata import read_strata
from migration.evidence.views import (
    ComparisonView,
    DivergenceDetail,
    DivergenceView,
    NoiseView,
    StoredRecording,
    StrataView,
    SurfaceSummary,
)
from migration.model import DivergenceKind, Verdict
from migration.settings import MigrationSettings


class EvidenceReader:
    """Answers questions from the evidence. Threads may share it; it connects on first use, and again after a failure.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL.

    Raises:
        ConfigurationError: the URL does not parse or names another database.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)

    @classmethod
    def of_settings(cls, settings: MigrationSettings) -> "EvidenceReader":
        """Return a reader of the configured evidence. A file that does not exist yet is not made: then all answers are empty.

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
        """Return what is known about one surface; all zero if nothing is.

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
        """Return a kind of divergence with examples; None if the kind does not exist.

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
        """Return the served runs that are stored as a whole, the oldest first. None as a filter means any.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            return reading.list_recordings(connection, surface=surface, fingerprint=fingerprint)

    def noise(self, surface: str) -> NoiseView:
        """Return the noise of a surface's engines, each compared with itself.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            return noise.noise(connection, surface)

    def slower_pairs(self, surface: str, metric: str, *, excess_s: float, ratio: float) -> tuple[int, int, int]:
        """Return the numbers of comparisons with a slower candidate, with a slower control, and in total; see `evidence.latency`.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            return slower_pairs(connection, surface, metric, excess_s=excess_s, ratio=ratio)

    def strata(self, surface: str) -> StrataView:
        """Return how many runs of each stratum were compared, and how many of them diverged; see `evidence.strata`.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            return read_strata(connection, surface)

    def close(self) -> None:
        """Close all connections. The next call connects again."""
        self._database.close()

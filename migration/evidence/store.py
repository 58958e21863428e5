"""`EvidenceStore`: stores comparisons and answers questions."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from sqlalchemy.exc import OperationalError

from migration.errors import EvidenceError
from migration.evidence import noise, unseen, writing
from migration.evidence.detections import add_detections, read_detections
from migration.evidence.excerpt import Aligner
from migration.evidence.key import digest_key
from migration.evidence.reader import EvidenceReader
from migration.evidence.recordings import Recorder, WriteLine
from migration.evidence.redaction import Redactor
from migration.evidence.rows import ComparedRuns, RowMaker, ServedRun
from migration.evidence.strata import StrataMaker
from migration.model import Basis, Comparison, RunRecord
from migration.settings import MigrationSettings

_BATCH = 200
_Item = tuple[ServedRun, RunRecord, Comparison]


class EvidenceStore(EvidenceReader):
    """Stores what is known about divergences.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL; the tables are made and upgraded automatically.
        redactor: decides what stays readable.
        clock: Unix seconds.
        align: aligns two streams for the excerpts kept with examples, like `comparison.aligned_events`; None: no excerpts are kept.
        examples: occurrences of each kind of divergence whose values are stored.
        record: writes a served run as a whole, like `recordings.write_line`; None: no run is stored as a whole.
        recordings: runs stored as a whole for each kind of divergence, of tenants that allow their texts.

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
            ConfigurationError: the URL is wrong, the digest key cannot be read or made, or other users may read the key.
        """
        redactor = Redactor(digest_key(settings), settings.plaintext_tenants)
        return EvidenceStore(settings.evidence(), redactor, align=align, record=record, recordings=settings.recordings_per_divergence)

    def store(self, served: ServedRun, shadow: RunRecord, comparison: Comparison) -> bool:
        """Store one comparison and return whether it was new; see `store_many`.

        Raises:
            EvidenceError: it could not be stored, not even in part.
        """
        return self.store_many([(served, shadow, comparison)]) == 1

    def store_many(self, items: Iterable[_Item]) -> int:
        """Store comparisons, with a commit every 200, and return how many were new: each surface, run and shadow has at most one.

        Raises:
            EvidenceError: the database is full, locked or missing. Complete batches before the failing one are stored; storing all again is
                safe.
        """
        findings = [ComparedRuns(*item) for item in items]
        return sum(new for start in range(0, len(findings), _BATCH) for new in self._store_batch(findings[start : start + _BATCH]))

    def store_each(self, items: Sequence[_Item]) -> list[bool | Exception]:
        """Store comparisons in one transaction, and return for each whether it was new, or why it was not stored.

        If this fails because of one comparison's content, each comparison is stored separately. If the database fails, none is stored.
        """
        try:
            return [*self._store_batch([ComparedRuns(*item) for item in items])]
        except Exception as error:  # noqa: BLE001 - returned for each comparison that it keeps from being stored
            if len(items) == 1 or _is_of_the_database(error):
                return [error] * len(items)
        return [outcome for item in items for outcome in self.store_each([item])]

    def _store_batch(self, findings: Sequence[ComparedRuns]) -> list[bool]:
        with self._database.transaction("write") as connection:
            if self._generation != self._database.generation:
                self._generation = self._database.generation
                self._strata.forget()
                self._rows.bases.forget()
            now, examples = self._clock(), self._examples
            new = writing.write(connection, findings, self._rows, self._strata, self._recorder, now=now, examples=examples)
        self._strata.stored()
        self._rows.bases.stored()
        return new

    def store_round(self, surface: str, run_id: str, *, control: Collection[str], candidate: Collection[str]) -> None:
        """Count one round in which each engine was compared with itself, and its fingerprints. The round of a run is counted once.

        Raises:
            EvidenceError: it could not be stored.
        """
        control_rows, candidate_rows = ({self._rows.fingerprint(one) for one in found} for found in (control, candidate))
        with self._database.transaction("write") as connection:
            noise.add_round(
                connection,
                self._rows.surface(surface),
                self._rows.digest(run_id),
                control=control_rows,
                candidate=candidate_rows,
                now=self._clock(),
            )

    def detections(self, surface: str, basis: Basis) -> int:
        """Return how many differences were injected with this basis.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            return read_detections(connection, self._rows.surface(surface), self._rows.bases.row(basis)["basis"]).injected

    def store_detections(self, surface: str, basis: Basis, found: Mapping[str, tuple[int, int]]) -> None:
        """Add to the counts of injected differences, by kind: how many were injected, and how many of these the comparison saw.

        Raises:
            EvidenceError: they could not be stored.
        """
        digest = self._rows.bases.row(basis)["basis"]
        with self._database.transaction("write") as connection:
            add_detections(connection, self._rows.surface(surface), str(digest), found)

    def prune(self, older_than_s: float) -> int:
        """Remove old comparisons, old noise, and kinds of divergences that were not seen since; return how many comparisons were removed.

        Raises:
            EvidenceError: the database cannot be written.
        """
        cutoff = self._clock() - older_than_s
        with self._database.transaction("prune") as connection:
            noise.remove_before(connection, cutoff)
            unseen.remove_before(connection, cutoff)
            return writing.remove_before(connection, cutoff)


def _is_of_the_database(error: Exception) -> bool:
    """Return whether the database cannot be used at all. If so, it is not tried again for each comparison, which would take very long."""
    return isinstance(error, EvidenceError) and isinstance(error.__cause__, OperationalError | OSError)

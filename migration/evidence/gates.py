"""What a gate reads: comparisons and unseen runs of one stage, each once, in the order in which they were stored.

A reader remembers how far it has read. Ids of PostgreSQL are given before they are committed, so a smaller one can appear after a larger
one. Therefore a reader first waits, for a moment, until no transaction is writing, and reads up to the last id of that moment. SQLite has
one writer at a time, so there is nothing to wait for.
"""

from collections.abc import Iterator
from typing import NamedTuple
from uuid import uuid4

from sqlalchemy import Connection, Table, delete, func, select, text

from migration.database import IN_MEMORY, insert_into
from migration.evidence.bases import read_bases
from migration.evidence.database import Database
from migration.evidence.detections import Detections, read_detections
from migration.evidence.noise import rounds
from migration.evidence.strata import Stratum
from migration.evidence.tables import comparisons, standings, strata_sets, unseen_runs
from migration.model import Basis, Stage
from migration.settings import MigrationSettings

_COMPARED, _UNSEEN, _KEPT = comparisons.c, unseen_runs.c, standings.c
_CHUNK = 20_000
#: If a writer, such as a pruning, takes longer than this, the gate holds.
_LOCK_MS = 2_000


class ComparedRow(NamedTuple):
    """A comparison, as far as a gate needs it."""

    id: int
    tenant_id: str
    verdict: str
    control_duration_s: float
    candidate_duration_s: float
    control_outcome: str | None
    candidate_outcome: str | None
    severities: str | None
    breach: bool | None
    strata: str | None
    touched: str | None
    basis: str | None
    compared_at: float
    probability: float | None  #: None: 1


class UnseenRow(NamedTuple):
    """Runs without a comparison."""

    id: int
    tenant_id: str
    strata: str | None
    runs: int
    reason: str
    probability: float | None  #: None: 1


class Place(NamedTuple):
    """How far a reader has read: the last id of each table."""

    compared: int = 0
    unseen: int = 0


class GateReader:
    """Reads the evidence of gates. Only one thread may use it at a time.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL.

    Raises:
        ConfigurationError: the URL does not parse or names another database.
    """

    def __init__(self, url: str) -> None:
        self._database = Database(url)
        self._sets: dict[str, tuple[Stratum, ...]] = {}
        self._bases: dict[str, Basis] = {}

    @classmethod
    def of_settings(cls, settings: MigrationSettings) -> "GateReader":
        """Return a reader of the configured evidence. A file that does not exist yet is not made: then nothing was compared.

        Raises:
            ConfigurationError: see the class.
        """
        reader = GateReader(settings.evidence())
        file = reader._database.file
        return reader if file is None or file.exists() else GateReader(IN_MEMORY)

    def end(self) -> Place:
        """Return the place up to which everything is stored.

        Raises:
            EvidenceError: the database cannot be read, or is written for too long.
        """
        with self._database.transaction("read") as connection:
            if connection.dialect.name != "sqlite":
                connection.execute(text(f"SET LOCAL lock_timeout = {_LOCK_MS}"))
                connection.execute(text(f"LOCK TABLE {comparisons.name}, {unseen_runs.name} IN SHARE MODE"))
            return Place(_last(connection, comparisons), _last(connection, unseen_runs))

    def compared(self, surface: str, stage: Stage, since: float, after: int, to: int) -> Iterator[ComparedRow]:
        """Yield the comparisons of runs that were planned at this stage and received since then, with ids above `after`, up to `to`.

        Raises:
            EvidenceError: the database cannot be read.
        """
        columns = [_COMPARED[name] for name in ComparedRow._fields]
        # Only new rows are needed, and they are found by id. `coalesce` prevents SQLite from reading all rows of the surface through an
        # index.
        here = (func.coalesce(_COMPARED.surface, "") == surface, _COMPARED.stage == stage.value)
        wanted = (*here, _COMPARED.received_at >= since, _COMPARED.id <= to)
        while True:
            query = select(*columns).where(*wanted, _COMPARED.id > after).order_by(_COMPARED.id).limit(_CHUNK)
            with self._database.transaction("read") as connection:
                rows = connection.execute(query).all()
            yield from map(ComparedRow._make, rows)
            if len(rows) < _CHUNK:
                return
            after = rows[-1].id

    def unseen(self, surface: str, stage: Stage, since: float, after: int, to: int) -> list[UnseenRow]:
        """Return the unseen runs of this stage that were counted since then, with ids above `after`, up to `to`.

        Raises:
            EvidenceError: the database cannot be read.
        """
        columns = [_UNSEEN[name] for name in UnseenRow._fields]
        wanted = (_UNSEEN.surface == surface, _UNSEEN.stage == stage.value, _UNSEEN.at >= since, _UNSEEN.id > after, _UNSEEN.id <= to)
        with self._database.transaction("read") as connection:
            return [UnseenRow(*row) for row in connection.execute(select(*columns).where(*wanted).order_by(_UNSEEN.id))]

    def strata(self, digest: str) -> tuple[Stratum, ...]:
        """Return the strata of a set; () if it is not known.

        Raises:
            EvidenceError: the database cannot be read.
        """
        if digest not in self._sets:
            with self._database.transaction("read") as connection:
                rows = connection.execute(select(strata_sets)).all()
            self._sets |= {row.id: tuple(Stratum(*parts) for parts in row.strata) for row in rows}
        return self._sets.setdefault(digest, ())

    def basis(self, digest: str) -> Basis | None:
        """Return a basis; None: it is not known.

        Raises:
            EvidenceError: the database cannot be read.
        """
        if digest not in self._bases:
            with self._database.transaction("read") as connection:
                self._bases = read_bases(connection)
        return self._bases.get(digest)

    def detections(self, surface: str, basis: str | None) -> Detections:
        """Return how many differences were injected with the basis of this digest, and how many of these were seen.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            return read_detections(connection, surface, basis)

    def noise_rounds(self, surface: str) -> int:
        """Return in how many rounds the surface's engines were compared with themselves.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            return rounds(connection, surface)

    def kept_mark(self, surface: str, step: str) -> str | None:
        """Return the mark of the kept state of a step; None: none is kept.

        Raises:
            EvidenceError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            mark: str | None = connection.execute(select(_KEPT.mark).where(_KEPT.surface == surface, _KEPT.step == step)).scalar()
        return mark

    def kept(self, surface: str, step: str) -> tuple[str, bytes] | None:
        """Return the mark and the state that were kept for a step; None: none are kept, or rows that they count were erased or pruned.

        Raises:
            EvidenceError: the database cannot be read.
        """
        query = select(_KEPT.mark, _KEPT.state).where(_KEPT.surface == surface, _KEPT.step == step)
        with self._database.transaction("read") as connection:
            row = connection.execute(query).first()
        return None if row is None else (row.mark, row.state)

    def keep(self, surface: str, step: str, state: bytes, *, before: str | None) -> str | None:
        """Keep the state of a step, remove other states of the surface, and return the mark.

        Args:
            surface: the step's surface.
            step: its name.
            state: counts of what was read.
            before: the mark of the state that this one continues; None: all rows were read for it.

        Returns:
            None: this state was not kept, because another process kept a state meanwhile, or because the state that it continues was
                erased.

        Raises:
            EvidenceError: the database cannot be written.
        """
        mark = uuid4().hex
        with self._database.transaction("write") as connection:
            row = {"surface": surface, "step": step, "mark": mark, "state": state}
            here = (_KEPT.surface == surface, _KEPT.step == step)
            if before is None:
                first = insert_into(connection, standings).values(row).on_conflict_do_nothing().returning(_KEPT.mark)
                done = connection.execute(first).first() is not None
            else:
                again = standings.update().where(*here, _KEPT.mark == before).values(mark=mark, state=state)
                done = connection.execute(again).rowcount == 1
            if not done:
                return None
            connection.execute(delete(standings).where(_KEPT.surface == surface, _KEPT.step != step))
        return mark

    def close(self) -> None:
        """Close all connections. The next call connects again."""
        self._database.close()


def _last(connection: Connection, table: Table) -> int:
    return connection.execute(select(func.max(table.c.id))).scalar() or 0

"""Reads and writes the reports of processes, one transaction at a time."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, or_, select, text, update

from migration.database import SqlDatabase, insert_into
from migration.errors import ProcessesError
from migration.processes.identity import birth, is_here, is_this_boot, this_host
from migration.processes.row import LOST_AFTER_S, SILENT_AFTER_S, ProcessRow, Told, Unreadable, decode_row, encode_row
from migration.processes.tables import known_tenants, prepare, processes
from migration.settings import MigrationSettings

DAY_S = 86_400
_WAIT_S = 2.0
_KEPT_S = 7 * DAY_S


class ProcessTable:
    """The rows of all processes. Threads may share one object. It connects on first use, and waits at most 2 s for each answer.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL.

    Raises:
        ConfigurationError: the URL does not parse or names another database.
    """

    def __init__(self, url: str) -> None:
        self.database = SqlDatabase(
            url,
            holds="what is known about processes",
            setting="NETRA_MIGRATION_EVIDENCE_URL",
            prepare=prepare,
            error=ProcessesError,
            wait_s=_WAIT_S,
        )
        self._makes = True

    @classmethod
    def reading(cls, settings: MigrationSettings) -> "ProcessTable":
        """Return the table of the migration's own database. A file that does not exist yet is not created, and then no process is known.

        Raises:
            ConfigurationError: see the class.
        """
        table = ProcessTable(settings.evidence())
        table._makes = False
        return table

    def beat(self, rows: Sequence[ProcessRow]) -> None:
        """Write these rows; each replaces the last row of its process.

        Raises:
            ProcessesError: the database cannot be written.
        """
        with self.database.transaction("write") as connection:
            seen_at = _now(connection)
            for row in rows:
                values = {"host": row.host, "pid": row.pid, "birth": row.birth, "parent_id": row.parent_id}
                values |= {"seen_at": seen_at, "ended_at": None, "ended": None, "row": encode_row(row).decode()}
                _upsert(connection, {"process_id": row.process_id}, values)

    def ended(self, process_ids: Sequence[str], how: str) -> list[str]:
        """Record that these processes ended, and return those whose end was not recorded before.

        Raises:
            ProcessesError: the database cannot be written.
        """
        first: list[str] = []
        if not process_ids:
            return first
        with self.database.transaction("write") as connection:
            now = _now(connection)
            for process_id in process_ids:
                one = processes.c.process_id == process_id
                done = update(processes).where(one, processes.c.ended.is_(None)).values(ended=how, ended_at=now)
                if connection.execute(done).rowcount:
                    first.append(process_id)
        return first

    def told(self) -> list[Told]:
        """Return all processes of the last seven days, the oldest row last, including those that have ended.

        Raises:
            ProcessesError: the database cannot be read.
        """
        now, found = self._rows()
        return [
            Told(row=row, age_s=max(0.0, now - it.seen_at), state=_state(it, now), noted=it.ended is not None)
            for it, row in found
            if row is not None
        ]

    def unreadable(self) -> list[Unreadable]:
        """Return the processes that may run and whose rows another version wrote in another form.

        Raises:
            ProcessesError: the database cannot be read.
        """
        now, found = self._rows()
        return [Unreadable(host=it.host, pid=it.pid) for it, row in found if row is None and _state(it, now) in {"live", "silent"}]

    def _rows(self) -> tuple[float, list[tuple[Any, ProcessRow | None]]]:
        """Return the current time of the database, and the rows of the last seven days; None: a row cannot be read."""
        if self._absent():
            return time.time(), []
        with self.database.transaction("read") as connection:
            now = _now(connection)
            asked = select(processes).where(processes.c.seen_at >= now - _KEPT_S).order_by(processes.c.seen_at.desc())
            return now, [(row, decode_row(row.row)) for row in connection.execute(asked)]

    def now(self) -> float:
        """Return Unix seconds by the clock of `age_s`: the database server's, or this host's for a file.

        Raises:
            ProcessesError: the database cannot be read.
        """
        if self._absent():
            return time.time()
        with self.database.transaction("read") as connection:
            return _now(connection)

    def forget_old(self) -> None:
        """Remove processes that wrote no row for seven days, and tenants that were not served for thirty days.

        Raises:
            ProcessesError: the database cannot be written.
        """
        with self.database.transaction("prune") as connection:
            now = _now(connection)
            connection.execute(processes.delete().where(processes.c.seen_at < now - _KEPT_S))
            connection.execute(known_tenants.delete().where(known_tenants.c.seen_day < int(now // DAY_S) - KNOWN_DAYS))

    def saw(self, tenants: Mapping[str, str]) -> None:
        """Record that these tenants were served today.

        Args:
            tenants: id -> attributes as JSON.

        Raises:
            ProcessesError: the database cannot be written; no tenant was recorded.
        """
        with self.database.transaction("write") as connection:
            today = int(_now(connection) // DAY_S)
            rows = [{"tenant_id": one, "attributes": attributes, "seen_day": today} for one, attributes in tenants.items()]
            put = insert_into(connection, known_tenants)
            new = {"attributes": put.excluded.attributes, "seen_day": put.excluded.seen_day}
            changed = or_(known_tenants.c.attributes != put.excluded.attributes, known_tenants.c.seen_day < put.excluded.seen_day)
            connection.execute(put.on_conflict_do_update(index_elements=["tenant_id"], set_=new, where=changed), rows)

    def seen_tenants(self, after: str = "", limit: int = 1000) -> list[tuple[str, str]]:
        """Return the next tenants served within 30 days, sorted by id, and their attributes as JSON; [] after the last.

        Raises:
            ProcessesError: the database cannot be read.
        """
        if self._absent():
            return []
        with self.database.transaction("read") as connection:
            first_day = int(_now(connection) // DAY_S) - KNOWN_DAYS
            asked = select(known_tenants.c.tenant_id, known_tenants.c.attributes).order_by(known_tenants.c.tenant_id).limit(limit)
            asked = asked.where(known_tenants.c.tenant_id > after, known_tenants.c.seen_day >= first_day)
            return [(row.tenant_id, row.attributes) for row in connection.execute(asked)]

    def forget_tenant(self, tenant_id: str) -> bool:
        """Remove the tenant from the known tenants; return whether it was known.

        Raises:
            ProcessesError: the database cannot be written.
        """
        if self._absent():
            return False
        with self.database.transaction("write") as connection:
            return bool(connection.execute(known_tenants.delete().where(known_tenants.c.tenant_id == tenant_id)).rowcount)

    def _absent(self) -> bool:
        """Return whether the file does not exist yet and this object must not create it. This is checked each time, because another process
        may create the file.
        """
        return not self._makes and self.database.file is not None and not self.database.file.exists()

    def close(self) -> None:
        """Close all connections. The next read or write connects again."""
        self.database.close()


KNOWN_DAYS = 30
"""A tenant that was served within this many days is a known tenant."""


def _upsert(connection: Connection, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    put = insert_into(connection, processes).values(**key, **values)
    connection.execute(put.on_conflict_do_update(index_elements=list(key), set_=dict(values)))


def _now(connection: Connection) -> float:
    """Return Unix seconds by one clock that is the same for all hosts."""
    if connection.dialect.name == "sqlite":
        return time.time()
    return float(connection.execute(text("SELECT extract(epoch FROM clock_timestamp())")).scalar_one())


def _state(row: Any, now: float) -> Any:  # noqa: ANN401 - a row of the database, and one of the words of `Told.state`
    if row.ended is not None:
        return row.ended
    age_s = now - row.seen_at
    if (is_here(row.birth) and birth(row.pid) != row.birth) or (row.host == this_host() and not is_this_boot(row.birth)):
        return "died"
    if age_s > LOST_AFTER_S:
        return "lost"
    return "silent" if age_s > SILENT_AFTER_S else "live"

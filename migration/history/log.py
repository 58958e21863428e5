"""Writes entries into the migration's own database and reads them. No function here changes or removes an entry."""

import hashlib
import re
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select
from sqlalchemy.exc import IntegrityError

from migration.database import IN_MEMORY, SqlDatabase, insert_into
from migration.errors import HistoryError
from migration.history.entry import Entry, Kind
from migration.history.tables import entries, names, prepare
from migration.settings import MigrationSettings

_WAIT_S = 2.0
_TRIES = 5
_MARK = re.compile(r"<tenant ([0-9a-f]{16})>")
_TEXTS = ("what", "why", "seen")
_COLUMNS = ("at", "who", "host", "kind", "surface", "source", "flag", "version_before", "version_after")


class History:
    """The append-only log. Threads may share one object; it connects on first use.

    Args:
        url: SQLAlchemy URL of SQLite or PostgreSQL.

    Raises:
        ConfigurationError: the URL does not parse or names another database.
    """

    def __init__(self, url: str) -> None:
        self._database = SqlDatabase(
            url, holds="the history", setting="NETRA_MIGRATION_EVIDENCE_URL", prepare=prepare, error=HistoryError, wait_s=_WAIT_S
        )

    @classmethod
    def of_settings(cls, settings: MigrationSettings) -> "History":
        """Return the history in the migration's own database.

        Raises:
            ConfigurationError: see the class.
        """
        return History(settings.evidence())

    @classmethod
    def reading(cls, settings: MigrationSettings) -> "History":
        """Return the history for reading only. A file that does not exist yet is not created, and then there are no entries.

        Raises:
            ConfigurationError: see the class.
        """
        history = History.of_settings(settings)
        return history if history.exists else History(IN_MEMORY)

    @property
    def exists(self) -> bool:
        """Whether the database exists: False only for a SQLite file that was never written."""
        return self._database.file is None or self._database.file.exists()

    def append(self, entry: Entry) -> None:
        """Write the entry.

        Raises:
            HistoryError: the database cannot be written, so the entry is not stored.
        """
        with self._database.transaction("write") as connection:
            _insert(connection, entry, None)

    def append_once(self, entry: Entry, *, since: float) -> bool:
        """Write an entry about an event that other processes may also have seen or written; return whether it was new.

        It is not new if an entry with the same source, flag and version was written after `since`, by the editor itself or by another
        process.

        Args:
            entry: an entry about one version of one flag.
            since: Unix seconds.

        Raises:
            HistoryError: the database cannot be written, so the entry is not stored.
        """
        same = (entries.c.source == entry.source, entries.c.flag == entry.flag)
        for _ in range(_TRIES):
            try:
                with self._database.transaction("write") as connection:
                    # The order of the two reads matters: an entry written between the two reads is found, and an entry written after both
                    # reads has the same fence as this one.
                    last = connection.execute(select(entries.c.id).where(*same).order_by(entries.c.id.desc()).limit(1)).scalar()
                    known = select(entries.c.id).where(*same, entries.c.version_after == entry.version_after, entries.c.at >= since)
                    if connection.execute(known.limit(1)).first() is not None:
                        return False
                    # If several processes write after `last`, only the first one succeeds.
                    _insert(connection, entry, _digest(f"{entry.source}\n{entry.flag}\n{last}", 32))
            except HistoryError as error:
                if not isinstance(error.__cause__, IntegrityError):
                    raise
                continue
            return True
        return False

    def append_first(self, entry: Entry, fence: str) -> bool:
        """Write the entry, unless an entry with the same fence exists; return whether it was written.

        Raises:
            HistoryError: the database cannot be written, so the entry is not stored.
        """
        try:
            with self._database.transaction("write") as connection:
                _insert(connection, entry, _digest(fence, 32))
        except HistoryError as error:
            if not isinstance(error.__cause__, IntegrityError):
                raise
            return False
        return True

    def entries(self, surface: str | None = None, *, limit: int = 100) -> list[Entry]:
        """Return the newest entries, the newest first, of one surface or (None) of all surfaces. Entries about all surfaces are included
        for each surface.

        An erased tenant is shown as `<tenant DIGEST>`.

        Raises:
            HistoryError: the database cannot be read.
        """
        asked = select(entries).order_by(entries.c.id.desc()).limit(limit)
        if surface is not None:
            asked = asked.where(entries.c.surface.in_((surface, "")))
        with self._database.transaction("read") as connection:
            rows = connection.execute(asked).all()
            marked = {digest for row in rows for text in _TEXTS for digest in _MARK.findall(getattr(row, text))}
            known = select(names).where(names.c.digest.in_(marked))
            tenants = {row.digest: row.tenant_id for row in connection.execute(known)} if marked else {}
        return [_entry(row, tenants) for row in rows]

    def last_version(self, source: str, flag: str) -> int | None:
        """Return the version of the flag in the last entry about it; None: there is no entry about it.

        Raises:
            HistoryError: the database cannot be read.
        """
        about = (entries.c.source == source, entries.c.flag == flag, entries.c.version_after.is_not(None))
        with self._database.transaction("read") as connection:
            found: int | None = connection.execute(
                select(entries.c.version_after).where(*about).order_by(entries.c.id.desc()).limit(1)
            ).scalar()
        return found

    def totals(self) -> dict[tuple[str, str], tuple[int, float]]:
        """Return for each surface and kind the number of entries and the time of the last one, in Unix seconds.

        Raises:
            HistoryError: the database cannot be read.
        """
        groups = (entries.c.surface, entries.c.kind)
        asked = select(*groups, func.count(), func.max(entries.c.at)).group_by(*groups)
        with self._database.transaction("read") as connection:
            return {(surface, kind): (number, last) for surface, kind, number, last in connection.execute(asked)}

    def last(self, kind: Kind) -> Entry | None:
        """Return the newest entry of a kind; None: there is none.

        Raises:
            HistoryError: the database cannot be read.
        """
        with self._database.transaction("read") as connection:
            row = connection.execute(select(entries).where(entries.c.kind == kind).order_by(entries.c.id.desc()).limit(1)).first()
        return None if row is None else _entry(row, {})

    def forget_tenant(self, tenant_id: str) -> str:
        """Forget the tenant's name, and return its digest. No entry changes, because the log contains only digests.

        Raises:
            HistoryError: the database cannot be written.
        """
        digest = _digest(tenant_id, 16)
        with self._database.transaction("write") as connection:
            connection.execute(names.delete().where(names.c.digest == digest))
        return digest

    def close(self) -> None:
        """Close all connections. The next read or write connects again."""
        self._database.close()


def _insert(connection: Connection, entry: Entry, fence: str | None) -> None:
    texts = {text: _marked(getattr(entry, text), entry.tenants) for text in _TEXTS}
    connection.execute(insert(entries).values(fence=fence, **texts, **{name: getattr(entry, name) for name in _COLUMNS}))
    for tenant in entry.tenants:
        known = insert_into(connection, names).values(digest=_digest(tenant, 16), tenant_id=tenant)
        connection.execute(known.on_conflict_do_nothing())


def _marked(text: str, tenants: tuple[str, ...]) -> str:
    """Return the text with tenants replaced by digests; longer names are replaced first, since one name may begin with another."""
    for tenant in sorted(tenants, key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(tenant)}(?!\w)", f"<tenant {_digest(tenant, 16)}>", text)
    return text


def _entry(row: Row[Any], tenants: dict[str, str]) -> Entry:
    fields: dict[str, Any] = {name: getattr(row, name) for name in _COLUMNS}
    fields |= {text: _MARK.sub(lambda mark: tenants.get(mark[1], mark[0]), getattr(row, text)) for text in _TEXTS}
    return Entry(**fields)


def _digest(text: str, length: int) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:length]

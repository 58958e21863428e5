"""The places that store data of a tenant or a user."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection

from migration.erasure.subject import Subject
from migration.evidence import Database, Redactor, digest_key, erase_evidence, evidence_left
from migration.history import History
from migration.processes import ProcessTable
from migration.settings import MigrationSettings
from migration.stores import PersonalData, StoresDatabase, erase_outbox, outbox_left

Work = Callable[[Connection], int]


class Places:
    """All places, open for the length of a block.

    Args:
        settings: name the databases.
        personal: the data that the backend itself stores.

    Raises:
        ConfigurationError: a URL cannot be used, or the key of the evidence cannot be read.
    """

    def __init__(self, settings: MigrationSettings, personal: PersonalData) -> None:
        self._personal = personal
        self._redactor = Redactor(digest_key(settings))
        self._evidence, self._outbox = Database(settings.evidence()), StoresDatabase(settings.outbox())
        self._history, self._processes = History(settings.evidence()), ProcessTable(settings.evidence())

    def __enter__(self) -> Self:
        """Return the places."""
        return self

    def __exit__(self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None) -> None:
        """Close all connections."""
        for place in (self._evidence, self._outbox, self._history, self._processes):
            place.close()

    async def erase(self, subject: Subject) -> Mapping[str, int]:
        """Remove the subject's data from all places, and return the number of removed rows by place.

        Raises:
            MigrationError: a database cannot be written; repeating it is safe.
        """
        tenant, user = subject.tenant_id, subject.user_id
        removed = dict(await self._personal.erase(tenant, user))
        removed["outbox"] = self._outbox.run_now("erase", lambda connection: erase_outbox(connection, tenant, user))
        with self._evidence.transaction("erase") as connection:
            removed["evidence"] = erase_evidence(connection, self._redactor, tenant, user)
        if user is None:
            removed["known tenants"] = int(self._processes.forget_tenant(tenant))
            self._history.forget_tenant(tenant)
        return removed

    async def left(self, subject: Subject) -> Mapping[str, int]:
        """Return the number of rows that are still there, by place. Raises MigrationError."""
        tenant, user = subject.tenant_id, subject.user_id
        found = dict(await self._personal.left(tenant, user))
        found["outbox"] = self._outbox.run_now("read", lambda connection: outbox_left(connection, tenant, user))
        with self._evidence.transaction("read") as connection:
            found["evidence"] = evidence_left(connection, self._redactor, tenant, user)
        return found

    def compact(self) -> None:
        """Make the databases remove deleted data from their files. Raises MigrationError."""
        self._evidence.compact()
        self._outbox.compact()

    def files(self) -> list[Path]:
        """Return the databases' files."""
        own = [file for database in (self._evidence, self._outbox) if (file := database.file) is not None]
        beside = [file.with_name(f"{file.name}{suffix}") for file in own for suffix in ("-wal", "-shm")]
        return [path for path in (*own, *beside, *self._personal.files()) if path.exists()]

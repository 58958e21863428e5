"""The owner of a thread. Within a tenant, a thread belongs to the user who first used its id."""

import functools
from collections import OrderedDict
from typing import Any, Final

from sqlalchemy import Connection, bindparam, select
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.errors import ThreadNotFoundError
from netra_backend.app.services.database import ThreadRow
from netra_backend.app.services.inserts import insert_into
from netra_backend.app.services.transactions import transactions

_REMEMBERED_OWNERS = 10_000

_Thread = tuple[str, str]  #: tenant, thread

# Statements are made once, because making a statement takes longer than executing it.
_threads: Final = ThreadRow.metadata.tables[ThreadRow.__tablename__]
_OWNER: Final = select(_threads.c.user_id).where(_threads.c.tenant_id == bindparam("tenant_id"), _threads.c.id == bindparam("thread_id"))
_ROW: Final[dict[Any, Any]] = {
    _threads.c.id: bindparam("thread_id"),
    _threads.c.tenant_id: bindparam("tenant_id"),
    _threads.c.user_id: bindparam("user_id"),
}


@functools.cache
def _claim(dialect: str) -> Any:  # noqa: ANN401 - see `insert_into`
    return insert_into(_threads, dialect).values(_ROW).on_conflict_do_nothing().returning(_threads.c.user_id)


class ThreadStore:
    """Stores each thread's owner. An owner never changes, so the owners used last are cached.

    Args:
        engine: the database, with its schema created.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._database = transactions(engine)
        self._owners: OrderedDict[_Thread, str] = OrderedDict()

    async def ensure(self, tenant_id: str, user_id: str, thread_id: str) -> None:
        """Create the thread for its first user; do nothing when it already belongs to that user.

        If several users use a new id at the same time, one of them gets it.

        Raises:
            ThreadNotFoundError: the thread belongs to another user of the tenant.
        """
        thread = (tenant_id, thread_id)
        owner = self._owners.get(thread)
        if owner is None:
            owner = await self._database.write(lambda connection: _claimed(connection, thread, user_id))
        self._remember(thread, owner)
        if owner != user_id:
            raise ThreadNotFoundError("no such thread; leave thread_id out to start a new one")

    async def check(self, tenant_id: str, user_id: str, thread_id: str) -> None:
        """Do nothing when the thread belongs to that user.

        Raises:
            ThreadNotFoundError: the thread belongs to another user or does not exist.
        """
        thread = (tenant_id, thread_id)
        owner = self._owners.get(thread) or await self._database.read(lambda connection: _owner(connection, thread))
        if owner is None or owner != user_id:
            raise ThreadNotFoundError("no such thread of yours")
        self._remember(thread, owner)

    def _remember(self, thread: _Thread, owner: str) -> None:
        self._owners[thread] = owner
        self._owners.move_to_end(thread)
        if len(self._owners) > _REMEMBERED_OWNERS:
            self._owners.popitem(last=False)


def _owner(connection: Connection, thread: _Thread) -> str | None:
    tenant_id, thread_id = thread
    return connection.execute(_OWNER, {"tenant_id": tenant_id, "thread_id": thread_id}).scalar_one_or_none()


def _claimed(connection: Connection, thread: _Thread, user_id: str) -> str:
    """Insert the user as owner unless there is one, and return the owner; the primary key decides a race."""
    tenant_id, thread_id = thread
    row = {"thread_id": thread_id, "tenant_id": tenant_id, "user_id": user_id}
    claim = connection.execute(_claim(connection.dialect.name), row)
    return claim.scalar_one_or_none() or _owner(connection, thread) or _claimed(connection, thread, user_id)

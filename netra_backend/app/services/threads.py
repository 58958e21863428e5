"""Whose thread is it? A thread belongs to the user that first used its id, for ever."""

from collections import OrderedDict

from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.errors import ThreadNotFoundError
from netra_backend.app.services.database import ThreadRow

_REMEMBERED_OWNERS = 10_000

_Owner = tuple[str, str]  #: tenant, user


class ThreadStore:
    """Keeps each thread's owner. An owner never changes, so those seen last are remembered without asking the database.

    Args:
        engine: the database, with its schema created.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._owners: OrderedDict[str, _Owner] = OrderedDict()

    async def ensure(self, tenant_id: str, user_id: str, thread_id: str) -> None:
        """Create the thread for its first user; do nothing when it is that user's already.

        Of several users that race for a new id, one gets it.

        Raises:
            ThreadNotFoundError: the thread is somebody else's.
        """
        owner = self._owners.get(thread_id) or await self._read(thread_id) or await self._claim(tenant_id, user_id, thread_id)
        self._remember(thread_id, owner)
        if owner != (tenant_id, user_id):
            raise ThreadNotFoundError("no such thread; leave thread_id out to start a new one")

    async def check(self, tenant_id: str, user_id: str, thread_id: str) -> None:
        """Do nothing when the thread is that user's.

        Raises:
            ThreadNotFoundError: it is somebody else's, or there is none.
        """
        owner = self._owners.get(thread_id) or await self._read(thread_id)
        if owner != (tenant_id, user_id):
            raise ThreadNotFoundError("no such thread of yours")
        self._remember(thread_id, owner)

    async def _read(self, thread_id: str) -> _Owner | None:
        async with self._engine.connect() as connection:
            row = (await connection.execute(select(ThreadRow.tenant_id, ThreadRow.user_id).where(ThreadRow.id == thread_id))).one_or_none()
        return None if row is None else (row.tenant_id, row.user_id)

    async def _claim(self, tenant_id: str, user_id: str, thread_id: str) -> _Owner:
        """Return the owner after trying to become it: the primary key decides a race."""
        try:
            async with self._engine.begin() as connection:
                await connection.execute(insert(ThreadRow).values(id=thread_id, tenant_id=tenant_id, user_id=user_id))
        except IntegrityError:
            owner = await self._read(thread_id)
            if owner is None:
                raise
            return owner
        return tenant_id, user_id

    def _remember(self, thread_id: str, owner: _Owner) -> None:
        self._owners[thread_id] = owner
        self._owners.move_to_end(thread_id)
        if len(self._owners) > _REMEMBERED_OWNERS:
            self._owners.popitem(last=False)

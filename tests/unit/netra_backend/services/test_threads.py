import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.errors import ThreadNotFoundError
from netra_backend.app.services.threads import ThreadStore


async def test_a_thread_stays_with_its_first_user(engine: AsyncEngine) -> None:
    store = ThreadStore(engine)
    await store.ensure("acme", "ada", "thread-1")
    await store.ensure("acme", "ada", "thread-1")


@pytest.mark.parametrize(("tenant", "user"), [("acme", "bob"), ("globex", "ada")])
@pytest.mark.parametrize("remembers", [True, False])
async def test_a_thread_of_somebody_else_is_not_found(engine: AsyncEngine, tenant: str, user: str, remembers: bool) -> None:
    store = ThreadStore(engine)
    await store.ensure("acme", "ada", "thread-1")
    with pytest.raises(ThreadNotFoundError):
        await (store if remembers else ThreadStore(engine)).ensure(tenant, user, "thread-1")


async def test_a_thread_outlives_the_process(engine: AsyncEngine) -> None:
    await ThreadStore(engine).ensure("acme", "ada", "thread-1")
    await ThreadStore(engine).ensure("acme", "ada", "thread-1")


class LateStore(ThreadStore):
    """Looks for the thread, and goes on only when all others have looked too."""

    def __init__(self, engine: AsyncEngine, all_looked: asyncio.Barrier) -> None:
        super().__init__(engine)
        self._all_looked: asyncio.Barrier | None = all_looked

    async def _read(self, thread_id: str) -> tuple[str, str] | None:
        found = await super()._read(thread_id)
        if self._all_looked is not None:
            barrier, self._all_looked = self._all_looked, None
            await barrier.wait()
        return found


async def test_of_many_users_that_race_for_an_id_exactly_one_gets_it(engine: AsyncEngine) -> None:
    barrier = asyncio.Barrier(4)

    async def claim(number: int) -> int | None:
        try:
            await LateStore(engine, barrier).ensure("acme", f"user-{number}", "thread-1")
        except ThreadNotFoundError:
            return None
        return number

    winners = [number for number in await asyncio.gather(*map(claim, range(4))) if number is not None]
    assert len(winners) == 1
    await ThreadStore(engine).ensure("acme", f"user-{winners[0]}", "thread-1")


async def test_one_user_may_open_a_new_thread_from_many_places_at_once(engine: AsyncEngine) -> None:
    barrier = asyncio.Barrier(4)
    await asyncio.gather(*(LateStore(engine, barrier).ensure("acme", "ada", "thread-1") for _ in range(4)))

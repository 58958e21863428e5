import asyncio

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from netra_backend.app.errors import ThreadNotFoundError
from netra_backend.app.services.threads import ThreadStore


async def test_a_thread_stays_with_its_first_user(engine: AsyncEngine) -> None:
    store = ThreadStore(engine)
    await store.ensure("acme", "ada", "thread-1")
    await store.ensure("acme", "ada", "thread-1")


@pytest.mark.parametrize("remembers", [True, False])
async def test_a_thread_of_another_user_of_the_tenant_is_not_found(engine: AsyncEngine, remembers: bool) -> None:
    store = ThreadStore(engine)
    await store.ensure("acme", "ada", "thread-1")
    for ask in (store.ensure, store.check):
        with pytest.raises(ThreadNotFoundError):
            await ask("acme", "bob", "thread-1")
    if not remembers:
        with pytest.raises(ThreadNotFoundError):
            await ThreadStore(engine).ensure("acme", "bob", "thread-1")


async def test_an_id_in_one_tenant_is_no_business_of_another_tenant(engine: AsyncEngine) -> None:
    store = ThreadStore(engine)
    await store.ensure("acme", "ada", "support")
    await store.ensure("globex", "ada", "support")
    with pytest.raises(ThreadNotFoundError):
        await store.check("initech", "ada", "support")


async def test_a_thread_outlives_the_process(engine: AsyncEngine) -> None:
    await ThreadStore(engine).ensure("acme", "ada", "thread-1")
    await ThreadStore(engine).ensure("acme", "ada", "thread-1")


async def test_of_many_users_that_race_for_an_id_exactly_one_gets_it(engine: AsyncEngine) -> None:
    async def claim(number: int) -> int | None:
        try:
            await ThreadStore(engine).ensure("acme", f"user-{number}", "thread-1")
        except ThreadNotFoundError:
            return None
        return number

    winners = [number for number in await asyncio.gather(*map(claim, range(4))) if number is not None]
    assert len(winners) == 1
    await ThreadStore(engine).ensure("acme", f"user-{winners[0]}", "thread-1")


async def test_one_user_may_open_a_new_thread_from_many_places_at_once(engine: AsyncEngine) -> None:
    await asyncio.gather(*(ThreadStore(engine).ensure("acme", "ada", "thread-1") for _ in range(4)))

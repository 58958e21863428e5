import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from netra_backend.app.errors import RunRefusedError, RunStoreUnavailableError
from netra_backend.app.services.database import open_engine
from netra_backend.app.services.runs.legacy import LegacyRunStore
from netra_backend.app.services.runs.user import UserRunStore, user_run_scan


async def test_a_thread_is_read_as_it_was_written_oldest_first(store, make_run):
    runs = [make_run("run-b", started_at=1.1), make_run("run-a", started_at=2.7, answer=None, outcome="failed")]
    await store.write(list(reversed(runs)))
    assert await store.thread("acme", "ada", "thread-1") == runs


async def test_runs_that_began_together_are_ordered_by_id(store, make_run):
    await store.write([make_run("run-b"), make_run("run-a")])
    assert [run.run_id for run in await store.thread("acme", "ada", "thread-1")] == ["run-a", "run-b"]


@pytest.mark.parametrize("key", [("globex", "ada", "thread-1"), ("acme", "bob", "thread-1"), ("acme", "ada", "thread-2")])
async def test_a_thread_holds_nothing_of_another_tenant_user_or_thread(store, make_run, key):
    await store.write([make_run()])
    assert await store.thread(*key) == []


async def test_writing_a_run_again_changes_nothing(store, make_run):
    for _ in range(3):
        await store.write([make_run(), make_run("run-2", started_at=2000.0)])
    assert len(await store.thread("acme", "ada", "thread-1")) == 2


async def test_many_writers_of_one_run_write_it_once(store, make_run):
    await asyncio.gather(*(store.write([make_run()]) for _ in range(8)))
    assert await store.thread("acme", "ada", "thread-1") == [make_run()]


async def test_another_run_of_the_same_id_is_refused_and_the_first_stays(store, make_run):
    await store.write([make_run()])
    with pytest.raises(RunRefusedError, match="the id of run run-1 already belongs to another run"):
        await store.write([make_run("run-0"), make_run(answer="13 USD.")])
    assert await store.thread("acme", "ada", "thread-1") == [make_run()]


async def test_characters_that_a_database_may_not_hold_survive(store, make_run):
    odd = make_run(question="nul \x00, \u2028, emoji \U0001f600, quote ' and \\u0000", answer="\x00")
    await store.write([odd])
    assert await store.thread("acme", "ada", "thread-1") == [odd]


async def test_text_that_cannot_be_encoded_is_refused_not_retried_for_ever(store, make_run):
    with pytest.raises(RunRefusedError):
        await store.write([make_run(thread_id="\ud800")])


async def test_the_flat_store_gives_any_run_to_whoever_has_its_id(engine, make_run):
    store = LegacyRunStore(engine)
    await store.write([make_run()])
    assert (await store.run("run-1"), await store.run("run-2")) == (make_run(), None)


async def test_the_user_store_has_no_way_to_a_run_without_tenant_user_and_thread():
    assert [name for name in vars(UserRunStore) if not name.startswith("_")] == ["write", "thread"]


async def test_two_tenants_may_use_one_run_id(engine, make_run):
    mine, theirs = make_run(), make_run(tenant_id="globex")
    await UserRunStore(engine).write([mine, theirs])
    assert await UserRunStore(engine).thread("globex", "ada", "thread-1") == [theirs]


async def test_in_the_flat_store_they_may_not(engine, make_run):
    mine, theirs = make_run(), make_run(tenant_id="globex")
    with pytest.raises(RunRefusedError):
        await LegacyRunStore(engine).write([mine, theirs])


async def test_a_store_that_is_down_says_so_without_its_address_and_works_when_it_is_back(tmp_path: Path, make_run):
    folder = tmp_path / "gone"
    engine = open_engine(f"sqlite+aiosqlite:///{folder / 'runs.db'}")
    folder.rmdir()
    store = UserRunStore(engine)
    with pytest.raises(RunStoreUnavailableError, match="user_runs: OperationalError; check the database") as raised:
        await store.write([make_run()])
    assert str(folder) not in str(raised.value)
    folder.mkdir()
    await store.write([make_run()])
    assert await store.thread("acme", "ada", "thread-1") == [make_run()]
    await engine.dispose()


@pytest.mark.parametrize("store_of", [LegacyRunStore, user_run_scan], ids=["legacy", "user"])
async def test_a_scan_walks_a_surfaces_runs_once_each_in_the_order_of_their_keys(engine, make_run, store_of):
    tenants = ("acme", "globex")
    runs = [make_run(f"{tenant}-{number}", tenant_id=tenant) for tenant in tenants for number in range(5)]
    scan = store_of(engine)
    await scan.write([*reversed(runs), make_run("other", surface="tools")])
    seen, after = [], None
    while page := await scan.page("chat", after, 3):
        seen += page
        last = page[-1]
        after = (last.tenant_id, last.user_id, last.thread_id, last.run_id)
    assert (seen, await scan.count("chat")) == (runs, 10)


@pytest.mark.parametrize("store_of", [LegacyRunStore, user_run_scan], ids=["legacy", "user"])
async def test_a_scan_finds_the_runs_between_two_keys_both_included(engine, make_run, store_of):
    scan = store_of(engine)
    users = ["a", "b", "c", "d"]
    await scan.write([make_run(f"run-{user}", user_id=user) for user in users] + [make_run("other", user_id="b", surface="tools")])
    found = await scan.between("chat", ("acme", "b", "thread-1", "run-b"), ("acme", "c", "thread-1", "run-c"))
    assert [run.user_id for run in found] == ["b", "c"]


async def test_writing_again_finds_what_is_kept_by_its_key_and_not_by_walking_through_the_table(engine, make_run):
    plans = []
    store = UserRunStore(engine)
    await store.write([make_run()])

    def explain(connection, _cursor, statement, parameters, _context, _many):
        if statement.startswith("SELECT"):
            plans.extend(row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters))

    event.listen(Engine, "before_cursor_execute", explain)
    await store.write([make_run(), make_run("run-2")])
    event.remove(Engine, "before_cursor_execute", explain)
    assert plans
    assert not [plan for plan in plans if plan.startswith("SCAN")]

"""Processes and history on a real PostgreSQL: the same tables, the same promises."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import DBAPIError

from migration.history import Entry, History
from migration.processes.row import ProcessRow
from migration.processes.table import ProcessTable

pytestmark = pytest.mark.server


def test_many_that_make_the_tables_at_once_write_one_entry_about_what_all_saw(postgres_url: str) -> None:
    def see(number: int) -> bool:
        history = History(postgres_url)
        try:
            seen = Entry(kind="elsewhere", what="x", source="s", flag="f", version_after=5, host=f"h{number}", tenants=("acme",))
            return history.append_once(seen, since=0.0)
        finally:
            history.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(see, range(8))) == 1


@pytest.mark.parametrize(
    "statement", ["UPDATE migration_history SET why = 'x'", "DELETE FROM migration_history", "TRUNCATE migration_history"]
)
def test_the_database_refuses_to_change_what_is_written(postgres_url: str, statement: str) -> None:
    history = History(postgres_url)
    history.append(Entry(kind="edit", what="x"))
    history.close()
    engine = create_engine(postgres_url)
    with engine.begin() as connection, pytest.raises(DBAPIError, match="append-only"):
        connection.execute(text(statement))
    engine.dispose()


def test_rows_ends_and_known_tenants(postgres_url: str) -> None:
    table = ProcessTable(postgres_url)
    row = ProcessRow(process_id="p", role="server", host="elsewhere", pid=1, birth="b:n:1", started_at=0.0, code_version="1", said_at=0.0)
    for _ in range(2):
        table.beat([row])
    assert [(told.row, told.state) for told in table.told()] == [(row, "live")]
    assert (table.ended(["p"], "died"), table.ended(["p"], "died"), table.told()[0].state) == (["p"], [], "died")
    for plan in ("free", "pro"):
        table.saw({"acme": f'{{"plan":"{plan}"}}', "globex": "{}"})
    assert table.seen_tenants() == [("acme", '{"plan":"pro"}'), ("globex", "{}")]
    assert (table.forget_tenant("acme"), table.forget_tenant("acme"), table.seen_tenants(after="acme")) == (True, False, [("globex", "{}")])
    table.forget_old()
    table.close()

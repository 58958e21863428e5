"""The history: entries are written, read, and never changed."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from migration.errors import HistoryError
from migration.history import Entry, History
from migration.settings import MigrationSettings


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'evidence.db'}"


@pytest.fixture
def history(url):
    opened = History(url)
    yield opened
    opened.close()


def edit(version: int = 2, **fields) -> Entry:
    known = {"kind": "edit", "what": f"now at version {version}", "source": "file:flags.json", "flag": "execution-engine-chat"}
    return Entry(**(known | {"surface": "chat", "version_before": version - 1, "version_after": version} | fields))


def test_what_is_written_is_read_newest_first(history):
    first, second = edit(2, why="a pilot", seen="1 of 1 processes follow"), edit(3, who="ada", host="h1", at=12.5)
    history.append(first)
    history.append(second)
    assert history.entries() == [second, first]
    assert (history.last_version("file:flags.json", "execution-engine-chat"), history.last_version("file:flags.json", "x")) == (3, None)


def test_a_surface_shows_its_own_entries_and_those_of_all(history):
    for surface in ("chat", "batch", ""):
        history.append(edit(surface=surface))
    assert [entry.surface for entry in history.entries("chat")] == ["", "chat"]
    assert len(history.entries(limit=2)) == 2


@pytest.mark.parametrize("statement", ["UPDATE migration_history SET why = 'x'", "DELETE FROM migration_history"])
def test_the_database_refuses_to_change_what_is_written(history, tmp_path, statement):
    history.append(edit())
    with sqlite3.connect(tmp_path / "evidence.db") as connection, pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()


def test_of_many_that_see_the_same_change_one_writes_it(url):
    def see(number: int) -> bool:
        history = History(url)
        try:
            return history.append_once(edit(5, kind="elsewhere", host=f"h{number}"), since=0.0)
        finally:
            history.close()

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(see, range(8))) == 1


def test_what_its_editor_wrote_is_not_news_and_the_same_version_again_later_is(history):
    history.append(edit(5, at=100.0))
    assert not history.append_once(edit(5, kind="elsewhere", at=103.0), since=40.0)
    assert history.append_once(edit(5, kind="elsewhere", at=500.0), since=440.0)


def test_a_tenant_is_named_until_it_is_erased_and_no_entry_changes(history, tmp_path):
    history.append(edit(what="acme and acme-eu: shadow -> live", why="acme asked", tenants=("acme", "acme-eu")))
    assert history.entries()[0].what == "acme and acme-eu: shadow -> live"
    digest = history.forget_tenant("acme")
    assert (history.entries()[0].what, history.entries()[0].why) == (
        f"<tenant {digest}> and acme-eu: shadow -> live",
        f"<tenant {digest}> asked",
    )
    history.close()
    stored = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert b"acme asked" not in stored
    assert b"acme and" not in stored


def test_reading_makes_no_file(tmp_path):
    settings = MigrationSettings(home=tmp_path)
    assert History.reading(settings).entries() == []
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_cannot_be_written_is_named_with_what_to_do(tmp_path):
    with pytest.raises(HistoryError, match="NETRA_MIGRATION_EVIDENCE_URL"):
        History(f"sqlite:///{tmp_path}").append(edit())

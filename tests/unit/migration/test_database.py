"""Connections to SQLite that are opened by several at once."""

import os
import sqlite3
import subprocess
import sys

import pytest

from migration.database import SqlDatabase, _write_ahead
from migration.errors import EvidenceError


def facts(url):
    return SqlDatabase(url, holds="facts", setting="X", prepare=lambda _engine: None, error=EvidenceError)


class Busy:
    """A connection whose file is locked for some tries, without waiting for it."""

    def __init__(self, tries, code=sqlite3.SQLITE_BUSY):
        self.tries, self.code = tries, code

    def execute(self, statement):
        assert statement == "PRAGMA journal_mode=WAL"
        if self.tries:
            self.tries -= 1
            error = sqlite3.OperationalError("database is locked")
            error.sqlite_errorcode = self.code
            raise error


class Time:
    """Passes only while somebody sleeps."""

    def __init__(self):
        self.now = 0.0

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def test_a_file_that_another_switches_to_a_write_ahead_log_is_waited_for():
    connection, time = Busy(tries=7), Time()
    _write_ahead(connection, time.clock, time.sleep)
    assert (connection.tries, time.now) == (0, pytest.approx(0.035))


def test_nobody_waits_longer_than_for_any_other_lock():
    time = Time()
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        _write_ahead(Busy(tries=10**6), time.clock, time.sleep)
    assert 5.0 < time.now < 5.1


def test_any_other_error_is_told_at_once():
    time = Time()
    with pytest.raises(sqlite3.OperationalError):
        _write_ahead(Busy(1, sqlite3.SQLITE_IOERR), time.clock, time.sleep)
    assert time.now == 0.0


def test_opening_a_file_again_gives_up_no_lock_that_this_process_holds_on_it(tmp_path):
    """Two parts of one process have the same file. With their locks gone, another process that leaves takes the log away under them."""
    file = tmp_path / "shared.db"
    parts = [facts(f"sqlite:///{file}") for _ in range(2)]
    with parts[0].transaction("write") as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    with parts[1].transaction("read") as connection:
        connection.exec_driver_sql("SELECT count(*) FROM t").scalar()
    log = file.with_name("shared.db-wal").stat().st_ino
    code = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('INSERT INTO t VALUES (2)'); c.commit(); c.close()"
    subprocess.run([sys.executable, "-c", code, file], check=True)
    assert file.with_name("shared.db-wal").stat().st_ino == log
    for part in parts:
        part.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make files for others")
def test_a_database_that_root_makes_belongs_to_whom_its_folder_does(tmp_path):
    os.chown(tmp_path, 1000, 1000)

    facts(f"sqlite:///{tmp_path / 'facts.db'}").compact()
    with facts(f"sqlite:///{tmp_path / 'facts.db'}").transaction("read"):
        found = {file.name: (file.stat().st_uid, file.stat().st_gid, file.stat().st_mode & 0o777) for file in tmp_path.iterdir()}

    assert set(found) >= {"facts.db"}
    assert set(found.values()) == {(1000, 1000, 0o600)}

"""Connections to SQLite that are opened by several at once."""

import sqlite3

import pytest

from migration.database import _write_ahead


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

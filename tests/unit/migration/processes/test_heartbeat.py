"""A process makes itself known, and a database in trouble touches nothing else."""

import os
import socket
import sqlite3
import subprocess
import sys
import time

import pytest
from following import Following, Shadow, at, kill_switch
from prometheus_client import CollectorRegistry

from migration.history import Entry, History
from migration.processes.confirmation import confirm
from migration.processes.heartbeat import Heartbeat
from migration.processes.identity import birth
from migration.processes.row import ProcessRow
from migration.processes.table import ProcessTable
from migration.settings import MigrationSettings
from migration.telemetry.metrics import Metrics

PATIENCE_S = 20.0


class Clock:
    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def settings(tmp_path):
    return MigrationSettings(home=tmp_path, surfaces=("chat",))


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def make(settings, clock):
    made, following = [], []

    def make(*flags, shadow=None, unseen=None) -> tuple[Heartbeat, Following]:
        flags = Following(*flags)
        metrics = Metrics(registry=CollectorRegistry(), surfaces=["chat"])
        heart = Heartbeat(settings, flags, metrics, runs=lambda: {"chat": 2}, shadow=shadow or Shadow(), unseen=unseen, clock=clock)
        following.append(flags)
        made.append(heart)
        return heart, flags

    yield make
    for heart in made:
        heart.stop()
    for flags in following:
        flags.close()


@pytest.fixture
def table(settings):
    opened = ProcessTable(settings.evidence())
    yield opened
    opened.close()


def until(condition):
    give_up = time.monotonic() + PATIENCE_S
    while not (found := condition()):
        assert time.monotonic() < give_up, "it did not come"
        time.sleep(0.02)
    return found


def test_a_row_says_what_the_process_evaluates(make, table):
    heart, _ = make(at("live", 3), kill_switch(True, 4))
    heart.beat()
    (told,) = table.told()
    row = told.row
    assert (told.state, row.pid, row.role, row.birth) == ("live", os.getpid(), "server", birth(os.getpid()))
    assert (row.kill_switch, row.flags_version, row.switch_version, row.runs) == ({"chat": True}, 7, 4, {"chat": 2})


def test_a_deleted_kill_switch_is_not_on_whatever_it_says(make, table):
    heart, _ = make(at("live"), {**kill_switch(True), "deleted": True})
    heart.beat()
    assert table.told()[0].row.kill_switch == {"chat": False}


def test_a_change_is_written_at_once(make, table, settings):
    heart, flags = make(at("live"), kill_switch(False))
    heart.start()
    until(table.told)
    flags.put(at("live"), kill_switch(True, 2))
    found = confirm(settings, lambda row: row.kill_switch["chat"], wait_s=PATIENCE_S)
    assert found.holds
    assert max(found.following.values()) < 1.5  # a heartbeat later would be 2 s


def test_a_locked_database_delays_no_request_and_is_written_afterwards(make, table, settings, tmp_path):
    heart, flags = make(at("live"), kill_switch(False))
    heart.start()
    until(table.told)
    with sqlite3.connect(tmp_path / "evidence.db", isolation_level=None) as other:
        other.execute("BEGIN EXCLUSIVE")
        started = time.perf_counter()
        for number in range(10_000):
            heart.saw(f"t{number % 50}")
        flags.put(at("live"), kill_switch(True, 2))
        assert time.perf_counter() - started < 1.0
        found = confirm(settings, lambda row: row.kill_switch["chat"], wait_s=1.0)
        assert (found.holds, found.seen, len(found.asked)) == (False, 1, 1)
        assert "wrote no row about it to the database in this time" in found.sentence()
        other.execute("ROLLBACK")
    other.close()
    until(lambda: table.told()[0].row.kill_switch["chat"] and len(table.seen_tenants()) == 50)


def test_without_a_database_the_processes_of_this_host_are_asked(make, settings, tmp_path):
    (tmp_path / "evidence.db").mkdir()  # nothing can be opened there
    heart, _ = make(at("live"), kill_switch(True))
    heart.start()
    found = until(lambda: (now := confirm(settings, lambda row: row.kill_switch["chat"], wait_s=1.0)).seen and now)
    assert (found.holds, found.problem is None) == (False, False)
    said = "not confirmed: of this host 1 of 1 processes follow, by their own report; of other hosts nothing is known: "
    assert found.sentence().startswith(said)


def test_a_change_made_elsewhere_is_in_the_history_once_though_two_processes_see_it(make, settings, clock):
    hearts = [make(at("live", 3)) for _ in range(2)]
    for heart, _ in hearts:
        heart.beat()
    for heart, flags in hearts:
        flags.put(at("off", 4))
        heart.beat()
    history = History.reading(settings)
    assert history.entries() == []  # its editor may still write that it was made here
    clock.now += 6
    for heart, _ in hearts:
        heart.beat()
    assert [(entry.kind, entry.version_before, entry.version_after) for entry in history.entries()] == [("jump", 3, 4)]
    history.close()


def test_a_change_that_its_editor_wrote_is_not_written_again(make, settings, clock):
    heart, flags = make(at("live", 3))
    heart.beat()
    flags.put(at("shadow", 4))
    heart.beat()
    history = History.of_settings(settings)
    history.append(Entry(kind="edit", what="x", source="file:flags.json", flag="execution-engine-chat", version_after=4, at=clock.now))
    clock.now += 6
    heart.beat()
    assert [entry.kind for entry in history.entries()] == ["edit"]
    history.close()


def test_a_process_that_died_is_buried_once_by_those_that_live(make, settings, table):
    dead = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    row = ProcessRow(
        process_id="d" * 32,
        role="server",
        host="h",
        pid=dead.pid,
        birth=birth(dead.pid),
        started_at=0.0,
        code_version="1",
        said_at=0.0,
        runs={"chat": 1, "tools": 1},
        shadow_waiting=3,
    )
    table.beat([row])
    dead.communicate()
    hearts = [make(at("off"))[0] for _ in range(3)]
    for heart in hearts:
        heart.beat()
    assert {told.row.process_id: told.state for told in table.told()}["d" * 32] == "died"
    history = History.reading(settings)
    (entry,) = history.entries()
    history.close()
    assert (entry.kind, entry.what) == (
        "process_died",
        f"server {dead.pid} on h died; 2 runs were in progress and 3 shadow jobs waited in it when it last reported",
    )


def test_of_a_worker_that_takes_no_jobs_yet_nobody_says_what_holds_its_engines(make, table, monkeypatch):
    shadow = Shadow()
    shadow.worker_pid = os.getpid()
    monkeypatch.setattr("migration.processes.own_row.held_by", lambda _worker: "kernel")
    heart, _ = make(at("shadow"), shadow=shadow)
    heart.beat()
    shadow.worker_ready = True
    heart.beat()
    (row,) = (told.row for told in table.told() if told.row.role == "worker")
    assert row.held_by == "kernel"


def test_a_process_that_ends_as_it_should_says_so(make, table):
    heart, _ = make(at("off"))
    heart.start()
    until(table.told)
    heart.stop()
    assert [told.state for told in table.told()] == ["stopped"]


def test_known_tenants_are_counted_where_they_are(make, table):
    heart, _ = make(at("live", pins={"pinned": "shadow"}))
    for tenant in ("acme", "globex"):
        heart.saw(tenant, b'{"plan":"pro"}')
    heart.beat()
    heart._census.count()
    heart.beat()
    row = table.told()[0].row
    assert (row.known_tenants, row.stage_counts) == (3, {"chat": {"live": 2, "shadow": 1}})


def test_the_death_of_a_worker_is_in_the_history_and_many_are_one_entry_a_minute(make, settings, table, clock):
    shadow = Shadow()
    heart, _ = make(at("shadow"), shadow=shadow)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as worker:
        shadow.worker_pid = worker.pid
        heart.beat()
        assert {told.row.role for told in table.told()} == {"server", "worker"}
        worker.communicate()
    shadow.worker_pid = None
    shadow.worker_deaths += [(worker.pid, -9)]
    heart.beat()
    assert {told.row.role: told.state for told in table.told()} == {"server": "live", "worker": "died"}
    shadow.worker_deaths += [(8, 1), (9, 1)]
    heart.beat()
    clock.now += 61
    heart.beat()
    name = f"server {os.getpid()} on {socket.gethostname()}"
    history = History.reading(settings)
    assert [entry.what for entry in reversed(history.entries())] == [
        f"shadow worker {worker.pid} of {name} was killed by signal 9, and is replaced",
        f"shadow worker 9 of {name} ended with status 1, and is replaced; so did 1 before it",
    ]
    history.close()


def test_what_is_old_is_removed_once_an_hour(make, clock, monkeypatch):
    removed = []
    monkeypatch.setattr(ProcessTable, "forget_old", lambda _table: removed.append(clock.now))
    heart, _ = make(at("shadow"))
    for _ in range(3):
        heart.beat()
        clock.now += 1800
    assert removed == [1_000_000.0, 1_003_600.0]


def test_runs_that_were_not_compared_are_written_with_each_beat_and_at_the_end(make, settings):
    class Unseen:
        written, closed = 0, False

        def write(self):
            self.written += 1

        def close(self):
            self.closed = True

    unseen = Unseen()
    heart, _ = make(unseen=unseen)
    heart.beat()
    assert unseen.written == 1
    heart.start()
    heart.stop()
    assert (unseen.written >= 2, unseen.closed) == (True, True)


def test_a_row_says_where_runs_fail_over_and_how_the_failed_ones_ended(settings, table):
    flags = Following(at("live"), {"key": "candidate-failover", "version": 1, "on": False, "variations": [False, True], "offVariation": 1})
    heart = Heartbeat(
        settings, flags, Metrics(registry=CollectorRegistry()), runs=dict, shadow=Shadow(), failovers=lambda: {"chat": {"saved": 3}}
    )
    heart.start()
    try:
        row = until(lambda: next((told.row for told in table.told()), None))
    finally:
        heart.stop()
        flags.close()
    assert (row.failover, row.failovers) == ({"chat": True}, {"chat": {"saved": 3}})

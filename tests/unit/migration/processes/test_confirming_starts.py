"""What was written is confirmed for processes that have only just started, too."""

import os
import socket
import threading
import time

import pytest
from following import Following, Shadow, at
from prometheus_client import CollectorRegistry

from migration.processes import confirmation as confirming
from migration.processes import heartbeat
from migration.processes.confirmation import confirm
from migration.processes.control import ControlServer, control_folder
from migration.processes.heartbeat import Heartbeat
from migration.processes.table import ProcessTable
from migration.settings import MigrationSettings
from migration.telemetry.metrics import Metrics


@pytest.fixture
def settings(tmp_path):
    return MigrationSettings(home=tmp_path, surfaces=("chat",))


@pytest.fixture
def row(settings):
    """Return what a process of this number says of itself."""
    flags = Following(at("live"))
    heart = Heartbeat(settings, flags, Metrics(registry=CollectorRegistry()), runs=dict, shadow=Shadow())
    yield heart._rows.server
    heart.stop()
    flags.close()


@pytest.fixture
def listening(settings, row):
    server = ControlServer(control_folder(settings.home), row)
    server.start()
    yield
    server.stop()


def test_a_process_writes_its_first_row_at_once(settings, monkeypatch):
    monkeypatch.setattr(heartbeat, "BEAT_S", 3600.0)
    flags = Following(at("live"))
    heart = Heartbeat(settings, flags, Metrics(registry=CollectorRegistry()), runs=dict, shadow=Shadow())
    heart.start()
    found = confirm(settings, lambda _row: True, wait_s=30.0)
    heart.stop()
    flags.close()
    assert (len(found.following), found.holds) == (1, True)


@pytest.mark.usefixtures("listening")
def test_the_first_row_of_a_process_that_answers_already_is_waited_for(settings, row, monkeypatch):
    table, looked = ProcessTable(settings.evidence()), threading.Event()
    monkeypatch.setattr(confirming, "_LOOK_S", 0.01)
    real = confirming.ask
    monkeypatch.setattr(confirming, "ask", lambda *given: (real(*given), looked.set())[0])

    def starts():
        looked.wait(30)  # nobody is in the table when it is looked at first
        table.beat([row()])

    starting = threading.Thread(target=starts)
    starting.start()
    found = confirm(settings, lambda _row: True, wait_s=30.0)
    starting.join()
    table.close()
    assert (len(found.following), found.asked, found.holds) == (1, (), True)


@pytest.mark.usefixtures("listening")
def test_a_process_that_writes_no_row_is_not_taken_for_confirmed(settings):
    found = confirm(settings, lambda _row: True, wait_s=0.6)
    assert (found.holds, len(found.asked)) == (False, 1)
    assert "wrote no row about it to the database" in found.sentence()


def test_a_process_that_neither_writes_nor_answers_is_named(settings):
    folder = control_folder(settings.home)
    folder.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stopped:
        stopped.bind(str(folder / f"{os.getpid()}.sock"))
        stopped.listen()
        found = confirm(settings, lambda _row: True, wait_s=0.6)
    assert (found.holds, found.sentence()) == (
        False,
        f"not confirmed: 0 of 1 processes follow, not process {os.getpid()} of this host (it does not answer: stopped, or it hangs)",
    )


def test_nobody_is_waited_for_where_nobody_is(settings):
    began = time.monotonic()
    assert confirm(settings, lambda _row: True, wait_s=3600.0).seen == 0
    assert time.monotonic() - began < 600

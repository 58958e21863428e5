"""The loopback socket: whoever asks gets the process' row, at once or not at all."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time

import pytest

from migration.processes.control import ControlServer, ask, control_folder
from migration.processes.row import ProcessRow

ANSWERING = """
import sys
from pathlib import Path
from migration.processes.control import ControlServer
from migration.processes.row import ProcessRow
row = ProcessRow(process_id="p", role="server", host="h", pid=1, birth="b", started_at=0.0, code_version="1", said_at=0.0)
ControlServer(Path(sys.argv[1]), lambda: row).start()
print("up", flush=True)
sys.stdin.readline()
"""


def row(**fields) -> ProcessRow:
    return ProcessRow(
        process_id="p", role="server", host="h", pid=os.getpid(), birth="b", started_at=0.0, code_version="1", said_at=0.0, **fields
    )


@pytest.fixture
def folder(tmp_path):
    return control_folder(tmp_path / ("very-long-name-" * 8))  # longer than a socket's path may be


@pytest.fixture
def other(folder):
    process = subprocess.Popen([sys.executable, "-c", ANSWERING, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "up\n"
    yield process
    process.kill()
    process.communicate()


def test_who_asks_is_told_and_only_the_owner_may_ask(folder):
    server = ControlServer(folder, lambda: row(kill_switch={"chat": True}))
    server.start()
    try:
        answers = ask(folder, 5)
        assert ([one.kill_switch for one in answers.rows], answers.silent) == ([{"chat": True}], ())
        (file,) = folder.iterdir()
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    finally:
        server.stop()
    assert list(folder.iterdir()) == []


def test_a_stopped_process_is_silent_and_the_others_are_heard(folder, other):
    server = ControlServer(folder, row)
    server.start()
    other.send_signal(signal.SIGSTOP)
    os.waitpid(other.pid, os.WUNTRACED)  # a thread on another core may run on for a moment
    try:
        answers = ask(folder, 1.0)
    finally:
        server.stop()
    assert (len(answers.rows), answers.silent) == (1, (other.pid,))


def test_a_killed_process_is_no_process(folder, other):
    other.kill()
    other.wait()
    assert ask(folder, 5) == ask(folder / "nowhere", 5)


def test_one_who_connects_and_reads_nothing_delays_nobody(folder):
    server = ControlServer(folder, row)
    server.start()
    with socket.socket(socket.AF_UNIX) as idle:
        descriptor = os.open(folder, os.O_RDONLY)
        idle.connect(f"/proc/self/fd/{descriptor}/{os.getpid()}.sock")
        os.close(descriptor)
        started = time.monotonic()
        try:
            assert len(ask(folder, 5).rows) == 1
        finally:
            server.stop()
    assert time.monotonic() - started < 5


def test_where_no_socket_can_be_made_the_process_goes_on(tmp_path, caplog):
    (tmp_path / "file").touch()
    server = ControlServer(tmp_path / "file", row)
    server.start()
    server.stop()
    assert "no loopback socket" in caplog.text

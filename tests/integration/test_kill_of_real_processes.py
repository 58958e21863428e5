"""`netra-migration kill` against four real server processes, in each state that there may be at three in the morning."""

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import sys
from pathlib import Path

import httpx
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from server_processes import Servers, flag_file, until, value

pytestmark = pytest.mark.timeout(600)  # of a busy machine: four servers start
ALL_FOLLOW = re.compile(r"4 of 4 processes follow, the slowest after (\d+\.\d) s")
VERSIONS = itertools.count(1000, 1000)


@pytest.fixture(scope="module")
def four(tmp_path_factory):
    home = tmp_path_factory.mktemp("four")
    (home / "flags.json").write_text(flag_file("live"))
    with Servers(home, 4).running() as servers:
        yield servers


@pytest.fixture
def servers(four):
    """Four live processes that follow a good file with the switch off."""
    version = next(VERSIONS)
    (four.home / "emergency-kill-switch").unlink(missing_ok=True)
    four.put(flag_file("live", version))
    until(lambda: len(four.live()) == 4, "four live processes")
    until(lambda: followed(four) == {(version, False, False)}, "what the test begins with")
    return four


def followed(servers):
    """What live processes follow: version of the switch, whether chat is killed, whether it is an emergency."""
    return {
        (one.row.switch_version, one.row.kill_switch["chat"], one.row.emergency)
        for one in servers.told()
        if one.row.role == "server" and one.state == "live"
    }


def served_by(servers):
    """Return which engines answer, asked so often that every process is."""

    def counts():
        metrics = servers.metrics()
        return {one: value(metrics, "migration_runs_total", {"origin": one, "surface": "oneshot"}) for one in ("control", "candidate")}

    before = counts()
    for _ in range(12):  # a connection each, so that the processes take turns
        headers = {"Authorization": f"Bearer {servers.token()}"}
        answer = httpx.post(f"{servers.url}/api/agents/data/run", json={"message": "hello"}, headers=headers, timeout=60)
        assert answer.status_code == 200, answer.text
    return {engine for engine, runs in counts().items() if runs > before[engine]}


def test_all_well(servers):
    assert served_by(servers) == {"candidate"}
    done = servers.migration("kill", "on", "--reason", "pager")
    assert done.returncode == 0, done.stderr
    assert float(ALL_FOLLOW.search(done.stderr)[1]) <= 3.0
    assert served_by(servers) == {"control"}
    history = json.loads(servers.migration("history", "--json").stdout)["entries"]
    # Processes may still be writing how the flags came to be before.
    [turn] = [entry for entry in history if entry["kind"] == "kill_switch"]
    assert (turn["why"], bool(ALL_FOLLOW.search(turn["seen"]))) == ("pager", True)
    status = servers.status()
    assert (status["kill_switch"], len(status["processes"])) == (True, 8)  # each with its worker


def test_another_flag_is_spoiled(servers):
    file = json.loads((servers.home / "flags.json").read_text())
    file["flags"]["execution-engine-tools"]["fallthrough"] = {"rollout": {"variations": "99000"}}
    servers.put(json.dumps(file))
    done = servers.migration("kill", "on")
    assert (done.returncode, bool(ALL_FOLLOW.search(done.stderr)), served_by(servers)) == (0, True, {"control"})


def test_the_source_is_down_and_the_emergency_command_is_confirmed(servers):
    (servers.home / "flags.json").write_bytes((servers.home / "flags.json").read_bytes()[:200])
    done = servers.migration("kill", "on")
    assert (done.returncode, "netra-migration kill on --emergency" in done.stderr) == (1, True)
    assert served_by(servers) == {"candidate"}
    done = servers.migration("kill", "on", "--emergency")
    assert (done.returncode, bool(ALL_FOLLOW.search(done.stderr)), served_by(servers)) == (0, True, {"control"})
    assert servers.migration("kill", "off", "--emergency").returncode == 0


def test_in_the_wrong_folder_nothing_is_written(servers, tmp_path):
    environment = servers.environment | {"NETRA_MIGRATION_HOME": str(tmp_path)}
    elsewhere = Servers(tmp_path, 1)
    elsewhere.environment = environment
    shutil.rmtree(tmp_path / "metrics")
    assert elsewhere.migration("kill", "on").returncode == 2
    assert list(tmp_path.iterdir()) == []
    assert served_by(servers) == {"candidate"}


def test_a_process_is_stopped(servers):
    stopped = servers.live()[0]
    os.kill(stopped, signal.SIGSTOP)
    try:
        done = servers.migration("kill", "on")
    finally:
        with contextlib.suppress(ProcessLookupError):  # a supervisor kills what does not answer it for 5 s
            os.kill(stopped, signal.SIGCONT)
    assert done.returncode == 1, done.stderr
    assert f"3 of 4 processes follow, not server {stopped} on " in done.stderr
    until(lambda: {killed for _, killed, _ in followed(servers)} == {True}, "the process that goes on, or the one in its place")


def test_the_database_is_down(servers):
    database = servers.home / "evidence.db"
    kept = [(file, file.with_name("kept-" + file.name)) for file in sorted(servers.home.glob("evidence.db*"))]
    for file, aside in kept:
        file.rename(aside)
    database.mkdir()
    try:
        done = servers.migration("kill", "on")
        assert done.returncode == 1
        assert "not confirmed: of this host 4 of 4 processes follow, by their own report" in done.stderr
        assert served_by(servers) == {"control"}
    finally:
        database.rmdir()
        for file, aside in kept:
            aside.rename(file)


def test_a_process_is_killed(servers):
    killed = servers.live()[0]
    os.kill(killed, signal.SIGKILL)
    until(lambda: killed not in servers.live() and len(servers.live()) == 4, "another process in its place")
    done = servers.migration("kill", "on")
    assert (done.returncode, bool(ALL_FOLLOW.search(done.stderr))) == (0, True), done.stderr
    assert f"server {killed} on " in done.stderr
    assert f"server {killed} on " in servers.log()
    history = json.loads(servers.migration("history", "--json").stdout)["entries"]
    assert sum(entry["kind"] == "process_died" and f"server {killed} on " in entry["what"] for entry in history) == 1

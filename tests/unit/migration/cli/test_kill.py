"""`netra-migration kill`: its own flag alone is edited, and what is said is what holds."""

import json
import sqlite3
import subprocess
import sys
import time
from collections import deque

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry
from typer.testing import CliRunner

from migration.cli.app import app
from migration.flags.serving import LaunchDarklyFlags
from migration.history import History
from migration.processes.control import ask, control_folder
from migration.processes.heartbeat import Heartbeat
from migration.settings import MigrationSettings
from migration.telemetry.metrics import Metrics

STAGES = ("off", "dualwrite", "shadow", "live", "rampdown", "complete")
SWITCH = "execution-engine-kill-switch"


def at(stage, surface="chat", **fields):
    key = f"execution-engine-{surface}"
    flag = {"key": key, "version": 1, "on": True, "variations": list(STAGES), "offVariation": 0, "salt": "netra"}
    return {key: flag | {"fallthrough": {"variation": STAGES.index(stage)}} | fields}


def switch(on, **fields):
    flag = {"key": SWITCH, "version": 3, "on": True, "variations": [False, True], "offVariation": 0, "salt": "x"}
    return {SWITCH: flag | {"fallthrough": {"variation": int(on)}} | fields}


@pytest.fixture
def put(tmp_path):
    def put(*flags):
        (tmp_path / "flags.json").write_text(json.dumps({"flags": {key: flag for one in flags for key, flag in one.items()}}, indent=2))

    return put


@pytest.fixture
def settings(tmp_path):
    return MigrationSettings(home=tmp_path, surfaces=("chat", "batch"), flags_poll_s=0.02)


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path))
    monkeypatch.setenv("NETRA_MIGRATION_SURFACES", '["chat", "batch"]')
    return lambda *arguments: CliRunner().invoke(app, ["kill", *arguments])


class Idle:
    waiting = 0
    worker_pid = None
    worker_ready = False

    def __init__(self):
        self.worker_deaths = deque()


@pytest.fixture
def process(settings):
    """Starts what a serving process has of flags and heartbeat, in this process; returns its flags."""
    started = []

    def start(settings=settings):
        metrics = Metrics(registry=CollectorRegistry())
        flags = LaunchDarklyFlags(settings, metrics)
        heart = Heartbeat(settings, flags, metrics, runs=dict, shadow=Idle(), attributes=flags.attributes)
        heart.start()
        heart.beat()
        started.append((heart, flags))
        return flags

    yield start
    for heart, flags in started:
        heart.stop()
        flags.close()


def served(flags, surface="chat", tenant="acme"):
    return flags.plan(surface, tenant).serves.value


def history(settings):
    log = History.reading(settings)
    found = log.entries()
    log.close()
    return found


@pytest.mark.parametrize(
    ("commands", "held"),
    [
        ([("on",)], {"chat", "batch"}),
        ([("on", "chat")], {"chat"}),
        ([("on",), ("off",)], set()),
        ([("on",), ("off", "chat")], {"batch"}),
        ([("on", "chat"), ("off",)], set()),
        ([("on", "chat"), ("on", "chat")], {"chat"}),
    ],
)
def test_it_turns_for_one_surface_or_for_all_and_a_process_follows(run, put, process, commands, held):
    put(at("live"), at("live", "batch"))
    flags = process()
    assert [run(*command).exit_code for command in commands] == [0] * len(commands)
    assert {surface for surface in ("chat", "batch") if served(flags, surface) == "control"} == held


def test_what_the_processes_do_is_said_with_a_figure_and_kept(run, put, process, settings):
    put(at("live"), switch(False))
    process()
    result = run("on", "--reason", "pager", "--json")
    assert "1 of 1 processes follow, the slowest after 0." in result.stderr
    document = json.loads(result.stdout)
    assert (document["kill_switch"], document["confirmed"], document["refused"]) == ({"chat": True, "batch": True}, True, [])
    (entry,) = [one for one in history(settings) if one.kind == "kill_switch"]
    assert (entry.why, entry.version_before, entry.version_after) == ("pager", 3, 4)
    assert entry.seen.startswith("1 of 1 processes follow")


def test_another_flag_that_is_spoiled_or_foreign_is_no_hindrance_and_stays_as_it_is(run, put, process, tmp_path):
    broken = {"execution-engine-batch": {"variations": 7, "on": "yes", "version": "x"}}
    foreign = {"execution-engine-timeout-ms": {"key": "execution-engine-timeout-ms", "version": 2, "on": True, "variations": [1.50]}}
    put(at("live"), switch(False), broken, foreign)
    flags = process()
    result = run("on", "chat")
    assert (result.exit_code, served(flags)) == (0, "control")
    assert "the kill switch works nevertheless" in result.stderr
    after = (tmp_path / "flags.json").read_text()
    assert json.loads(after)["flags"]["execution-engine-batch"] == broken["execution-engine-batch"]
    assert "1.5" in after


def test_a_kill_switch_marked_as_deleted_works_again_after_an_edit(run, put, process):
    put(at("live"), switch(True, deleted=True))
    flags = process()
    assert served(flags) == "candidate"
    assert (run("off").exit_code, run("on").exit_code, served(flags)) == (0, 0, "control")


def test_a_spoiled_kill_switch_is_replaced(run, put, process):
    put(at("live"), switch(False, variations="x"))
    flags = process()
    assert (run("on").exit_code, served(flags)) == (0, "control")


@pytest.mark.parametrize("content", [b"", b'{"flags": {', b"<html>"], ids=["empty", "half", "html"])
def test_where_the_source_is_down_the_emergency_command_is_named_and_works(run, put, process, tmp_path, content):
    put(at("live"), switch(False))
    flags = process()
    (tmp_path / "flags.json").write_bytes(content)
    result = run("on")
    assert result.exit_code == 1
    assert "netra-migration kill on --emergency" in result.stderr
    assert served(flags) == "candidate"
    emergency = run("on", "--emergency")
    assert (emergency.exit_code, served(flags)) == (0, "control")
    assert "1 of 1 processes follow" in emergency.stderr
    assert (tmp_path / "flags.json").read_bytes() == content
    assert (run("off", "--emergency").exit_code, served(flags)) == (0, "candidate")


def test_where_the_file_is_gone_though_processes_follow_it_the_source_is_down(run, put, process, tmp_path):
    put(at("live"))
    process()
    (tmp_path / "flags.json").unlink()
    result = run("on")
    assert (result.exit_code, "restore it" in result.stderr, "--emergency" in result.stderr) == (1, True, True)


def test_in_the_wrong_folder_it_is_wrong_use_and_nothing_is_written(run, tmp_path, monkeypatch):
    result = run("on")
    assert (result.exit_code, "this is the wrong folder" in result.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path / "nowhere"))
    assert run("on", "--emergency").exit_code == 2
    assert list(tmp_path.iterdir()) == []


def test_an_emergency_file_that_no_process_sees_is_not_confirmed(run, tmp_path):
    result = run("on", "--emergency")
    assert (result.exit_code, "is not" in result.stderr) == (1, True)


def test_without_processes_it_says_so_and_holds_for_the_next_one(run, put, process):
    put(at("live"))
    result = run("on")
    assert (result.exit_code, "no process has been seen" in result.stderr) == (0, True)
    assert served(process()) == "control"


def test_with_the_database_down_the_processes_of_this_host_are_asked(run, put, process, tmp_path):
    put(at("live"))
    (tmp_path / "evidence.db").mkdir()
    flags = process()
    result = run("on")
    assert (result.exit_code, served(flags)) == (1, "control")
    assert "not confirmed: of this host 1 of 1 processes follow, by their own report" in result.stderr


def test_a_process_that_died_is_named_and_does_not_count(run, put, process, tmp_path):
    put(at("live"))
    process()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        with sqlite3.connect(tmp_path / "evidence.db") as connection:
            from migration.processes.identity import birth

            values = {"process_id": "d" * 32, "pid": other.pid, "birth": birth(other.pid)}
            connection.execute(
                "INSERT INTO migration_processes SELECT :process_id, host, :pid, :birth, NULL, seen_at, NULL, NULL, "
                "json_set(row, '$.process_id', :process_id, '$.pid', :pid, '$.birth', :birth) FROM migration_processes",
                values,
            )
        connection.close()
        other.communicate()
    result = run("on")
    assert result.exit_code == 0
    assert "1 of 1 processes follow" in result.stderr
    assert f"1 more died and serve no requests: server {other.pid}" in result.stderr


def test_at_complete_it_reaches_nobody_and_says_so_with_the_way_back(run, put, process):
    put(at("complete"), at("live", "batch"))
    flags = process()
    result = run("on", "--json")
    assert (result.exit_code, json.loads(result.stdout)["refused"]) == (1, ["chat"])
    assert "the legacy run store is no longer written" in result.stderr
    assert "stage set chat rampdown --all" in result.stderr
    assert (served(flags), served(flags, "batch")) == ("candidate", "control")


def test_those_that_it_cannot_reach_are_named_and_the_others_go_to_control(run, put, process):
    pins = [{"contextKind": "tenant", "variation": 5, "values": ["acme"]}]
    put(at("live", contextTargets=pins))
    flags = process()
    result = run("on", "chat")
    assert result.exit_code == 0
    assert "chat: control serves, but acme stay with the candidate: they are at `complete`" in result.stderr
    assert (served(flags), served(flags, tenant="globex")) == ("candidate", "control")


def by_rule(attribute, value):
    clause = {"contextKind": "tenant", "attribute": attribute, "op": "in", "values": [value], "negate": False}
    return at("live", rules=[{"id": "r", "variation": 5, "clauses": [clause]}])


def test_who_is_at_complete_by_a_rule_that_names_them_is_named_too(run, put):
    put(by_rule("key", "acme"))
    assert "chat: control serves, but acme stay with the candidate" in run("on", "chat").stderr


def test_who_is_at_complete_by_a_rule_about_attributes_is_counted(run, put, process, tmp_path, settings):
    (tmp_path / "tenants.json").write_text(json.dumps({"acme": {"plan": "pro"}, "globex": {"plan": "pro"}, "initech": {}}))
    put(by_rule("plan", "pro"))
    flags = process(replace(settings, tenant_attributes_file=tmp_path / "tenants.json"))
    until = time.monotonic() + 30
    while not any(row.known_tenants for row in ask(control_folder(tmp_path), 1.0).rows) and time.monotonic() < until:
        time.sleep(0.01)
    result = run("on", "chat")
    assert (served(flags), served(flags, tenant="initech")) == ("candidate", "control")
    assert "chat: control serves, but 2 known tenants stay with the candidate" in result.stderr


def test_where_the_link_leads_nowhere_though_processes_follow_it_nothing_is_begun_anew(run, put, process, tmp_path):
    put(at("complete"))
    (tmp_path / "mount").mkdir()
    (tmp_path / "flags.json").rename(tmp_path / "mount" / "flags.json")
    (tmp_path / "flags.json").symlink_to("mount/flags.json")
    process()
    (tmp_path / "mount" / "flags.json").unlink()
    result = run("on")
    assert (result.exit_code, "restore it" in result.stderr) == (1, True)
    assert list((tmp_path / "mount").iterdir()) == []


def test_a_link_stays_a_link_and_its_file_is_edited(run, put, process, tmp_path):
    put(at("live"))
    (tmp_path / "shared").mkdir()
    (tmp_path / "flags.json").rename(tmp_path / "shared" / "flags.json")
    (tmp_path / "flags.json").symlink_to("shared/flags.json")
    flags = process()
    assert (run("on").exit_code, served(flags)) == (0, "control")
    assert (tmp_path / "flags.json").is_symlink()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("maybe",), "'maybe' is not one of"),
        (("on", "checkout"), "use one of: chat, batch"),
        (("on", "chat", "--emergency"), "applies to all surfaces"),
    ],
)
def test_wrong_use_is_exit_code_2_with_the_valid_words(run, arguments, message):
    result = run(*arguments)
    assert (result.exit_code, message in result.stderr) == (2, True)


def test_the_switch_is_written_before_any_database_is_imported(put, tmp_path):
    put(at("live"))
    code = """
import sys
import migration.flags.editors.file as file
from migration.cli.app import app
write = file.FileEditor.write
def watched(*args, **kwargs):
    assert not {"sqlalchemy", "rich", "opentelemetry", "prometheus_client"} & set(sys.modules), sorted(sys.modules)
    print("written", flush=True)
    return write(*args, **kwargs)
file.FileEditor.write = watched
app(["kill", "on"], standalone_mode=False)
"""
    environment = {"NETRA_MIGRATION_HOME": str(tmp_path), "PATH": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.splitlines()[:1] == ["written"], done.stderr


def prerequisite(key, of):
    flag = {"key": key, "version": 1, "on": True, "variations": [True, False], "offVariation": 1, "fallthrough": {"variation": 0}}
    return {key: flag | {"prerequisites": [{"key": of, "variation": 0}]}}


def test_what_the_sdk_logs_about_a_flag_that_needs_itself_is_one_sentence(run, put, caplog, process):
    put(prerequisite("a", "b"), prerequisite("b", "a"), at("live", prerequisites=[{"key": "a", "variation": 0}]))
    process()
    caplog.clear()
    result = run("on")
    said = [line for line in result.stderr.splitlines() if "execution-engine-chat" in line]
    assert (result.exit_code, len(said), [one for one in caplog.records if one.name.startswith("ldclient.flag")]) == (0, 1, [])
    assert "finds no stage in it" in said[0]
    assert said[0].endswith("the kill switch works nevertheless")


def test_a_spoiled_file_of_the_project_does_not_stand_in_the_way(run, put, process, tmp_path, monkeypatch):
    put(at("live"))
    flags = process()
    (tmp_path / "pyproject.toml").write_text("[tool.netra-migration\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NETRA_MIGRATION_SURFACES")
    result = run("on", "chat")
    assert (result.exit_code, served(flags)) == (0, "control")
    assert "the kill switch works nevertheless" in result.stderr


def test_without_a_project_a_surface_that_no_process_serves_is_still_refused(run, put, process, tmp_path, monkeypatch):
    put(at("live"))
    flags = process()
    monkeypatch.chdir("/")
    monkeypatch.delenv("NETRA_MIGRATION_SURFACES")
    monkeypatch.delenv("NETRA_MIGRATION_PROJECT", raising=False)
    result = run("on", "chta")
    assert (result.exit_code, served(flags)) == (2, "candidate")
    assert "chat, batch" in result.stderr


@pytest.mark.parametrize(("target", "message"), [("gone/flags.json", "which does not exist"), ("flags.json", "leads in a circle")])
def test_a_link_to_nothing_is_a_source_that_is_down(run, tmp_path, target, message):
    (tmp_path / "flags.json").symlink_to(target)
    result = run("on")
    assert (result.exit_code, message in result.stderr, "kill on --emergency" in result.stderr) == (1, True, True)
    assert (tmp_path / "flags.json").is_symlink()


@pytest.mark.parametrize("asked", [("on",), ("on", "chat")])
def test_weights_of_another_surface_that_are_no_whole_are_remarked_on_and_stay(run, put, process, asked):
    put(
        at("live"),
        switch(False),
        at("live", surface="batch", fallthrough={"rollout": {"variations": [{"variation": 2, "weight": 99_000}]}}),
    )
    flags = process()
    result = run(*asked)
    assert (result.exit_code, served(flags)) == (0, "control")
    assert "execution-engine-batch: fallthrough: the weights add up to 99 %; the last variation listed gets the rest" in result.stderr

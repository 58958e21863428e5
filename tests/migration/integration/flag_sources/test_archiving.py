"""`removal flags`: which hosted flags nobody needs, and their archiving by the REST API."""

import json
import os
from contextlib import closing

import pytest
from typer.testing import CliRunner

from migration.cli.app import app
from migration.errors import EditConflictError
from migration.flags.editors.hosted import HostedEditor
from migration.flags.editors.rest import RefusedError
from migration.history import History
from migration.processes import ProcessRow, ProcessTable
from migration.processes.identity import own_birth, this_host
from migration.settings import MigrationSettings
from tests.migration.servers.launchdarkly import API_TOKEN, SDK_KEY
from tests.migration.servers.launchdarkly_rest import PatchError
from tests.unit.migration.flags.making import at, flag_file

CHAT = "execution-engine-chat"


@pytest.fixture
def home(tmp_path):
    (tmp_path / "pyproject.toml").write_text(
        '[tool.netra-migration.removal.surfaces.chat]\nengines = ["engine.py"]\nadapter = "adapter.py"\nledger = "chat.toml"\n'
    )
    return tmp_path


@pytest.fixture
def reports(home):
    """Lets this process report the surfaces of which it has control; None: it has stopped."""

    def report(surfaces):
        with closing(ProcessTable(MigrationSettings(home=home).evidence())) as table:
            known = {"role": "server", "host": this_host(), "pid": os.getpid(), "birth": own_birth(), "started_at": 0.0}
            table.beat([ProcessRow(process_id="a" * 32, code_version="1", said_at=0.0, surfaces=surfaces or [], **known)])
            if surfaces is None:
                table.ended(["a" * 32], "stopped")

    return report


@pytest.fixture
def run(home, launchdarkly, settings, monkeypatch):
    launchdarkly.flags[CHAT] = at("complete")
    launchdarkly.statuses = {"production": "active", "test": "inactive", "fresh": "new"}
    known = {
        "SDK_KEY": SDK_KEY,
        "API_TOKEN": API_TOKEN,
        "PROJECT": "default",
        "ENVIRONMENT": "production",
        "CA_FILE": str(settings.launchdarkly_ca_file or ""),
    }
    addresses = {f"{name}_URI": launchdarkly.url for name in ("BASE", "STREAM", "EVENTS", "API")}
    for name, value in (known | addresses).items():
        monkeypatch.setenv(f"NETRA_MIGRATION_LAUNCHDARKLY_{name}", value)
    monkeypatch.setenv("NETRA_MIGRATION_FLAGS_SOURCE", "launchdarkly")
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(home))
    monkeypatch.setenv("NETRA_MIGRATION_SURFACES", '["chat"]')

    def flags(*arguments):
        result = CliRunner().invoke(app, ["removal", "flags", *arguments, "--root", str(home), "--json"])
        found = json.loads(result.stdout)["flags"] if result.stdout else []
        return result.exit_code, found[0]["state"] if found else result.stderr, found[0]["detail"] if found else ""

    return flags


def test_a_flag_that_nobody_needs_is_listed_and_archived_on_request_alone(run, reports, launchdarkly, home):
    reports(None)
    assert run()[:2] == (0, "ready")
    assert launchdarkly.archived == set()
    assert run("--archive", "--reason", "chat is done")[:2] == (0, "archived")
    assert launchdarkly.archived == {CHAT}
    assert launchdarkly.patches[-1][2] == "chat is done"
    with closing(History.reading(MigrationSettings(home=home))) as log:
        entry = log.entries()[0]
    assert (entry.flag, entry.why, "archived" in entry.what) == (CHAT, "chat is done", True)
    assert run()[:2] == (0, "gone")


def test_it_is_needed_while_a_process_has_control(run, reports, launchdarkly):
    reports(["chat"])
    code, state, detail = run("--archive", "--reason", "r")
    assert (code, state) == (1, "needed")
    assert "1 running process has control" in detail
    assert launchdarkly.archived == set()


def test_it_is_needed_while_nobody_knows_what_runs(run, launchdarkly):
    code, state, detail = run("--archive", "--reason", "r")
    assert (code, state, "No process has reported" in detail) == (1, "needed", True)
    assert launchdarkly.archived == set()


@pytest.mark.parametrize(
    "flag", [at("rampdown"), at("complete", contextTargets=[{"contextKind": "tenant", "variation": 3, "values": ["a"]}])]
)
def test_it_is_needed_while_a_tenant_is_not_at_complete(run, reports, launchdarkly, flag):
    reports(None)
    launchdarkly.flags[CHAT] = flag
    assert run("--archive", "--reason", "r")[:2] == (1, "needed")
    assert launchdarkly.archived == set()


@pytest.mark.parametrize("status", ["active", "launched", "another"])
def test_it_is_needed_while_another_environment_asks_for_it(run, reports, launchdarkly, status):
    reports(None)
    launchdarkly.statuses["staging"] = status
    code, state, detail = run("--archive", "--reason", "r")
    assert (code, state, "(staging)" in detail) == (1, "needed", True)
    assert launchdarkly.archived == set()


def test_without_a_reason_nothing_is_archived(run, reports, launchdarkly):
    reports(None)
    code, message, _ = run("--archive")
    assert (code, "--archive needs --reason" in message) == (2, True)
    assert launchdarkly.archived == set()


def test_a_flag_that_was_edited_meanwhile_is_not_archived(settings, launchdarkly):
    editor = HostedEditor(settings)
    read = editor.read()
    launchdarkly.flags[CHAT] = at("live", version=9)
    with pytest.raises(EditConflictError):
        editor.archive(read, CHAT, comment="")
    assert launchdarkly.archived == set()


def test_what_launchdarkly_refuses_is_reported_in_its_words(settings, launchdarkly, monkeypatch):
    editor = HostedEditor(settings)
    read = editor.read()

    def refused(*_):
        raise PatchError(400, "invalid_request", "flag is a prerequisite of other flags")

    monkeypatch.setattr("tests.migration.servers.launchdarkly.patched", refused)
    with pytest.raises(RefusedError, match="flag is a prerequisite of other flags"):
        editor.archive(read, CHAT, comment="")


def test_a_flag_file_is_listed_with_what_to_do_and_not_archived(run, reports, home, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_FLAGS_SOURCE", "file")
    (home / "flags.json").write_bytes(flag_file(at("complete")))
    reports(None)
    code, state, detail = run()
    assert (code, state, f"remove `{CHAT}` from `flags` in the flag file" in detail) == (0, "ready", True)
    code, message, _ = run("--archive", "--reason", "r")
    assert (code, "does not archive flags" in message) == (2, True)

"""`netra-migration failover`: where control resumes failed runs, by evaluation."""

import json

import pytest
from typer.testing import CliRunner

from migration.cli.app import app
from migration.flags.meaning.data import CANDIDATE_FAILOVER
from migration.history import History
from migration.settings import MigrationSettings


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path))
    monkeypatch.setenv("NETRA_MIGRATION_SURFACES", '["chat", "batch"]')
    return lambda *arguments: CliRunner().invoke(app, ["failover", *arguments])


@pytest.fixture
def shown(run):
    return lambda: json.loads(run("show", "--json").stdout)


def test_without_a_flag_no_run_fails_over(shown):
    assert shown() == {"surfaces": {"chat": False, "batch": False}, "tenants": {}}


def test_it_is_switched_for_all_for_a_surface_or_for_a_tenant(run, shown):
    for arguments in (("on",), ("off", "--surface", "batch"), ("off", "--tenant", "acme")):
        assert run("set", *arguments).exit_code == 0
    assert shown() == {"surfaces": {"chat": True, "batch": False}, "tenants": {"acme": {"chat": False, "batch": False}}}
    assert run("set", "off").exit_code == 0
    assert shown()["surfaces"] == {"chat": False, "batch": False}


def test_the_edit_is_shown_before_it_is_written_and_kept_with_its_reason(run, tmp_path):
    said = run("set", "on", "--surface", "chat", "--reason", "tools are declared").stderr
    assert "chat: failover off -> on" in said
    assert "batch" not in said
    log = History.reading(MigrationSettings(home=tmp_path))
    entry = log.entries()[0]
    log.close()
    assert (entry.flag, entry.why) == (CANDIDATE_FAILOVER, "tools are declared")
    assert "chat: failover off -> on" in entry.what


def test_a_tenant_is_named_by_the_edit(run):
    assert "chat: failover off -> on for acme" in run("set", "on", "--tenant", "acme").stderr


def test_a_flag_on_which_a_stage_depends_is_not_switched(run, tmp_path):
    surface = {
        "key": "execution-engine-chat",
        "version": 1,
        "on": True,
        "variations": ["off", "dualwrite", "shadow", "live", "rampdown", "complete"],
        "offVariation": 0,
        "fallthrough": {"variation": 0},
        "prerequisites": [{"key": CANDIDATE_FAILOVER, "variation": 1}],
    }
    (tmp_path / "flags.json").write_text(json.dumps({"flags": {"execution-engine-chat": surface}}))
    result = run("set", "on")
    assert (result.exit_code, "as a prerequisite" in result.stderr) == (2, True)


def test_a_surface_and_a_tenant_cannot_be_combined(run, tmp_path):
    result = run("set", "on", "--surface", "chat", "--tenant", "acme")
    assert (result.exit_code, "give one of them" in result.stderr) == (2, True)
    assert not (tmp_path / "flags.json").exists()

"""`netra-migration ramp preview`: what a step would do, and that it writes nothing."""

import json

import pytest
from typer.testing import CliRunner

from migration.cli.app import app


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path))
    monkeypatch.setenv("NETRA_MIGRATION_STORES", "")
    monkeypatch.setenv("NETRA_MIGRATION_TENANTS", json.dumps([f"tenant-{number}" for number in range(100)]))
    return lambda *arguments: CliRunner().invoke(app, arguments)


def preview(run, *arguments):
    return run("ramp", "preview", *arguments)


def test_a_preview_says_who_would_move_and_writes_nothing(run, tmp_path):
    result = preview(run, "chat", "dualwrite", "--percent", "25", "--json")
    found = json.loads(result.stdout)
    (move,) = found["moves"]
    assert (result.exit_code, found["proved"], move["from"], move["to"], move["percent"]) == (0, True, "off", "dualwrite", 25.0)
    assert (found["known_tenants"], found["after"]["dualwrite"]) == (100, len(move["tenants"]))
    assert not (tmp_path / "flags.json").exists()


def test_what_would_be_refused_is_a_finding_with_the_tenants_as_evidence(run):
    result = preview(run, "chat", "live", "--all")
    assert (result.exit_code, "refused: 100 % of the tenants, among those known tenant-0" in result.stderr) == (1, True)


def test_the_same_edit_moves_whom_the_preview_named(run):
    named = json.loads(preview(run, "chat", "dualwrite", "--percent", "25", "--json").stdout)["moves"][0]["tenants"]
    moved = json.loads(run("stage", "set", "chat", "dualwrite", "--percent", "25", "--json").stdout)["moves"][0]["tenants"]
    assert named == moved


def test_a_preview_says_how_much_would_be_shadowed(run):
    run("stage", "set", "chat", "dualwrite", "--all")
    run("shadow", "set", "20")
    result = preview(run, "chat", "shadow", "--percent", "50", "--json")
    load = json.loads(result.stdout)["shadow_load"]
    assert (load["before"], load["sampling"], load["of"]) == (0.0, 20.0, "the known tenants")
    assert 30 <= load["after"] <= 70
    assert "of the known tenants have a shadow, 20 % of their runs" in result.stderr


def test_one_tenant_can_be_previewed(run):
    found = json.loads(preview(run, "chat", "dualwrite", "--tenant", "tenant-7", "--json").stdout)
    assert found["moves"][0]["tenants"] == ["tenant-7"]

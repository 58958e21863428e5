"""`netra-migration removal`: check, certificate, verify, key, in one go over real files."""

import json

import pytest
from typer.testing import CliRunner

from migration.cli.app import app
from migration.consolidation.removal.signing_key import load_key, public_key


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NETRA_MIGRATION_STORES", "")
    monkeypatch.setenv("COLUMNS", "200")
    return lambda *arguments: CliRunner().invoke(app, ["removal", *map(str, arguments)])


@pytest.fixture
def keyed(run, tmp_path):
    """Makes a key; returns its file and its public part."""
    result = run("key", "--out", tmp_path / "key.pem", "--json")
    assert result.exit_code == 0
    return tmp_path / "key.pem", json.loads(result.stdout)["public_key"]


@pytest.fixture
def tree(tmp_path):
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "pyproject.toml").write_text(
        '[tool.netra-migration.removal.surfaces.chat]\nengines = ["engine.py"]\nadapter = "adapter.py"\nledger = "chat.toml"\n'
    )
    (tmp_path / "tree" / "engine.py").write_text("class ExecutionEngine: ...\n")
    return tmp_path / "tree"


def test_a_key_is_made_once_and_its_public_part_is_told(run, keyed):
    file, public = keyed
    assert public_key(load_key(file)) == public
    again = run("key", "--out", file)
    assert (again.exit_code, "never overwritten" in again.stderr) == (2, True)


def test_the_private_key_is_never_printed(run, tmp_path):
    result = run("key", "--out", tmp_path / "key.pem")
    secret = (tmp_path / "key.pem").read_text().splitlines()[1]
    assert secret not in result.stdout + result.stderr


def test_a_surface_that_has_not_begun_is_not_ready_and_says_what_to_do(run, tree):
    result = run("check", "--root", tree, "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["ready"]) == (1, False)
    unmet = {one["name"] for one in document["surfaces"][0]["criteria"] if not one["met"]}
    assert {"complete", "no_legacy_run", "strata"} <= unmet
    assert "criteria unmet" in result.stderr


def test_for_people_each_surface_has_a_table(run, tree):
    result = run("check", "chat", "--root", tree)
    assert result.exit_code == 1
    assert "chat: not ready" in result.stdout
    assert "Not watched on 14 of 14 days" in result.stdout


def test_checking_makes_no_file(run, tree, tmp_path):
    run("check", "--root", tree)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("arguments", [("check", "chta"), ("certificate", "chta"), ("verify", "nothing.json", "--surface", "chta")])
def test_an_unknown_surface_is_wrong_use(run, tree, keyed, arguments):
    extra = ("--key", keyed[0]) if arguments[0] == "certificate" else ()
    result = run(*arguments, *extra, "--root", tree)
    assert (result.exit_code, "use one of: chat" in result.stderr) == (2, True)


def test_without_a_manifest_it_is_wrong_use(run, tmp_path):
    result = run("check", "--root", tmp_path)
    assert (result.exit_code, "cannot be read" in result.stderr) == (2, True)


def test_no_certificate_is_written_for_what_is_not_ready(run, tree, keyed, tmp_path):
    result = run("certificate", "chat", "--root", tree, "--key", keyed[0], "--out", tmp_path / "out.json", "--json")
    assert (result.exit_code, json.loads(result.stdout)["certificate"]) == (1, None)
    assert "no_legacy_run: Not watched" in result.stderr
    assert "`public-keys` do not list" in result.stderr
    assert not (tmp_path / "out.json").exists()


def test_there_is_no_default_key(run, tree):
    result = run("certificate", "--root", tree)
    assert (result.exit_code, "NETRA_MIGRATION_SIGNING_KEY_FILE" in result.stderr) == (2, True)


def test_the_key_may_come_from_the_environment(run, tree, keyed, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_SIGNING_KEY_FILE", str(keyed[0]))
    assert run("certificate", "--root", tree).exit_code == 1


@pytest.mark.parametrize("content", ["{}", "", '{"certificate": {}, "public_key": "x", "signature": "y"}'])
def test_what_is_no_valid_certificate_is_a_finding_with_the_reason(run, tree, content):
    (tree / "c.json").write_text(content)
    result = run("verify", tree / "c.json", "--root", tree, "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["valid"], document["certificate"]) == (1, False, None)
    assert document["reason"] in result.stderr


def test_a_missing_certificate_is_wrong_use(run, tree):
    assert run("verify", tree / "none.json", "--root", tree).exit_code == 2

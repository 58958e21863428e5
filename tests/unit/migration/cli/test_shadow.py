"""`netra-migration shadow`: which share of the runs is shadowed, by evaluation."""

import json

import pytest
from typer.testing import CliRunner

from migration.cli.app import app
from migration.flags.meaning.data import SHADOW_SAMPLING
from migration.history import History
from migration.settings import MigrationSettings


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path))
    monkeypatch.setenv("NETRA_MIGRATION_SURFACES", '["chat", "batch"]')
    return lambda *arguments: CliRunner().invoke(app, ["shadow", *arguments])


@pytest.fixture
def shown(run):
    return lambda: json.loads(run("show", "--json").stdout)


def test_without_flags_every_run_is_shadowed(shown):
    assert shown() == {"surfaces": {"chat": 100.0, "batch": 100.0}, "tenants": {}, "complaints": []}


def test_a_percentage_holds_for_all_a_surface_or_a_tenant(run, shown):
    for arguments in (("20",), ("5", "--surface", "chat"), ("50", "--tenant", "acme")):
        assert run("set", *arguments).exit_code == 0
    found = shown()
    assert (found["surfaces"], found["tenants"]) == ({"chat": 5.0, "batch": 20.0}, {"acme": {"chat": 50.0, "batch": 50.0}})


def test_what_was_set_for_one_can_be_taken_back(run, shown):
    run("set", "5", "--surface", "chat")
    assert run("set", "default", "--surface", "chat").exit_code == 0
    assert shown()["surfaces"]["chat"] == 100.0


def test_an_edit_says_what_changes_and_is_kept(run, tmp_path):
    run("set", "20")
    said = run("set", "50", "--tenant", "acme", "--reason", "a close look").stderr
    assert "chat: 20 % -> 50 % of the runs of acme" in said
    log = History.reading(MigrationSettings(home=tmp_path))
    entry = log.entries()[0]
    log.close()
    assert (entry.flag, entry.why) == (SHADOW_SAMPLING, "a close look")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("set", "101"), "101 % is not possible"),
        (("set", "ten"), "'ten' is not a percentage; give 0 to 100, or `default`"),
        (("set", "default"), "give --surface S or --tenant T"),
        (("set", "5", "--surface", "chat", "--tenant", "acme"), "give one of them"),
        (("set", "5", "--surface", "checkout"), "unknown surface 'checkout'"),
        (("set", "default", "--tenant", "acme"), "names no tenant 'acme'"),
    ],
)
def test_what_is_refused_says_what_to_do_and_writes_nothing(run, tmp_path, arguments, message):
    result = run(*arguments)
    assert (result.exit_code, message in result.stderr) == (2, True), result.stderr
    assert not (tmp_path / "flags.json").exists()


def test_a_value_that_is_not_a_number_is_shown_as_what_it_comes_to(run, tmp_path, shown):
    flag = {
        "key": SHADOW_SAMPLING,
        "version": 1,
        "on": True,
        "variations": [0, 50, "ten %"],
        "offVariation": 0,
        "fallthrough": {"variation": 1},
        "contextTargets": [{"contextKind": "surface", "variation": 2, "values": ["chat"]}],
    }
    (tmp_path / "flags.json").write_text(json.dumps({"flags": {SHADOW_SAMPLING: flag}}))
    found = shown()
    assert found["surfaces"] == {"chat": 100.0, "batch": 50.0}
    assert found["complaints"][0].startswith("shadow-sampling: some tenants get a value that is not a number")

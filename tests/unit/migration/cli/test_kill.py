"""`netra-migration kill`: from anywhere to control, except from `complete`."""

import json

import pytest
from typer.testing import CliRunner

from migration.cli.app import app
from migration.flags.file import FlagFile
from migration.flags.ramp import pin, share
from migration.model import Stage


@pytest.fixture
def file(tmp_path):
    return FlagFile(tmp_path / "flags.json", ["chat", "batch"])


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path))
    monkeypatch.setenv("NETRA_MIGRATION_SURFACES", '["chat", "batch"]')
    return lambda *arguments: CliRunner().invoke(app, ["kill", *arguments])


@pytest.fixture
def put(file):
    def put(surface, stage, percent=100.0, **pins):
        def change(document):
            flag = share(document.surfaces[surface], stage, percent)
            for tenant, at in pins.items():
                flag = pin(flag, tenant, at)
            return document.with_surface(flag)

        file.edit(change)

    return put


def killed(file):
    return {surface for surface in ("chat", "batch") if file.read().kill_switch.holds(surface)}


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
def test_it_turns_for_one_surface_or_for_all(run, file, commands, held):
    assert [run(*command).exit_code for command in commands] == [0] * len(commands)
    assert killed(file) == held


def test_at_complete_it_is_refused_with_the_reason_and_the_way_back(run, file, put):
    put("chat", Stage.COMPLETE)
    result = run("on", "chat")
    assert (result.exit_code, killed(file)) == (2, set())
    assert "the legacy run store is no longer written" in result.stderr
    assert "stage set chat rampdown" in result.stderr


def test_it_is_refused_for_all_only_when_it_would_reach_nobody(run, file, put):
    put("chat", Stage.COMPLETE)
    result = run("on", "--json")
    assert (result.exit_code, json.loads(result.stdout)["refused"], "batch" in killed(file)) == (1, ["chat"], True)
    assert json.loads(result.stdout)["kill_switch"] == {"chat": False, "batch": True}


@pytest.mark.parametrize(
    ("percent", "pins", "message"),
    [
        (10.0, {}, "10 % of the tenants stay with the candidate"),
        (10.0, {"acme": Stage.COMPLETE}, "10 % of the tenants and acme stay with the candidate"),
        (0.0, {"acme": Stage.COMPLETE}, "acme stay with the candidate"),
        (100.0, {"acme": Stage.LIVE}, "100 % of the tenants stay with the candidate"),
    ],
)
def test_those_that_it_cannot_reach_are_named_and_the_others_go_to_control(run, file, put, *, percent, pins, message):
    put("chat", Stage.COMPLETE, percent, **pins)
    result = run("on", "chat")
    assert (result.exit_code, killed(file), message in result.stderr) == (0, {"chat"}, True)


def test_turning_it_off_is_never_refused(run, file, put):
    run("on")
    put("chat", Stage.COMPLETE)
    assert (run("off").exit_code, killed(file)) == (0, set())


def test_as_json_it_prints_one_document(run):
    result = run("on", "chat", "--json")
    assert json.loads(result.stdout) == {"kill_switch": {"chat": True, "batch": False}, "refused": [], "version": 5}


@pytest.mark.parametrize(("arguments", "message"), [(("maybe",), "'maybe' is not one of"), (("on", "checkout"), "use one of: chat, batch")])
def test_wrong_use_is_exit_code_2_with_the_valid_words(run, arguments, message):
    result = run(*arguments)
    assert (result.exit_code, message in result.stderr) == (2, True)

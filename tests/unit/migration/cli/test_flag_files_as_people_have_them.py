"""Flag files as LaunchDarkly and people make them: what is shown is what the SDK serves, and an edit touches its flag alone.

Each is written anew here; the cases that they stand for are read, too, where they lie beside this checkout.
"""

import json
import multiprocessing
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from ldclient import Context
from ldclient.impl.evaluator import Evaluator
from ldclient.impl.events.types import EventFactory
from ldclient.versioned_data_kind import FEATURES
from typer.testing import CliRunner

from migration.cli.app import app
from migration.flags.editors.file import FileEditor
from migration.flags.edits.surface_changes import share
from migration.model import Stage

CHAT = "execution-engine-chat"
CASES = Path(__file__).parents[5] / "shared" / "cases" / "flags"
STAGES = ["off", "dualwrite", "shadow", "live", "rampdown", "complete"]
TENANTS = [f"tenant-{number}" for number in range(10_000)]


def weights(*parts, **more):
    return {"rollout": {"contextKind": "tenant", "variations": [{"variation": at, "weight": part} for at, part in enumerate(parts)]} | more}


def chat(**changed):
    """Return the chat surface's flag, 70 % at shadow and 30 % at live, with some members changed."""
    flag = {
        "key": CHAT,
        "version": 7,
        "on": True,
        "variations": STAGES,
        "offVariation": 0,
        "salt": "netra",
        "migration": {"checkRatio": 1},
        "contextTargets": [],
        "targets": [],
        "rules": [],
        "prerequisites": [],
        "fallthrough": weights(0, 0, 70_000, 30_000),
    }
    return flag | changed


RULE = {"id": "r1", "variation": 3, "clauses": [{"contextKind": "tenant", "attribute": "key", "op": "startsWith", "values": ["tenant-1"]}]}
TARGETS = [{"contextKind": "user", "variation": 0, "values": []}, {"contextKind": "tenant", "variation": 3, "values": ["acme"]}]
MADE_BY_LAUNCHDARKLY = {
    "all_six_weights": chat(fallthrough=weights(0, 0, 70_000, 30_000, 0, 0, bucketBy="key")),
    "user_placeholder": chat(contextTargets=TARGETS),
    "off_null": chat(offVariation=None),
    "rules": chat(rules=[RULE]),
    "experiment": chat(fallthrough=weights(0, 0, 70_000, 30_000, kind="experiment", seed=61)),
}
FOREIGN = {
    "key": "execution-engine-timeout-ms",
    "version": 3,
    "on": True,
    "variations": [1000, 5000],
    "fallthrough": {"variation": 1},
    "salt": "y",
}
SPOILED = {"key": "execution-engine-tools", "version": 7, "on": True, "variations": STAGES, "rules": "none"}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path))
    monkeypatch.setenv("NETRA_MIGRATION_STORES", "")
    return lambda *arguments: CliRunner().invoke(app, arguments)


@pytest.fixture
def file(tmp_path):
    return tmp_path / "flags.json"


def served(path):
    """Return each tenant's stage, asked of the SDK's own evaluator."""
    flags = {
        key: FEATURES.decode(flag)
        for key, flag in json.loads(path.read_bytes())["flags"].items()
        if isinstance(flag.get("rules", []), list)
    }
    sdk, events = Evaluator(flags.get, lambda _key: None, lambda _key: (None, "")), EventFactory(False)
    surface = Context.create("chat", "surface")
    return {
        tenant: sdk.evaluate(flags[CHAT], Context.create_multi(Context.create(tenant, "tenant"), surface), events).detail.value
        for tenant in TENANTS
    }


def shown(run):
    return json.loads(run("stage", "show", "chat", "--json").stdout)["surfaces"][0]


def case(name, written):
    """Return the text of a case, or what was written anew for it."""
    path = CASES / name
    return path.read_text() if path.exists() else json.dumps({"flags": {flag["key"]: flag for flag in written}})


def test_a_variation_beside_a_rollout_is_shown_and_moved_from_as_it_is_served(run, file):
    both = chat(fallthrough={"variation": 0} | weights(0, 0, 0, 0, 0, 100_000))
    file.write_text(case("03_variation_and_rollout/flags.json", [both]))
    assert (shown(run)["stages"], set(served(file).values())) == ({"off": 100.0}, {"off"})
    before = file.read_bytes()
    refused = run("stage", "set", "chat", "rampdown", "--all")
    assert (refused.exit_code, file.read_bytes()) == (2, before)
    assert "off -> rampdown skips a stage; go to dualwrite first" in refused.stderr


@pytest.mark.parametrize(("name", "other"), [("foreign", FOREIGN), ("spoiled_other_surface", SPOILED)])
def test_a_flag_of_others_or_a_spoiled_one_stays_byte_for_byte_and_blocks_nobody(run, file, name, other):
    text = case(f"05_foreign_or_spoiled_flag_blocks_kill/{name}.json", [chat(), other])
    file.write_text(text)
    start = text.index(f'"{other["key"]}"')
    assert run("stage", "set", "chat", "live", "--percent", "45", "--force", "--reason", "no evidence here").exit_code == 0
    assert file.read_text().endswith(text[start:])
    assert shown(run)["stages"] == {"shadow": 55.0, "live": 45.0}


@pytest.mark.parametrize("name", MADE_BY_LAUNCHDARKLY)
def test_what_launchdarkly_makes_is_raised_and_nobody_goes_back(run, file, name):
    file.write_text(case(f"17_launchdarkly_made_files/{name}.json", [MADE_BY_LAUNCHDARKLY[name]]))
    before = served(file)
    raised = run("stage", "set", "chat", "live", "--percent", "45", "--force", "--reason", "no evidence here")
    after = served(file)
    assert raised.exit_code == 0, raised.stderr
    assert {(before[tenant], after[tenant]) for tenant in TENANTS} == {("shadow", "shadow"), ("shadow", "live"), ("live", "live")}
    assert 0.18 <= sum(before[tenant] != after[tenant] for tenant in TENANTS) / list(before.values()).count("shadow") <= 0.25


@pytest.mark.parametrize("name", ["all_six_weights", "user_placeholder", "off_null", "experiment"])
def test_bands_are_shown_with_the_percentages_that_the_sdk_serves(run, file, name):
    file.write_text(json.dumps({"flags": {CHAT: MADE_BY_LAUNCHDARKLY[name]}}))
    stages, at = shown(run)["stages"], list(served(file).values())
    assert stages == {"shadow": 70.0, "live": 30.0}
    assert all(abs(at.count(stage) / len(TENANTS) - percent / 100) < 0.02 for stage, percent in stages.items())


@pytest.mark.parametrize("dealing", [{"salt": ""}, {"seed": 61}, {"seed": 0}], ids=["no salt", "seed 61", "seed 0"])
def test_from_30_to_45_percent_about_1500_of_10000_tenants_move_and_none_back(run, file, dealing):
    flag = chat(fallthrough=weights(0, 0, 70_000, 30_000, **{name: value for name, value in dealing.items() if name == "seed"}))
    if "salt" in dealing:
        del flag["salt"]
    file.write_text(json.dumps({"flags": {CHAT: flag}}))
    before = served(file)
    assert run("stage", "set", "chat", "live", "--percent", "45", "--force", "--reason", "no evidence here").exit_code == 0
    after, kept = served(file), json.loads(file.read_bytes())["flags"][CHAT]
    assert 1_350 <= sum(before[tenant] != after[tenant] for tenant in TENANTS) <= 1_650
    assert not any((before[tenant], after[tenant]) == ("live", "shadow") for tenant in TENANTS)
    assert (kept.get("salt"), kept["fallthrough"]["rollout"].get("seed")) == (flag.get("salt"), dealing.get("seed"))


@pytest.mark.parametrize(
    "command",
    [
        ("stage", "set", "chat", "live", "--percent", "45", "--force", "--reason", "no evidence here"),
        ("kill", "on"),
        ("shadow", "set", "20"),
    ],
)
def test_a_linked_file_is_edited_where_it_lies_and_the_link_stays(run, tmp_path, file, command):
    (tmp_path / "shared").mkdir()
    real = tmp_path / "shared" / "flags.json"
    real.write_text(case("14_symlinked_flag_file/flags.json", [chat()]))
    before = real.read_bytes()
    file.symlink_to("shared/flags.json")
    run(*command)
    assert (file.is_symlink(), real.read_bytes() != before, (tmp_path / "flags.json.lock").exists()) == (True, True, False)
    assert real.with_name("flags.json.lock").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can edit somebody else's file")
def test_a_file_of_the_service_user_stays_that_users_when_root_edits_it(monkeypatch):
    home = Path(tempfile.mkdtemp(prefix="flags-"))
    try:
        file = home / "flags.json"
        file.write_text(json.dumps({"flags": {CHAT: chat()}}))
        for path, mode in ((home, 0o755), (file, 0o600)):
            os.chown(path, 1000, 1000)
            path.chmod(mode)
        monkeypatch.setenv("NETRA_MIGRATION_HOME", str(home))
        monkeypatch.setenv("NETRA_MIGRATION_STORES", "")
        assert (
            CliRunner()
            .invoke(app, ["stage", "set", "chat", "live", "--percent", "40", "--force", "--reason", "no evidence here"])
            .exit_code
            == 0
        )
        assert (file.stat().st_uid, file.stat().st_gid, file.stat().st_mode & 0o777) == (1000, 1000, 0o600)
        later = multiprocessing.get_context("fork").Process(target=_edit_as_the_service_user, args=(file,))
        later.start()
        later.join(60)
        assert (later.exitcode, json.loads(file.read_bytes())["flags"][CHAT]["version"]) == (0, 9)
    finally:
        shutil.rmtree(home)


def _edit_as_the_service_user(file):
    os.setgroups([])
    os.setgid(1000)
    os.setuid(1000)
    editor = FileEditor(file)
    read = editor.read()
    editor.write(read, CHAT, share(read.data.live(CHAT), "chat", Stage.LIVE, 50.0), comment="")

"""`netra-migration stage`: what it shows, moves and refuses."""

import json

import pytest
from typer.testing import CliRunner

from migration.cli.app import app
from migration.flags.file import FlagFile
from migration.model import Stage


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path))
    monkeypatch.setenv("NETRA_MIGRATION_SURFACES", '["chat", "batch"]')
    monkeypatch.setenv("NETRA_MIGRATION_STORES", "")
    return lambda *arguments: CliRunner().invoke(app, ["stage", *arguments])


@pytest.fixture
def chat(tmp_path):
    """Return the chat surface's flag as it is in the file now."""
    return lambda: FlagFile(tmp_path / "flags.json", ["chat", "batch"]).read().surfaces["chat"]


def climb(run, *stages):
    for stage in stages:
        assert run("set", "chat", stage).exit_code == 0


def test_a_surface_moves_to_the_next_stage(run, chat):
    assert run("set", "chat", "dualwrite").exit_code == 0
    assert chat().percents()[Stage.DUALWRITE] == 100.0


def test_a_percentage_leaves_the_rest_one_stage_before(run, chat):
    climb(run, "dualwrite", "shadow")
    assert run("set", "chat", "live", "--percent", "12.5").exit_code == 0
    assert (chat().percents()[Stage.LIVE], chat().percents()[Stage.SHADOW]) == (12.5, 87.5)


def test_one_tenant_is_pinned_and_the_others_stay(run, chat):
    assert run("set", "chat", "dualwrite", "--tenant", "acme").exit_code == 0
    assert (chat().stage_of("acme"), chat().percents()[Stage.OFF]) == (Stage.DUALWRITE, 100.0)


def test_a_pinned_tenant_moves_from_where_it_is_and_not_from_where_the_surface_is(run, chat):
    climb(run, "dualwrite", "shadow")
    assert run("set", "chat", "live", "--tenant", "acme").exit_code == 0
    assert run("set", "chat", "rampdown", "--tenant", "acme").exit_code == 0
    assert chat().stage_of("acme") is Stage.RAMPDOWN


def test_an_unpinned_tenant_follows_the_surface_again(run, chat):
    run("set", "chat", "dualwrite", "--tenant", "acme")
    assert run("unpin", "chat", "acme").exit_code == 0
    assert dict(chat().pins) == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("set", "chat", "canary"), "unknown stage 'canary'; use one of: off, dualwrite, shadow, live, rampdown, complete"),
        (("set", "checkout", "live"), "unknown surface 'checkout'; use one of: chat, batch"),
        (("show", "checkout"), "unknown surface 'checkout'; use one of: chat, batch"),
        (("unpin", "checkout", "acme"), "unknown surface 'checkout'"),
        (("unpin", "chat", "acme"), "'acme' is not pinned"),
        (("set", "chat", "shadow"), "off -> shadow skips a stage; go to dualwrite first"),
        (("set", "chat", "shadow", "--tenant", "acme"), "off -> shadow skips a stage; go to dualwrite first"),
        (("set", "chat", "dualwrite", "--tenant", "acme", "--percent", "5"), "give one of them"),
        (("set", "chat", "dualwrite", "--percent", "101"), "101 % is not possible"),
        (("set", "chat", "dualwrite", "--percent", "nan"), "nan % is not possible"),
        (("set", "chat", "off", "--percent", "50"), "`off` has no stage before it"),
        (("set", "chat", "dualwrite", "--tenant", " "), "a tenant's id has"),
        (("set", "chat", "dualwrite", "--tenant", ""), "a tenant's id has"),
        (("show", "--tenant", "a\nb"), "a tenant's id has"),
        (("set", "chat", "dualwrite", "--percent", "many"), "percent"),
    ],
)
def test_wrong_use_is_exit_code_2_with_what_to_do_and_an_empty_stdout(run, tmp_path, *, arguments, message):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert not (tmp_path / "flags.json").exists()


def test_a_lower_percentage_is_refused_unless_it_is_meant(run, chat):
    climb(run, "dualwrite", "shadow", "live")
    refused = run("set", "chat", "live", "--percent", "40")
    assert (refused.exit_code, chat().percents()[Stage.LIVE]) == (2, 100.0)
    assert "60 % of the tenants: live -> shadow: that is backwards; say --allow-back" in refused.stderr
    assert run("set", "chat", "live", "--percent", "40", "--allow-back").exit_code == 0
    assert chat().percents()[Stage.LIVE] == 40.0


def test_naming_an_earlier_stage_is_asking_for_it(run, chat):
    climb(run, "dualwrite", "shadow", "dualwrite")
    assert chat().percents()[Stage.DUALWRITE] == 100.0


def test_known_tenants_are_enforced_and_named_when_the_settings_list_them(run, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_TENANTS", '["acme", "zen"]')
    unknown = run("set", "chat", "dualwrite", "--tenant", "amce")
    assert (unknown.exit_code, "unknown tenant 'amce'; use one of: acme, zen" in unknown.stderr) == (2, True)
    assert "100 % of the tenants, among them acme, zen: off -> dualwrite" in run("set", "chat", "dualwrite").stderr


def test_show_as_json_is_one_document_on_stdout(run):
    climb(run, "dualwrite")
    run("set", "chat", "shadow", "--tenant", "acme")
    shown = json.loads(run("show", "--json", "--tenant", "acme").stdout)
    assert [surface["surface"] for surface in shown["surfaces"]] == ["chat", "batch"]
    chat = shown["surfaces"][0]
    assert (chat["stages"], chat["pins"], chat["kill_switch"]) == ({"dualwrite": 100.0}, {"acme": "shadow"}, False)
    assert (chat["tenant"]["stage"], chat["tenant"]["pinned"], shown["shadow_sampling"]) == ("shadow", True, 100.0)


def test_set_as_json_says_who_moves(run):
    result = run("set", "chat", "dualwrite", "--percent", "25", "--json")
    assert json.loads(result.stdout)["moves"] == [{"from": "off", "to": "dualwrite", "percent": 25.0, "tenants": []}]


def test_show_without_json_is_a_table(run):
    climb(run, "dualwrite")
    assert "100 % dualwrite" in run("show", "chat").stdout


def test_show_without_a_file_says_so(run):
    result = run("show")
    assert (result.exit_code, "there is no flag file" in result.stderr) == (0, True)


def test_a_file_that_cannot_be_parsed_is_exit_code_2_and_left_alone(run, tmp_path):
    (tmp_path / "flags.json").write_text("{")
    result = run("set", "chat", "dualwrite")
    assert (result.exit_code, (tmp_path / "flags.json").read_text()) == (2, "{")
    assert "nothing was changed; repair the file" in result.stderr


def test_markup_in_a_tenants_name_is_plain_text(run):
    run("set", "chat", "dualwrite", "--tenant", "[red]x")
    assert "[red]x" in run("show").stdout


@pytest.mark.parametrize(("name", "value"), [("FLAGS_POLL_S", "-1"), ("TENANTS", "acme")])
def test_a_wrong_setting_is_exit_code_2_with_its_name(run, monkeypatch, *, name, value):
    monkeypatch.setenv(f"NETRA_MIGRATION_{name}", value)
    result = run("show")
    assert (result.exit_code, name.lower() in result.stderr.lower()) == (2, True)

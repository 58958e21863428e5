"""`netra-migration stage`: what it shows, moves and refuses."""

import json

import pytest
from typer.testing import CliRunner

from migration.cli.app import app
from migration.flags.meaning.contexts import Tenant
from migration.flags.meaning.data import read_flag_data
from migration.flags.meaning.evaluation import FlagEvaluator
from migration.history import History
from migration.settings import MigrationSettings

CHAT = "execution-engine-chat"
FORCE = ("--force", "--reason", "no evidence here")  # overrides the gate: nothing is compared in these tests


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path))
    monkeypatch.setenv("NETRA_MIGRATION_SURFACES", '["chat", "batch"]')
    monkeypatch.setenv("NETRA_MIGRATION_STORES", "")
    return lambda *arguments: CliRunner().invoke(app, ["stage", *arguments])


@pytest.fixture
def stages(tmp_path):
    """Return a function that says, by the SDK, at which stage these tenants are."""

    def stages(*tenants):
        data, _ = read_flag_data((tmp_path / "flags.json").read_bytes())
        with FlagEvaluator.of(data) as evaluator:
            return [evaluator.evaluate("chat", Tenant(tenant_id=tenant)).stage.value for tenant in tenants]

    return stages


@pytest.fixture
def percents(run):
    return lambda surface="chat": json.loads(run("show", surface, "--json").stdout)["surfaces"][0]["stages"]


@pytest.fixture
def put(tmp_path):
    """Write the chat surface's flag by hand, with some members changed."""

    def put(*weights, **changed):
        listed = [{"variation": index, "weight": weight} for index, weight in enumerate(weights)]
        flag = {
            "key": CHAT,
            "version": 7,
            "on": True,
            "variations": ["off", "dualwrite", "shadow", "live", "rampdown", "complete"],
            "offVariation": 0,
            "salt": "netra",
            "fallthrough": {"rollout": {"contextKind": "tenant", "variations": listed}},
        }
        (tmp_path / "flags.json").write_text(json.dumps({"flags": {CHAT: flag | changed}}))

    return put


def climb(run, *stages):
    for stage in stages:
        result = run("set", "chat", stage, "--all", *FORCE)
        assert result.exit_code == 0, result.stderr


def history(tmp_path):
    log = History.reading(MigrationSettings(home=tmp_path))
    try:
        return log.entries()
    finally:
        log.close()


def test_a_surface_moves_to_the_next_stage(run, percents):
    assert run("set", "chat", "dualwrite", "--all").exit_code == 0
    assert percents() == {"dualwrite": 100.0}


def test_a_percentage_leaves_the_rest_one_stage_before(run, percents):
    climb(run, "dualwrite", "shadow")
    assert run("set", "chat", "live", "--percent", "12.5", *FORCE).exit_code == 0
    assert percents() == {"shadow": 87.5, "live": 12.5}


def test_with_a_rest_there_may_be_three_stages_at_once(run, percents):
    for stage, percent in (("dualwrite", "10"), ("shadow", "10"), ("live", "1")):
        result = run("set", "chat", stage, "--percent", percent, "--rest", "off", *FORCE)
        assert result.exit_code == 0, result.stderr
    assert percents() == {"off": 90.0, "shadow": 9.0, "live": 1.0}


def test_one_tenant_is_pinned_and_the_others_stay(run, stages, percents):
    assert run("set", "chat", "dualwrite", "--tenant", "acme").exit_code == 0
    assert (stages("acme", "zen"), percents()) == (["dualwrite", "off"], {"off": 100.0})


def test_a_pinned_tenant_moves_from_where_it_is_and_not_from_where_the_surface_is(run, stages):
    climb(run, "dualwrite", "shadow")
    assert run("set", "chat", "live", "--tenant", "acme", *FORCE).exit_code == 0
    assert run("set", "chat", "rampdown", "--tenant", "acme", *FORCE).exit_code == 0
    assert stages("acme") == ["rampdown"]


def test_an_unpinned_tenant_follows_the_surface_again(run, stages):
    run("set", "chat", "dualwrite", "--tenant", "acme")
    assert run("unpin", "chat", "acme").exit_code == 0
    assert stages("acme") == ["off"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("set", "chat", "canary", "--all"), "unknown stage 'canary'; use one of: off, dualwrite, shadow, live, rampdown, complete"),
        (("set", "checkout", "live", "--all"), "unknown surface 'checkout'; use one of: chat, batch"),
        (("show", "checkout"), "unknown surface 'checkout'; use one of: chat, batch"),
        (("unpin", "checkout", "acme"), "unknown surface 'checkout'"),
        (("unpin", "chat", "acme"), "'acme' is not pinned"),
        (("set", "chat", "dualwrite"), "say which tenants to move: --percent P of them, --all of them, or one --tenant T"),
        (("set", "chat", "shadow", "--all"), "off -> shadow skips a stage; go to dualwrite first"),
        (("set", "chat", "shadow", "--tenant", "acme"), "acme: off -> shadow skips a stage; go to dualwrite first"),
        (("set", "chat", "dualwrite", "--tenant", "acme", "--percent", "5"), "give one of them"),
        (("set", "chat", "dualwrite", "--all", "--percent", "5"), "give one of them"),
        (("set", "chat", "dualwrite", "--all", "--rest", "off"), "give both"),
        (("set", "chat", "dualwrite", "--percent", "101"), "101 % is not possible"),
        (("set", "chat", "dualwrite", "--percent", "nan"), "nan % is not possible"),
        (("set", "chat", "off", "--percent", "50"), "`off` has no stage before it"),
        (("set", "chat", "dualwrite", "--tenant", " "), "cannot be a tenant's id: tenant_id may not be blank"),
        (("set", "chat", "dualwrite", "--all", "--force"), "--force needs --reason"),
    ],
)
def test_what_is_refused_says_what_to_do_and_writes_nothing(run, tmp_path, arguments, message):
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert not (tmp_path / "flags.json").exists()
    assert history(tmp_path) == []


def test_a_lower_percentage_is_refused_unless_it_is_meant(run, percents):
    climb(run, "dualwrite", "shadow", "live")
    refused = run("set", "chat", "live", "--percent", "40")
    assert (refused.exit_code, percents()) == (2, {"live": 100.0})
    assert "60 % of the tenants: live -> shadow" in refused.stderr
    assert "that is backwards; pass --yes to confirm" in refused.stderr
    assert run("set", "chat", "live", "--percent", "40", "--yes").exit_code == 0
    assert percents() == {"shadow": 60.0, "live": 40.0}


def test_naming_an_earlier_stage_is_asking_for_it(run, percents):
    climb(run, "dualwrite", "shadow", "dualwrite")
    assert percents() == {"dualwrite": 100.0}


def test_raising_some_never_moves_others_back(run, put, percents):
    put(50_000, 20_000, 30_000)
    result = run("set", "chat", "dualwrite", "--all", "--yes")
    assert (result.exit_code, percents()) == (2, {"off": 50.0, "dualwrite": 20.0, "shadow": 30.0})
    assert "shadow -> dualwrite is backwards, while others move forward" in result.stderr


def test_what_is_refused_can_be_forced_with_a_reason_and_both_are_kept(run, percents, tmp_path):
    result = run("set", "chat", "shadow", "--all", "--force", "--reason", "the stores were filled by hand")
    assert (result.exit_code, percents()) == (0, {"shadow": 100.0})
    (entry,) = history(tmp_path)
    assert (entry.kind, entry.surface, entry.why, entry.version_after) == ("edit", "chat", "the stores were filled by hand", 1)
    assert "off -> shadow; forced, against: " in entry.what


def test_every_edit_is_kept_with_who_what_and_versions(run, tmp_path):
    run("set", "chat", "dualwrite", "--tenant", "acme")
    run("set", "chat", "dualwrite", "--all", "--reason", "first step")
    second, first = history(tmp_path)
    assert (first.version_before, first.version_after, second.version_before, second.version_after) == (None, 1, 1, 2)
    assert (second.what, second.why) == (f"{CHAT}: 100 % of the tenants: off -> dualwrite", "first step")
    assert all(entry.who and entry.seen == "no process has been seen, so none follows yet" for entry in (first, second))


def test_an_edit_whose_history_cannot_be_kept_says_so(run, tmp_path, monkeypatch, percents):
    monkeypatch.setenv("NETRA_MIGRATION_EVIDENCE_URL", f"sqlite:///{tmp_path}/nowhere/evidence.db")
    (tmp_path / "nowhere").write_text("a file where a folder should be")
    result = run("set", "chat", "dualwrite", "--all")
    assert (result.exit_code, percents()) == (1, {"dualwrite": 100.0})
    assert "the history lacks this edit" in result.stderr


def test_known_tenants_are_enforced_and_named_when_the_settings_list_them(run, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_TENANTS", '["acme", "zen"]')
    unknown = run("set", "chat", "dualwrite", "--tenant", "amce")
    assert (unknown.exit_code, "unknown tenant 'amce'; use one of: acme, zen" in unknown.stderr) == (2, True)
    said = run("set", "chat", "dualwrite", "--all").stderr
    assert "100 % of the tenants, among those known acme, zen: off -> dualwrite" in said
    assert "evaluated: 2 known tenants; afterwards: 2 dualwrite (known: named by settings" in said


def test_an_edit_that_changes_nothing_writes_nothing(run, tmp_path):
    climb(run, "dualwrite")
    before = (tmp_path / "flags.json").stat()
    result = run("set", "chat", "dualwrite", "--all")
    assert (result.exit_code, "already has this value" in result.stderr) == (0, True)
    assert (tmp_path / "flags.json").stat().st_mtime_ns == before.st_mtime_ns


def test_show_as_json_is_one_document_on_stdout(run):
    climb(run, "dualwrite")
    run("set", "chat", "shadow", "--tenant", "acme", *FORCE)
    shown = json.loads(run("show", "--json", "--explain", "acme").stdout)
    assert [surface["surface"] for surface in shown["surfaces"]] == ["chat", "batch"]
    chat = shown["surfaces"][0]
    assert (chat["stages"], chat["pins"], chat["kill_switch"]) == ({"dualwrite": 100.0}, {"acme": "shadow"}, False)
    assert (chat["tenant"]["stage"], chat["tenant"]["reason"]["kind"]) == ("shadow", "TARGET_MATCH")
    assert shown["shadow_sampling"]["surfaces"] == {"chat": 100.0, "batch": 100.0}
    assert shown["processes"] == "no process has been seen"


def test_a_sampling_value_that_is_none_is_said_with_the_stages_even_where_only_one_tenant_gets_it(run, tmp_path):
    sampling = {
        "key": "shadow-sampling",
        "version": 1,
        "on": True,
        "variations": ["often", 100],
        "fallthrough": {"variation": 1},
        "salt": "a",
    }
    sampling |= {"contextTargets": [{"contextKind": "tenant", "variation": 0, "values": ["acme"]}]}
    (tmp_path / "flags.json").write_text(json.dumps({"flags": {"shadow-sampling": sampling}}))
    assert "shadow-sampling: some tenants get a value that is not a number from 0 to 100" in run("show").stderr


def test_a_tenant_is_explained_by_stage_reason_rule_and_bucket(run, put, tmp_path, monkeypatch):
    (tmp_path / "attributes.json").write_text('{"acme": {"plan": "free"}, "zen": {"plan": "paid"}}')
    monkeypatch.setenv("NETRA_MIGRATION_TENANT_ATTRIBUTES_FILE", "attributes.json")
    clause = {"contextKind": "tenant", "attribute": "plan", "op": "in", "values": ["free"]}
    put(0, 50_000, 50_000, rules=[{"id": "free-plan", "variation": 0, "clauses": [clause]}])
    said = run("show", "chat", "--explain", "acme").stdout
    assert "acme is at off: RULE_MATCH (rule 1, id free-plan), bucket" in said
    assert "plan='free'" in said
    place = json.loads(run("show", "chat", "--explain", "zen", "--json").stdout)["surfaces"][0]["tenant"]
    assert (place["why"], place["rule"], place["stage"]) == ("FALLTHROUGH", None, "shadow" if place["bucket"] >= 50 else "dualwrite")


def test_a_flag_with_rules_is_not_drawn_but_evaluated_and_says_so(run, put, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_TENANTS", '["acme", "zen", "tenant-1"]')
    clause = {"contextKind": "tenant", "attribute": "key", "op": "startsWith", "values": ["tenant-"]}
    put(0, 100_000, rules=[{"id": "r1", "variation": 2, "clauses": [clause]}])
    shown = json.loads(run("show", "chat", "--json").stdout)["surfaces"][0]
    assert (shown["stages"], shown["evaluated"]) == (None, {"known_tenants": 3, "stages": {"dualwrite": 2, "shadow": 1}})
    assert "evaluated 3 known tenants" in run("show", "chat").stdout


def test_bands_are_drawn_along_the_buckets(run, put):
    put(90_000, 0, 9_000, 1_000)
    assert f"|{'o' * 36}{'s' * 4}l| off 90 %, shadow 9 %, live 1 %" in run("show", "chat").stdout


def test_show_without_flags_says_so(run):
    result = run("show")
    assert (result.exit_code, "has no flags yet" in result.stderr) == (0, True)


def test_a_file_that_cannot_be_parsed_is_exit_code_2_and_left_alone(run, tmp_path):
    (tmp_path / "flags.json").write_text("{")
    result = run("set", "chat", "dualwrite", "--all")
    assert (result.exit_code, (tmp_path / "flags.json").read_text()) == (2, "{")
    assert "a part of it may be missing" in result.stderr


def test_a_spoiled_flag_of_another_surface_keeps_nobody_from_moving_and_is_shown(run, tmp_path, put, percents):
    put(100_000)
    whole = json.loads((tmp_path / "flags.json").read_text())
    whole["flags"]["execution-engine-batch"] = {"key": "execution-engine-batch", "version": 1, "on": "yes"}
    (tmp_path / "flags.json").write_text(json.dumps(whole))
    assert run("set", "chat", "dualwrite", "--all").exit_code == 0
    assert percents() == {"dualwrite": 100.0}
    shown = run("show")
    assert (shown.exit_code, "execution-engine-batch: `on` must be true or false" in shown.stderr) == (1, True)


def test_a_spoiled_flag_is_not_moved_from_where_nobody_knows(run, tmp_path):
    text = json.dumps({"flags": {CHAT: {"key": CHAT, "version": 1, "on": "yes"}}})
    (tmp_path / "flags.json").write_text(text)
    result = run("set", "chat", "dualwrite", "--all")
    assert (result.exit_code, (tmp_path / "flags.json").read_text()) == (2, text)
    assert "it cannot be shown where its tenants are" in result.stderr


def test_markup_in_a_tenants_name_is_plain_text(run):
    run("set", "chat", "dualwrite", "--tenant", "[red]x")
    assert "[red]x" in run("show").stdout


@pytest.mark.parametrize(("name", "value"), [("FLAGS_POLL_S", "-1"), ("SHADOW_QUEUE_JOBS", "many")])
def test_a_wrong_setting_is_exit_code_2_with_its_name(run, monkeypatch, *, name, value):
    monkeypatch.setenv(f"NETRA_MIGRATION_{name}", value)
    result = run("show")
    assert (result.exit_code, name.lower() in result.stderr.lower()) == (2, True)


def test_a_surface_that_only_a_variable_names_is_refused_before_anything_is_written(run, percents, monkeypatch):
    monkeypatch.setenv("NETRA_MIGRATION_SURFACES", "chat, support")
    result = run("set", "support", "shadow", "--percent", "10")
    assert (result.exit_code, percents()) == (2, {"off": 100.0})
    assert "[tool.netra-migration.surfaces]" in result.stderr


@pytest.mark.parametrize("command", [["stage", "show"], ["status"], ["shadow", "show"]])
def test_where_no_surface_is_configured_a_page_without_any_is_not_shown(command, tmp_path, monkeypatch):
    monkeypatch.chdir("/")
    for name in ("SURFACES", "PROJECT"):
        monkeypatch.delenv(f"NETRA_MIGRATION_{name}", raising=False)
    monkeypatch.setenv("NETRA_MIGRATION_HOME", str(tmp_path))
    result = CliRunner().invoke(app, command)
    assert (result.exit_code, "no surface is configured" in result.stderr) == (2, True)


def test_a_link_to_nothing_is_not_taken_for_a_beginning(run, tmp_path):
    (tmp_path / "flags.json").symlink_to("gone.json")
    for command in (["show"], ["set", "chat", "dualwrite", "--all"]):
        result = run(*command)
        assert (result.exit_code, "which does not exist" in result.stderr) == (2, True)
    assert not (tmp_path / "gone.json").exists()


def switch_giving(*values):
    return {"key": "execution-engine-kill-switch", "version": 1, "on": True, "variations": list(values), "fallthrough": {"variation": 0}}


def test_a_kill_switch_that_gives_no_position_is_said_to(run, tmp_path):
    flag = switch_giving("no", "yes")
    (tmp_path / "flags.json").write_text(json.dumps({"flags": {flag["key"]: flag}}))
    result = run("show")
    assert (result.exit_code, result.stderr.count("gives a value that is not true or false")) == (1, 1)


@pytest.mark.parametrize(
    "clause",
    [
        {"contextKind": "tenant", "attribute": "key", "op": "in", "values": ["acme"]},
        {"contextKind": "tenant", "attribute": "plan", "op": "in", "values": ["free"]},
    ],
)
@pytest.mark.parametrize(("value", "complains"), [(7, False), ("7", True)])
def test_a_sampling_value_that_a_rule_gives_is_shown_or_complained_of(run, tmp_path, monkeypatch, clause, value, complains):
    (tmp_path / "tenants.json").write_text('{"acme": {"plan": "free"}}')
    monkeypatch.setenv("NETRA_MIGRATION_TENANT_ATTRIBUTES_FILE", str(tmp_path / "tenants.json"))
    flag = {"key": "shadow-sampling", "version": 1, "on": True, "variations": [value, 100], "fallthrough": {"variation": 1}}
    flag["rules"] = [{"id": "r", "variation": 0, "clauses": [clause]}]
    (tmp_path / "flags.json").write_text(json.dumps({"flags": {flag["key"]: flag}}))
    result = run("show")
    shown = "shadow sampling of acme: 7 %" in result.stdout
    assert (shown, "not a number from 0 to 100" in result.stderr) == (not complains, complains)


def test_a_step_that_its_gate_does_not_allow_is_held_with_the_reasons(run, percents):
    climb(run, "dualwrite")
    held = run("set", "chat", "shadow", "--percent", "10")
    assert (held.exit_code, percents()) == (1, {"dualwrite": 100.0})
    assert "held: the gate of dualwrite 100 % says hold: The step has to last" in held.stderr
    assert "`--force --reason TEXT` overrides the gate" in held.stderr


def test_a_held_step_as_json_says_why_it_was_not_written(run):
    climb(run, "dualwrite")
    found = json.loads(run("set", "chat", "shadow", "--percent", "10", "--json").stdout)
    assert (found["written"], found["proved"]) == (False, True)
    assert found["held"][0].startswith("the gate of dualwrite 100 % says hold")


def test_an_overridden_gate_is_in_the_history_with_its_reasons(run, tmp_path):
    climb(run, "dualwrite", "shadow")
    newest = history(tmp_path)[0]
    assert (newest.why, "forced, against: the edit skips steps of the ramp: shadow 10 %" in newest.what) == ("no evidence here", True)
    assert "the gate of dualwrite 100 % says hold" in newest.what


def test_a_pin_asks_the_gate_of_the_stage_that_its_tenant_leaves(run, stages):
    climb(run, "dualwrite", "shadow")
    assert run("set", "chat", "live", "--tenant", "acme").exit_code == 1
    assert stages("acme") == ["shadow"]


def test_going_back_needs_no_gate(run, percents):
    climb(run, "dualwrite", "shadow", "live")
    for stage in ("shadow", "dualwrite", "off"):
        assert run("set", "chat", stage, "--all").exit_code == 0
    assert percents() == {"off": 100.0}

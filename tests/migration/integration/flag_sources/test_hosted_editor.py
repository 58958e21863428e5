"""Edits by LaunchDarkly's REST API: what is sent, that one of two wins, and that every refusal says what to do."""

import threading
import time

import pytest
from msgspec.structs import replace

from migration.errors import EditConflictError, FlagSourceError
from migration.flags.editors.hosted import HostedEditor
from migration.flags.edits.switch_changes import kill, sample
from migration.flags.meaning.contexts import Tenant
from migration.flags.meaning.evaluation import FlagEvaluator
from migration.flags.sources.hosted import HostedSource
from migration.variables import Secret
from tests.migration.integration.flag_sources.conftest import eventually
from tests.migration.servers.launchdarkly import API_TOKEN, Faults
from tests.unit.migration.flags.making import at, clause, kill_switch, rollout, rule, surface_flag

CHAT, KILL, SAMPLING = "execution-engine-chat", "execution-engine-kill-switch", "shadow-sampling"
SEMANTIC = "application/json; domain-model=launchdarkly.semanticpatch"


@pytest.fixture
def editor(settings):
    return HostedEditor(settings)


def moved(read, stage="live", percent=30.0, **fields):
    """The chat's flag one edit later."""
    flag = read.data.flags[CHAT]
    return {**flag, "fallthrough": rollout(**{stage: percent}), "version": flag["version"] + 1, **fields}


def test_flags_are_read_as_sdks_get_them(editor, launchdarkly):
    assert editor.read().data.flags == launchdarkly.flags


def test_without_streaming_flags_are_read_by_the_poll(settings, launchdarkly):
    editor = HostedEditor(replace(settings, launchdarkly_stream=False))
    assert editor.read().data.flags == launchdarkly.flags
    assert ("GET", "/all") not in launchdarkly.requests


def test_an_edit_is_conditional_on_the_version_read_and_carries_its_comment(editor, launchdarkly):
    read = editor.read()
    found = editor.write(read, CHAT, moved(read), comment="ramp to 30 %")
    ((kind, body, comment),) = launchdarkly.patches
    assert (kind, comment) == ("application/json", "ramp to 30 %")
    assert body["patch"][0] == {"op": "test", "path": "/environments/production/version", "value": 1}
    assert [operation["path"] for operation in body["patch"][1:]] == ["/environments/production/fallthrough"]
    assert (launchdarkly.flags[CHAT]["fallthrough"], found.data.flags[CHAT]) == (rollout(live=30), launchdarkly.flags[CHAT])


def test_an_edit_is_followed_by_the_sdk(editor, settings, follow):
    seen = follow(HostedSource(settings))
    read = editor.read()
    editor.write(read, CHAT, moved(read, "live", 100), comment="")
    eventually(lambda: seen.stage() == "live")


def test_rules_and_targets_of_others_stay(editor, launchdarkly):
    rules = [rule({"variation": 1}, clause("plan", "in", "free"))]
    launchdarkly.flags[CHAT] = surface_flag(rules=rules, pins={"acme": "live"}, targets=[{"variation": 2, "values": ["ada"]}])
    read = editor.read()
    editor.write(read, CHAT, moved(read), comment="")
    after = launchdarkly.flags[CHAT]
    assert (after["rules"], after["targets"]) == (rules, [{"variation": 2, "values": ["ada"]}])


def test_a_percentage_of_shadowed_runs_that_the_flag_does_not_list_is_added_to_it(editor, launchdarkly, settings, follow):
    seen = follow(HostedSource(settings))
    read = editor.read()
    editor.write(read, SAMPLING, sample(read.data.flags[SAMPLING], 12.5), comment="")
    eventually(lambda: FlagEvaluator(seen.client).sampling("chat", Tenant(tenant_id="acme")) == 12.5)
    assert launchdarkly.flags[SAMPLING]["variations"] == [0, 100, 12.5]


def test_of_two_edits_one_wins_and_the_other_is_told_what_changed(editor, launchdarkly):
    read = editor.read()
    editor.write(read, CHAT, moved(read), comment="")
    with pytest.raises(EditConflictError, match=f"{CHAT}: version 1 -> 2, other fallthrough"):
        editor.write(read, CHAT, moved(read, percent=60), comment="")
    assert launchdarkly.flags[CHAT]["fallthrough"] == rollout(live=30)


def test_of_edits_at_the_same_moment_one_wins(settings, launchdarkly):
    """Between the look at the flag and the patch, too: LaunchDarkly tests the version itself."""
    read, won, told = HostedEditor(settings).read(), [], []
    start = threading.Barrier(6)

    def edit(percent: float) -> None:
        start.wait()
        try:
            HostedEditor(settings).write(read, CHAT, moved(read, percent=percent), comment="")
            won.append(percent)
        except EditConflictError as error:
            told.append(error.changed)

    editors = [threading.Thread(target=edit, args=(10.0 * number,)) for number in range(1, 7)]
    for thread in editors:
        thread.start()
    for thread in editors:
        thread.join(60)
    assert (len(won), len(told)) == (1, 5)
    assert launchdarkly.flags[CHAT]["fallthrough"] == rollout(live=won[0])
    assert all(f"{CHAT}: version 1 -> 2" in changed[0] for changed in told)


def test_an_edit_by_somebody_right_after_ours_is_told(editor, launchdarkly, monkeypatch):
    read = editor.read()
    taken = launchdarkly.put_flag

    def put_twice(flag, **options):
        taken(flag, **options)
        taken({**flag, "fallthrough": rollout(live=5), "version": flag["version"] + 1}, **options)

    monkeypatch.setattr(launchdarkly, "put_flag", put_twice)
    with pytest.raises(FlagSourceError, match="was accepted, but at version 3 fallthrough differ: another edit was made right after it"):
        editor.write(read, CHAT, moved(read), comment="")


def test_versions_that_are_counted_otherwise_by_the_api_refuse_nothing(editor, launchdarkly):
    read = editor.read()
    launchdarkly.flags[CHAT] = {**launchdarkly.flags[CHAT], "version": 41}
    editor.write(read, CHAT, moved(read), comment="")
    assert launchdarkly.flags[CHAT]["fallthrough"] == rollout(live=30)


def test_the_kill_switch_is_set_by_intent_whatever_anybody_did_to_it(editor, launchdarkly):
    launchdarkly.flags[KILL] = kill_switch(on=False, surfaces={"batch": False})
    read = editor.read()
    meanwhile = kill_switch(on=False, surfaces={"batch": False, "tools": False}, version=7)
    launchdarkly.put_flag({**meanwhile, "on": False})
    editor.write(read, KILL, kill_switch(on=True, surfaces={"batch": True}, version=2), comment="3 a.m.")
    ((kind, body, comment),) = launchdarkly.patches
    assert (kind, comment) == (SEMANTIC, "3 a.m.")
    assert [each["kind"] for each in body["instructions"]] == [
        "turnFlagOn",
        "updateFallthroughVariationOrRollout",
        "removeTargets",
        "addTargets",
    ]
    after = launchdarkly.flags[KILL]
    targets = {(target["variation"], *target["values"]) for target in after["contextTargets"] if target["values"]}
    assert (after["on"], after["fallthrough"], targets) == (True, {"variation": 1}, {(1, "batch"), (0, "tools")})


def test_what_kill_on_makes_of_a_kill_switch_with_rules_targets_and_prerequisites_arrives(editor, launchdarkly, settings, follow):
    others = [rule({"variation": 0}, clause("plan", "in", "enterprise"))]
    asks = [{"key": "execution-engine-chat", "variation": 5}]
    launchdarkly.flags[KILL] = kill_switch(on=False, rules=others, prerequisites=asks, targets=[])
    seen = follow(HostedSource(settings))
    read = editor.read()
    wanted = kill(read.data.flags[KILL], True, None, ("chat", "tools"))
    found = editor.write(read, KILL, wanted, comment="")
    eventually(seen.killed)
    assert launchdarkly.flags[KILL]["rules"] == others
    assert (found.data.flags[KILL]["prerequisites"], launchdarkly.flags[KILL]["prerequisites"]) == ([], [])
    editor.write(editor.read(), KILL, kill(editor.read().data.flags[KILL], False, "chat", ("chat", "tools")), comment="")
    eventually(lambda: not seen.killed())


def test_a_kill_switch_that_is_so_already_is_not_sent(editor, launchdarkly):
    read = editor.read()
    launchdarkly.put_flag(kill_switch(on=True, version=2))
    editor.write(read, KILL, kill_switch(on=True, version=2), comment="")
    assert launchdarkly.patches == []


def test_a_limit_is_waited_for_as_its_header_says(editor, launchdarkly):
    read = editor.read()
    reset = {"X-Ratelimit-Reset": str(int((time.time() + 1.5) * 1000))}
    launchdarkly.faults.rest = [(429, {"code": "rate_limited"}, reset), (429, {"code": "rate_limited"}, {"Retry-After": "1"})]
    began = time.monotonic()
    editor.write(read, CHAT, moved(read), comment="")
    assert time.monotonic() - began >= 1.5
    assert len(launchdarkly.patches) == 1


@pytest.mark.parametrize("header", ["X-Ratelimit-Reset", "X-Ratelimit-Auth-Token-Reset"])
def test_a_limit_that_lasts_too_long_is_told_with_its_end(header, editor, launchdarkly):
    read = editor.read()
    launchdarkly.faults.rest = [(429, {"code": "rate_limited"}, {header: str(int((time.time() + 600) * 1000))})]
    with pytest.raises(FlagSourceError, match=r"nothing was changed; LaunchDarkly accepts the next one in (599|600|601) s"):
        editor.write(read, CHAT, moved(read), comment="")


def test_approval_that_is_required_is_told_with_what_to_do(editor, launchdarkly):
    read = editor.read()
    launchdarkly.faults = Faults(approval=True)
    with pytest.raises(FlagSourceError, match=r"requires approval .*request the change on the flag's page .* nothing was changed"):
        editor.write(read, CHAT, moved(read), comment="")
    assert launchdarkly.flags[CHAT]["version"] == 1


@pytest.mark.parametrize(
    ("status", "message", "said"),
    [
        (401, "Invalid access token", "the key is refused (401); check NETRA_MIGRATION_LAUNCHDARKLY_API_TOKEN"),
        (403, "Access to the requested resource was denied", "the token may not do this (403: Access to the requested"),
        (404, "Unknown resource", "there is no such flag in the project `default`, or the token may not see it (404)"),
        (400, "pending scheduled changes would fail", "LaunchDarkly refuses it (400: pending scheduled changes would fail)"),
        (503, "", "it has an internal error (503)"),
    ],
)
def test_a_refusal_is_an_operators_sentence(status, message, said, editor, launchdarkly):
    read = editor.read()
    launchdarkly.faults.rest = [(status, {"code": "x", "message": message}, {})]
    with pytest.raises(FlagSourceError) as refused:
        editor.write(read, CHAT, moved(read), comment="")
    assert said in str(refused.value)
    assert API_TOKEN not in str(refused.value)
    assert launchdarkly.patches == []


def test_a_flag_that_does_not_exist_is_to_be_made_at_launchdarkly(editor, launchdarkly):
    read = editor.read()
    with pytest.raises(FlagSourceError, match="execution-engine-batch does not exist in the project `default`; create it"):
        editor.write(read, "execution-engine-batch", at("off", "batch"), comment="")


def test_an_environment_that_does_not_exist_is_named(settings):
    editor = HostedEditor(replace(settings, launchdarkly_environment="prod"))
    read = editor.read()
    with pytest.raises(FlagSourceError, match="is not in the environment `prod`; check NETRA_MIGRATION_LAUNCHDARKLY_ENVIRONMENT"):
        editor.write(read, CHAT, moved(read), comment="")


def test_without_a_token_flags_can_be_read_and_edits_name_the_setting(settings):
    editor = HostedEditor(replace(settings, launchdarkly_api_token=Secret("")))
    read = editor.read()
    with pytest.raises(FlagSourceError, match="edits need NETRA_MIGRATION_LAUNCHDARKLY_API_TOKEN"):
        editor.write(read, CHAT, moved(read), comment="")


def test_what_only_launchdarkly_edits_is_refused(editor):
    read = editor.read()
    with pytest.raises(FlagSourceError, match="salt of a hosted flag is edited at LaunchDarkly"):
        editor.write(read, CHAT, moved(read, salt="other"), comment="")


@pytest.mark.parametrize(
    ("fault", "said"), [("html", "a page came back"), ("garbage", "cannot be read"), ("half", "the connection was cut")]
)
def test_what_cannot_be_read_is_told(fault, said, editor, launchdarkly):
    setattr(launchdarkly.faults, fault, True)
    with pytest.raises(FlagSourceError, match=said):
        editor.read()


def test_an_edit_that_was_never_answered_is_looked_after(editor, launchdarkly, monkeypatch):
    read = editor.read()
    taken = launchdarkly.put_flag

    def put_and_die(flag, **options):
        taken(flag, **options)
        monkeypatch.setattr(launchdarkly, "put_flag", taken)
        launchdarkly.cut()

    monkeypatch.setattr(launchdarkly, "put_flag", put_and_die)
    found = editor.write(read, CHAT, moved(read), comment="")
    assert found.data.flags[CHAT]["version"] == 2


def test_an_edit_without_a_connection_says_that_nothing_was_changed(editor, launchdarkly):
    read = editor.read()
    launchdarkly.stop()
    with pytest.raises(FlagSourceError, match="the connection is refused"):
        editor.write(read, CHAT, moved(read), comment="")
    assert launchdarkly.flags[CHAT]["version"] == 1


def test_a_token_with_a_line_end_is_the_same_token_and_one_that_cannot_be_is_not_shown(settings, launchdarkly):
    editor = HostedEditor(replace(settings, launchdarkly_api_token=Secret(API_TOKEN + "\n")))
    read = editor.read()
    editor.write(read, CHAT, moved(read), comment="")
    assert launchdarkly.flags[CHAT]["version"] == 2
    broken = HostedEditor(replace(settings, launchdarkly_api_token=Secret("api-one\napi-two")))
    with pytest.raises(FlagSourceError, match="NETRA_MIGRATION_LAUNCHDARKLY_API_TOKEN has characters that no token has") as refused:
        broken.write(broken.read(), CHAT, moved(broken.read()), comment="")
    assert "api-one" not in str(refused.value)

"""What is taken of a source, flag by flag, and what holds instead of what is bad, missing, older or not to be read."""

import json

import pytest
from ldclient.interfaces import DataSourceErrorInfo, DataSourceErrorKind, DataSourceState
from ldclient.versioned_data_kind import FEATURES, SEGMENTS

from migration.flags.intake.intake import FlagIntake
from migration.flags.intake.snapshot import Snapshot
from migration.flags.meaning.contexts import Tenant
from migration.flags.meaning.data import KILL_SWITCH, FlagData, read_flag_data
from migration.flags.meaning.evaluation import FlagEvaluator
from tests.unit.migration.flags.making import at, clause, flag_file, kill_switch, rule, sampling, surface_flag, switch

CHAT, TOOLS = "execution-engine-chat", "execution-engine-tools"


@pytest.fixture
def intake(clock):
    return FlagIntake("file:flags.json", ("chat", "tools"), clock=clock)


def take(intake, *flags, segments=()):
    intake.take(*read_flag_data(flag_file(*flags, segments=segments)))


def stage(intake, surface="chat", tenant="acme"):
    with FlagEvaluator.of(intake.data) as evaluator:
        return evaluator.stage(surface, Tenant(tenant_id=tenant)).stage


def test_before_the_first_reading_nothing_is_known(intake):
    status = intake.status()
    assert (status.up, status.age_s, status.version, intake.unknown >= {CHAT, TOOLS, KILL_SWITCH}) == (False, None, 0, True)


def test_a_flag_that_is_spoiled_keeps_its_last_known_state_and_touches_no_other(intake):
    take(intake, at("live"), at("shadow", "tools"))
    take(intake, at("rampdown", version=2), {**at("live", "tools", version=2), "on": "yes"})
    assert (stage(intake, "chat"), stage(intake, "tools"), intake.held) == ("rampdown", "shadow", {TOOLS})
    assert "execution-engine-tools: `on` must be true or false" in intake.status().error
    assert not intake.status().up


def test_a_flag_of_others_that_is_spoiled_is_named_and_the_source_stays_up(intake, clock):
    foreign = {**switch("execution-engine-timeout-ms", [1], 0), "version": None}
    take(intake, at("live"), foreign)
    clock.now += 60
    intake.good()
    status = intake.status()
    assert (status.up, status.age_s, "execution-engine-timeout-ms" in status.error) == (True, 0.0, True)


def test_a_flag_of_ours_that_is_left_out_keeps_its_last_known_state(intake):
    take(intake, at("complete"), kill_switch(on=True))
    take(intake)
    assert (stage(intake), intake.held, intake.status().up) == ("complete", {CHAT, KILL_SWITCH}, False)


def test_a_flag_of_ours_that_was_never_there_is_not_missed(intake):
    take(intake, at("live"))
    assert (intake.status().up, intake.status().error, intake.held) == (True, None, frozenset())


def test_a_flag_that_the_source_marks_as_deleted_is_deleted(intake):
    take(intake, at("live"), kill_switch(on=True))
    take(intake, at("live"), kill_switch(on=True, deleted=True, version=2))
    with FlagEvaluator.of(intake.data) as evaluator:
        assert (evaluator.killed("chat", Tenant(tenant_id="acme")), intake.held, intake.status().up) == (False, frozenset(), True)


def test_what_our_flags_depend_on_keeps_its_last_known_state_too(intake):
    needs = at("live", prerequisites=[{"key": "allowed", "variation": 1}], rules=[])
    by_segment = surface_flag("tools", rules=[rule({"variation": 3}, clause("key", "segmentMatch", "beta"))])
    allowed = switch("allowed", [False, True], 1, rules=[rule({"variation": 1}, clause("key", "segmentMatch", "inner"))])
    segments = [
        {"key": "beta", "version": 1, "rules": [{"clauses": [clause("key", "segmentMatch", "inner")]}]},
        {"key": "inner", "version": 1, "includedContexts": [{"contextKind": "tenant", "values": ["acme"]}]},
    ]
    take(intake, needs, by_segment, allowed, segments=segments)
    take(intake, needs, by_segment)
    assert (stage(intake), stage(intake, "tools"), intake.held) == ("live", "live", {"allowed"})
    assert "segment inner: is missing" in intake.status().error


def test_what_nobody_here_needs_may_come_and_go(intake):
    take(intake, at("live"), switch("theirs", [1], 0), segments=[{"key": "s", "version": 1}])
    take(intake, at("live"))
    assert (set(intake.data.flags), dict(intake.data.segments), intake.status().error) == ({CHAT}, {}, None)


@pytest.mark.parametrize(
    "useless", [{"variations": ["of", "on"]}, {"fallthrough": {"variation": 9}}, {"fallthrough": {}}, {"variations": []}], ids=str
)
def test_a_flag_of_which_the_sdk_makes_nothing_for_anybody_does_not_take_the_place_of_a_good_one(intake, useless):
    take(intake, at("complete"))
    take(intake, {**at("complete", version=2), **useless})
    assert (stage(intake), intake.held, intake.status().up) == ("complete", {CHAT}, False)


def test_a_kill_switch_that_is_neither_true_nor_false_does_not_take_the_place_of_a_good_one(intake):
    take(intake, at("live"), kill_switch(on=True))
    take(intake, at("live"), {**kill_switch(on=True, version=2), "variations": ["no", "yes"]})
    with FlagEvaluator.of(intake.data) as evaluator:
        assert (evaluator.killed("chat", Tenant(tenant_id="acme")), intake.held) == (True, {KILL_SWITCH})


def test_a_flag_that_was_never_good_is_taken_as_it_is_and_counts_as_unknown(intake):
    take(intake, surface_flag(fallthrough={"variation": 9}), at("live", "tools"))
    assert (set(intake.data.flags), intake.unknown, intake.status().up) == ({CHAT, TOOLS}, {CHAT}, False)


def test_a_bad_sampling_is_no_reason_to_hold_anything(intake):
    take(intake, at("live"), sampling(10))
    take(intake, at("complete", version=2), sampling("ten %", version=2))
    assert (stage(intake), intake.held, intake.status().up) == ("complete", frozenset(), True)


def test_while_the_source_cannot_be_read_the_last_known_flags_hold_and_grow_older(intake, clock):
    take(intake, at("live"))
    clock.now += 30
    intake.down("it does not exist")
    status = intake.status()
    assert (stage(intake), intake.held, status.up, status.age_s) == ("live", {CHAT}, False, 30.0)
    assert status.error == "file:flags.json: it does not exist; the last known flags stay in use"


def test_a_source_that_is_found_well_again_is_up_and_young(intake, clock):
    take(intake, at("live"))
    intake.down("it does not exist")
    clock.now += 30
    intake.good()
    assert (intake.status().up, intake.status().age_s, intake.status().error, intake.held) == (True, 0.0, None, frozenset())


def test_a_source_that_falls_silent_is_not_up(intake, clock):
    intake.silence_s = 5.0
    take(intake, at("live"))
    clock.now += 6
    assert (intake.status().up, "has not answered for 5 s" in intake.status().error) == (False, True)


def test_an_older_full_state_is_taken_since_somebody_restored_it(intake):
    take(intake, at("live", version=9))
    take(intake, at("shadow", version=2))
    assert (stage(intake), intake.status().version) == ("shadow", 2)


def test_values_that_python_calls_equal_are_still_a_change(intake):
    changes = []
    take(intake, at("live"), sampling(1))
    intake.on_change(lambda: changes.append(intake.data.flags["shadow-sampling"]["variations"][1]))
    take(intake, at("live"), sampling(True))
    assert changes == [True]


def test_listeners_hear_of_changes_alone(intake):
    heard = []
    intake.on_change(lambda: heard.append(intake.status().up))
    take(intake, at("live"))
    take(intake, at("live"))
    intake.good()
    intake.down("gone")
    intake.down("gone")
    intake.good()
    assert heard == [True, False, True]


class Sink:
    """The SDK's end."""

    def __init__(self):
        self.sets, self.statuses, self.broken = [], [], False

    def init(self, all_data):
        if self.broken:
            raise TypeError("'NoneType' object is not iterable")
        self.sets.append({kind.namespace: set(items) for kind, items in all_data.items()})

    def update_status(self, state, error):
        self.statuses.append(state)


def test_the_sdk_gets_each_change_once(intake):
    sink = Sink()
    intake.connect(sink)
    take(intake, at("live"))
    take(intake, at("live"))
    take(intake, at("live"), switch("theirs", [1], 0))
    assert sink.sets == [{"features": {CHAT}, "segments": set()}, {"features": {CHAT, "theirs"}, "segments": set()}]


def test_flags_that_the_sdk_does_not_take_change_nothing(intake):
    sink = Sink()
    intake.connect(sink)
    take(intake, at("live"))
    sink.broken = True
    take(intake, at("off", version=2))
    assert (stage(intake), intake.status().up, "does not accept its flags" in intake.status().error) == ("live", False, True)
    sink.broken = False
    take(intake, at("shadow", version=3))
    assert (stage(intake), intake.status().up) == ("shadow", True)


def test_a_patch_is_taken_unless_it_is_older(intake):
    intake.init({FEATURES: {CHAT: at("shadow", version=5)}, SEGMENTS: {}})
    intake.upsert(FEATURES, at("off", version=5))
    stays = stage(intake)
    intake.upsert(FEATURES, at("live", version=6))
    assert (stays, stage(intake)) == ("shadow", "live")


def test_a_spoiled_patch_is_named_until_a_good_one_comes(intake):
    intake.init({FEATURES: {CHAT: at("shadow", version=5), TOOLS: at("live", "tools")}, SEGMENTS: {}})
    intake.upsert(FEATURES, {**at("live", version=6), "rules": "none"})
    assert (stage(intake), intake.held, "`rules` must be a list" in intake.status().error) == ("shadow", {CHAT}, True)
    intake.upsert(FEATURES, at("off", "tools", version=2))
    assert (stage(intake, "tools"), intake.held) == ("off", {CHAT})
    intake.upsert(FEATURES, at("live", version=7))
    assert (stage(intake), intake.held, intake.status().error) == ("live", frozenset(), None)


def test_a_delete_puts_a_tombstone_that_older_patches_do_not_lift(intake):
    intake.init({FEATURES: {CHAT: at("shadow", version=5)}, SEGMENTS: {}})
    intake.delete(FEATURES, CHAT, 4)
    kept = stage(intake)
    intake.delete(FEATURES, CHAT, 6)
    intake.upsert(FEATURES, at("live", version=6))
    assert (kept, stage(intake), intake.status().up) == ("shadow", None, True)


def test_a_segment_is_patched_and_deleted_like_a_flag(intake):
    chat = surface_flag(rules=[rule({"variation": 3}, clause("key", "segmentMatch", "beta"))])
    intake.init({FEATURES: {CHAT: chat}, SEGMENTS: {}})
    intake.upsert(SEGMENTS, {"key": "beta", "version": 1, "includedContexts": [{"contextKind": "tenant", "values": ["acme"]}]})
    inside = stage(intake)
    intake.delete(SEGMENTS, "beta", 2)
    assert (inside, stage(intake)) == ("live", "off")


ANSWERS = {
    401: "the SDK key is wrong",
    404: "the address is not one of LaunchDarkly",
    503: "it will be tried again",
}


@pytest.mark.parametrize(("code", "words"), ANSWERS.items())
def test_what_the_sdk_reports_is_said_in_words_for_the_operator(intake, code, words):
    sink = Sink()
    intake.connect(sink)
    take(intake, at("live"))
    intake.update_status(DataSourceState.INTERRUPTED, DataSourceErrorInfo(DataSourceErrorKind.ERROR_RESPONSE, code, 0.0, "HTTP 4xx"))
    assert (words in intake.status().error, stage(intake), sink.statuses) == (True, "live", [DataSourceState.INTERRUPTED])


@pytest.fixture
def snapshot(tmp_path):
    return Snapshot(tmp_path, "file:flags.json")


def test_flags_survive_a_restart_without_the_source(snapshot, clock):
    take(FlagIntake("file:flags.json", ("chat",), snapshot=snapshot, clock=clock), at("complete"))
    restarted = FlagIntake("file:flags.json", ("chat",), snapshot=snapshot, clock=clock)
    sink = Sink()
    restarted.connect(sink)
    restarted.down("it does not exist")
    status = restarted.status()
    assert (stage(restarted), restarted.unknown, sink.sets[0]["features"]) == ("complete", frozenset(), {CHAT})
    assert (status.up, status.from_snapshot, status.version, status.age_s) == (False, True, 1, None)


def test_a_flag_that_is_spoiled_at_a_restart_keeps_the_state_of_the_snapshot(snapshot, clock):
    take(FlagIntake("file:flags.json", ("chat",), snapshot=snapshot, clock=clock), at("complete"))
    restarted = FlagIntake("file:flags.json", ("chat",), snapshot=snapshot, clock=clock)
    take(restarted, {**at("off", version=2), "on": "yes"})
    assert (stage(restarted), restarted.unknown, restarted.status().from_snapshot) == ("complete", frozenset(), False)


def test_a_snapshot_that_cannot_be_written_is_said_and_changes_nothing_else(tmp_path, clock):
    (tmp_path / "folder").write_text("in the way")
    intake = FlagIntake("file:flags.json", ("chat",), snapshot=Snapshot(tmp_path / "folder", "file:flags.json"), clock=clock)
    take(intake, at("live"))
    assert (stage(intake), intake.status().up, "no flags would be known after a restart" in intake.status().error) == ("live", True, True)


def test_the_snapshot_holds_what_holds(snapshot, clock):
    intake = FlagIntake("file:flags.json", ("chat",), snapshot=snapshot, clock=clock)
    take(intake, at("live"))
    take(intake, {**at("off", version=2), "on": "yes"})
    assert json.dumps(dict(snapshot.load().flags)) == json.dumps(dict(intake.data.flags))


def test_no_flags_are_the_data_of_nobody():
    assert FlagData().version == 0

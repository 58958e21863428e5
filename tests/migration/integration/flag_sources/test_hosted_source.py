"""LaunchDarkly's real SDK against a server that speaks its protocols over TLS: what is followed, and how soon."""

from msgspec.structs import replace

from migration.flags.meaning.data import KILL_SWITCH
from migration.flags.sources.hosted import HostedSource
from tests.migration.integration.flag_sources.conftest import eventually
from tests.migration.servers.launchdarkly import SDK_KEY
from tests.unit.migration.flags.making import at, kill_switch

CHAT = "execution-engine-chat"


def test_flags_are_streamed_and_a_patch_is_followed(launchdarkly, settings, follow):
    seen = follow(HostedSource(settings))
    assert (seen.stage(), seen.up, seen.error) == ("shadow", True, "")
    launchdarkly.put_flag(at("live", version=2))
    eventually(lambda: seen.stage() == "live")
    assert seen.changes == [launchdarkly.flags[CHAT]["version"] + 2]


def test_a_flag_that_is_deleted_at_launchdarkly_is_deleted(launchdarkly, settings, follow):
    seen = follow(HostedSource(settings))
    launchdarkly.put_flag(kill_switch(on=True, version=2))
    eventually(seen.killed)
    launchdarkly.delete_flag(KILL_SWITCH)
    eventually(lambda: not seen.killed())
    assert seen.up


def test_the_kill_switch_is_followed_while_the_sdk_waits_for_minutes_after_a_404(launchdarkly, settings, follow):
    seen = follow(HostedSource(settings, restart_s=3600))
    launchdarkly.faults.stream_always = 404
    launchdarkly.cut()
    eventually(lambda: "the stream: there is nothing at that address (404)" in seen.error)
    launchdarkly.put_flag(kill_switch(on=True, version=2))
    eventually(seen.killed)
    assert "the kill switch is followed by a separate path" in seen.error
    assert not seen.up
    launchdarkly.put_flag(kill_switch(on=False, version=3))
    eventually(lambda: not seen.killed())


def test_after_one_404_the_stream_is_started_anew_while_launchdarkly_answers(launchdarkly, settings, follow):
    seen = follow(HostedSource(settings, kill_poll_s=0.05, restart_s=0.2))
    launchdarkly.faults.stream = [404]
    launchdarkly.cut()
    eventually(lambda: not seen.up)
    launchdarkly.put_flag(at("live", version=2))
    eventually(lambda: seen.up and seen.stage() == "live")


def test_the_kill_switch_is_followed_while_other_flags_are_garbage(launchdarkly, settings, follow):
    seen = follow(HostedSource(settings))
    launchdarkly.put_flag({"key": CHAT, "version": 2, "on": "perhaps"})
    launchdarkly.put_flag(kill_switch(on=True, version=2))
    eventually(seen.killed)
    assert seen.stage() == "shadow"
    eventually(lambda: f"{CHAT}: `on` must be true or false" in seen.error)


def test_a_patch_that_is_older_than_what_holds_changes_nothing_and_is_no_news(launchdarkly, settings, follow):
    launchdarkly.flags[CHAT] = at("live", version=9)
    seen = follow(HostedSource(settings))
    launchdarkly.put_flag(at("off", version=8))
    launchdarkly.put_flag(kill_switch(on=True, version=2))
    eventually(seen.killed)
    assert (seen.stage(), seen.changes) == ("live", [12])


def test_a_rollback_to_a_lower_version_that_is_served_is_followed_and_is_news(launchdarkly, settings, follow):
    launchdarkly.flags[CHAT] = at("live", version=9)
    seen = follow(HostedSource(settings))
    launchdarkly.flags[CHAT] = at("shadow", version=4)
    launchdarkly.put_all()
    eventually(lambda: seen.stage() == "shadow")
    assert seen.changes == [6]


def test_a_kill_switch_that_stays_older_than_what_holds_is_named(launchdarkly, settings, follow):
    seen = follow(HostedSource(settings, kill_poll_s=0.02))
    launchdarkly.flags[KILL_SWITCH] = kill_switch(on=False, version=0)
    eventually(lambda: "the kill switch's own path: it has version 0, older than the one in use" in seen.error)
    assert not seen.killed()


def test_a_stream_that_a_proxy_framed_anew_is_followed_at_once(launchdarkly, settings, follow):
    launchdarkly.faults.unframed = True
    seen = follow(HostedSource(settings))
    assert seen.stage() == "shadow"
    launchdarkly.put_flag(at("live", version=2))
    eventually(lambda: seen.stage() == "live")


def test_without_streaming_flags_are_polled(launchdarkly, settings, follow):
    seen = follow(HostedSource(replace(settings, launchdarkly_stream=False)))
    assert (seen.stage(), seen.up, launchdarkly.streams) == ("shadow", True, 0)
    launchdarkly.put_flag(kill_switch(on=True, version=2))
    eventually(seen.killed)


def test_without_flags_the_kill_switch_alone_is_not_taken_for_all_flags(launchdarkly, settings, follow):
    launchdarkly.faults.stream_always = 503
    seen = follow(HostedSource(settings, kill_poll_s=0.02))
    eventually(lambda: "the kill switch is followed by a separate path" in seen.error)
    assert (seen.intake.taken, seen.intake.data.flags) == (False, {})
    launchdarkly.faults.stream_always = 0
    eventually(lambda: seen.stage() == "shadow" and seen.up)


def test_a_snapshot_holds_and_the_kill_switch_acts_on_it_while_the_stream_is_away(launchdarkly, settings, follow, tmp_path):
    from migration.flags.intake.intake import FlagIntake
    from migration.flags.intake.snapshot import Snapshot

    source = HostedSource(settings)
    follow(source, intake=FlagIntake(source.name, ("chat",), snapshot=Snapshot(tmp_path / "snapshots", source.name)))
    launchdarkly.faults.stream_always = 503
    launchdarkly.put_flag(kill_switch(on=True, version=2))
    seen = follow(source, intake=FlagIntake(source.name, ("chat",), snapshot=Snapshot(tmp_path / "snapshots", source.name)))
    eventually(seen.killed)
    assert (seen.stage(), seen.up) == ("shadow", False)


def test_the_sdk_key_is_in_no_sentence(launchdarkly, settings, follow):
    seen = follow(HostedSource(settings))
    launchdarkly.faults.deny = True
    launchdarkly.cut()
    eventually(lambda: "refused (401)" in seen.error)
    assert SDK_KEY not in seen.error

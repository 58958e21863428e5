"""What the facade is told when flags come over the network: plans, readiness, the kill switch, and what LaunchDarkly hears of runs."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from migration.flags.editors.open import open_editor
from migration.flags.edits.switch_changes import kill
from migration.flags.serving import LaunchDarklyFlags
from migration.model import Origin
from migration.settings import MigrationSettings
from migration.telemetry.metrics import Metrics
from migration.variables import Secret
from tests.migration.integration.flag_sources.conftest import eventually
from tests.unit.migration.flags.making import at, kill_switch

KILL = "execution-engine-kill-switch"


@pytest.fixture
def opened() -> Iterator[list[LaunchDarklyFlags]]:
    opened: list[LaunchDarklyFlags] = []
    yield opened
    for flags in opened:
        flags.close()


def serve(settings: MigrationSettings, opened: list[LaunchDarklyFlags]) -> LaunchDarklyFlags:
    flags = LaunchDarklyFlags(settings, Metrics(registry=CollectorRegistry()))
    opened.append(flags)
    return flags


def test_a_hosted_flag_gives_plans_and_the_kill_switch_wins(launchdarkly, settings, opened):
    launchdarkly.put_flag(at("live", version=2))
    flags = serve(settings, opened)
    assert (flags.ready, flags.plan("chat", "acme").serves) == (True, Origin.CANDIDATE)
    editor = open_editor(settings)
    read = editor.read()
    editor.write(read, KILL, kill(read.data.flags[KILL], True, None, ("chat",)), comment="3 a.m.")
    eventually(lambda: flags.plan("chat", "acme").serves is Origin.CONTROL)


def test_a_process_that_starts_while_launchdarkly_is_away_serves_by_the_snapshot_and_is_killed_when_it_is_back(
    launchdarkly, settings, opened
):
    launchdarkly.put_flag(at("live", version=2))
    serve(settings, opened).close()
    launchdarkly.stop()
    flags = serve(settings, opened)
    assert (flags.ready, flags.plan("chat", "acme").serves, flags.status().from_snapshot) == (True, Origin.CANDIDATE, True)
    launchdarkly.flags[KILL] = kill_switch(on=True, version=2)
    launchdarkly.start()
    eventually(lambda: flags.plan("chat", "acme").serves is Origin.CONTROL)


def test_what_another_environment_left_behind_is_never_served(launchdarkly, settings, opened):
    launchdarkly.put_flag(at("complete", version=2))
    serve(settings, opened).close()
    launchdarkly.stop()
    flags = serve(replace(settings, launchdarkly_sdk_key=Secret("sdk-of-production")), opened)
    assert (flags.ready, flags.status().from_snapshot) == (False, False)


def test_with_a_wrong_key_and_no_snapshot_nothing_is_ready_and_the_status_says_why(settings, opened):
    flags = serve(replace(settings, launchdarkly_sdk_key=Secret("sdk-wrong")), opened)
    eventually(lambda: "the key is refused (401)" in (flags.status().error or ""))
    assert not flags.ready


def test_a_key_with_a_line_end_is_the_same_key(settings, opened):
    key = settings.launchdarkly_sdk_key.reveal()
    assert serve(replace(settings, launchdarkly_sdk_key=Secret(key + "\n")), opened).ready


@pytest.mark.server
def test_flags_in_redis_give_plans_and_the_kill_switch_wins(settings, opened, redis_server):
    settings = replace(settings, flags_source="redis", redis_url=Secret(redis_server.url))
    editor = open_editor(settings)
    editor.write(editor.read(), "execution-engine-chat", at("live"), comment="")
    editor.write(editor.read(), KILL, kill_switch(on=False), comment="")
    flags = serve(settings, opened)
    assert (flags.ready, flags.plan("chat", "acme").serves) == (True, Origin.CANDIDATE)
    read = editor.read()
    editor.write(read, KILL, kill(read.data.flags[KILL], True, None, ("chat",)), comment="")
    eventually(lambda: flags.plan("chat", "acme").serves is Origin.CONTROL)

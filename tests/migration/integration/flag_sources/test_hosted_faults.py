"""What holds, and what is said, while LaunchDarkly is gone, slow, lying, half there or refuses; and what a restart brings."""

import threading
import time

import pytest
import urllib3
from msgspec.structs import replace

from migration.flags.sources.hosted import HostedSource
from migration.flags.sources.prompt import PromptPool
from migration.variables import Secret
from tests.migration.integration.flag_sources.conftest import eventually
from tests.migration.servers.launchdarkly import SDK_KEY, Faults, LaunchDarkly
from tests.unit.migration.flags.making import at, kill_switch

FAULTS = {
    "slow": (Faults(slow_s=4), "it does not answer in time"),
    "a proxy's page": (Faults(html=True), "a page came back where LaunchDarkly was expected"),
    "garbage": (Faults(garbage=True), "its answer cannot be read"),
    "flags that are none": (Faults(lie={"path": "/", "data": {"flags": [1], "segments": {}}}), "the stream: its answer cannot be read"),
    "something else": (Faults(lie={"hello": "world"}), "the stream: its answer cannot be read"),
    "half an answer": (Faults(half=True), "the answer ends too early"),
    "a refused key": (Faults(deny=True), "the key is refused (401); check NETRA_MIGRATION_LAUNCHDARKLY_SDK_KEY"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_last_known_flags_hold_through_a_fault_that_is_named(fault, launchdarkly, settings, follow):
    seen = follow(HostedSource(settings, kill_poll_s=0.05, restart_s=0.2))
    launchdarkly.faults, sentence = FAULTS[fault]
    launchdarkly.cut()
    eventually(lambda: sentence in seen.error)
    assert (seen.stage(), seen.up) == ("shadow", False)
    assert "the last known flags stay in use" in seen.error


def test_flags_are_caught_up_with_when_a_fault_ends(launchdarkly, settings, follow):
    seen = follow(HostedSource(settings, kill_poll_s=0.05, restart_s=0.2))
    launchdarkly.faults = Faults(garbage=True)
    launchdarkly.cut()
    eventually(lambda: not seen.up)
    launchdarkly.put_flag(at("live", version=2))
    launchdarkly.faults = Faults()
    eventually(lambda: seen.up and seen.stage() == "live")


def test_a_poll_that_was_refused_once_is_made_again_while_launchdarkly_answers(launchdarkly, settings, follow):
    settings = replace(settings, launchdarkly_stream=False)
    launchdarkly.faults.stream = [404]
    seen = follow(HostedSource(settings, kill_poll_s=0.05, restart_s=0.2))
    eventually(lambda: seen.stage() == "shadow" and seen.up)


def test_the_last_known_flags_hold_through_five_seconds_without_a_connection(launchdarkly, settings, follow):
    seen = follow(HostedSource(settings))
    launchdarkly.stop()
    gone = time.monotonic()
    eventually(lambda: not seen.up)
    while time.monotonic() - gone < 5:
        assert seen.stage() == "shadow"
        time.sleep(0.1)
    assert "the connection is refused" in seen.error
    launchdarkly.flags["execution-engine-chat"] = at("live", version=2)
    launchdarkly.start()
    eventually(lambda: seen.up and seen.stage() == "live")


def test_a_process_that_starts_while_launchdarkly_is_away_follows_it_when_it_is_back(launchdarkly, settings, follow):
    launchdarkly.stop()
    seen = follow(HostedSource(settings, kill_poll_s=0.05, restart_s=0.2))
    assert (seen.stage(), seen.intake.taken) == (None, False)
    assert "no flags are known" in seen.error
    launchdarkly.start()
    eventually(lambda: seen.stage() == "shadow" and seen.up)


def test_a_wrong_key_is_named_at_once_and_does_not_use_up_the_wait(launchdarkly, settings, follow):
    wrong = replace(settings, launchdarkly_sdk_key=Secret("sdk-of-another-environment"))
    seen = follow(HostedSource(wrong))
    assert seen.start_s < 20  # of the 30 that it may take
    eventually(lambda: "the key is refused (401)" in seen.error)
    assert "sdk-of-another-environment" not in seen.error


def test_a_certificate_that_expired_is_named(authority, launchdarkly, settings, follow):
    expired = LaunchDarkly(launchdarkly.flags, tls=authority.server_context(expired=True)).start()
    uris = dict.fromkeys(("launchdarkly_base_uri", "launchdarkly_stream_uri"), expired.url)
    seen = follow(HostedSource(replace(settings, **uris)))
    eventually(lambda: "its TLS certificate has expired" in seen.error)
    assert not seen.intake.taken
    expired.stop()


def test_an_authority_that_nobody_trusts_is_named_with_the_setting(settings, follow):
    seen = follow(HostedSource(replace(settings, launchdarkly_ca_file=None)))
    eventually(lambda: "name the authority in NETRA_MIGRATION_LAUNCHDARKLY_CA_FILE" in seen.error)


def test_plain_http_where_tls_was_expected_is_named(launchdarkly, settings, follow):
    plain = LaunchDarkly(launchdarkly.flags).start()
    https = plain.url.replace("http:", "https:")
    seen = follow(HostedSource(replace(settings, **dict.fromkeys(("launchdarkly_base_uri", "launchdarkly_stream_uri"), https))))
    eventually(lambda: "it does not speak TLS" in seen.error)
    plain.stop()


def test_only_the_kill_switchs_path_is_broken_and_flags_are_followed(launchdarkly, settings, follow):
    elsewhere = LaunchDarkly(launchdarkly.flags)
    elsewhere.start().stop()  # a port where nobody listens
    seen = follow(HostedSource(replace(settings, launchdarkly_base_uri=elsewhere.url)))
    eventually(lambda: "the kill switch's own path: the connection is refused" in seen.error)
    launchdarkly.put_flag(kill_switch(on=True, version=2))
    eventually(seen.killed)
    assert "the stream works" in seen.error


def test_a_stream_that_the_sdk_drops_unread_is_closed_at_its_end(launchdarkly, authority):
    pool = PromptPool(urllib3.PoolManager(ca_certs=str(authority.ca_file)))
    response = pool.request("GET", f"{launchdarkly.url}/all", headers={"Authorization": SDK_KEY}, preload_content=False)
    pool.close()  # as the SDK's thread was between the response and its first read
    assert not response.closed
    pool.end()
    assert response.closed


def test_a_client_that_is_closed_while_it_connects_streams_nothing_later(launchdarkly, settings, follow):
    seen = follow(HostedSource(settings, restart_s=3600))
    launchdarkly.faults = Faults(slow_s=1)
    launchdarkly.cut()
    eventually(lambda: not seen.up)
    eventually(lambda: launchdarkly.requests.count(("GET", "/all")) == 2)
    seen.client.close()
    eventually(lambda: not [thread for thread in threading.enumerate() if thread.name == "ldclient.datasource.streaming"])
    eventually(lambda: launchdarkly.streams == 0)

"""Flags in a real Redis that is written by our editor and by LaunchDarkly's own SDK, killed, emptied, frozen and started again."""

import json
from pathlib import Path
from typing import Any

import pytest
import redis
from ldclient.integrations import Redis
from ldclient.versioned_data_kind import FEATURES, SEGMENTS

from migration.errors import FlagSourceError
from migration.flags.editors.redis import RedisEditor
from migration.flags.sources.redis import RedisSource
from tests.migration.integration.flag_sources.conftest import eventually
from tests.migration.servers.redis import RedisServer
from tests.unit.migration.flags.making import at, kill_switch, sampling, surface_flag

pytestmark = pytest.mark.server
CHAT, PREFIX = "execution-engine-chat", "launchdarkly"


def write(server: RedisServer, *flags: dict[str, Any], prefix: str = PREFIX) -> None:
    """As LaunchDarkly's SDKs and its Relay Proxy write a full state."""
    store = Redis.new_feature_store(url=server.url, prefix=prefix)
    store.init({FEATURES: {flag["key"]: flag for flag in flags}, SEGMENTS: {}})


@pytest.fixture
def written(redis_server):
    write(redis_server, at("shadow"), kill_switch(on=False), sampling(100))
    return redis_server


def test_what_launchdarklys_own_sdk_wrote_is_followed(written, follow):
    seen = follow(RedisSource(written.url, PREFIX))
    assert (seen.stage(), seen.up, seen.error) == ("shadow", True, "")
    store = Redis.new_feature_store(url=written.url, prefix=PREFIX)
    store.upsert(FEATURES, at("live", version=2))
    eventually(lambda: seen.stage() == "live")
    store.upsert(FEATURES, kill_switch(on=True, version=2))
    eventually(seen.killed)


def test_an_edit_is_pushed_without_waiting_for_the_next_look(written, follow):
    seen = follow(RedisSource(written.url, PREFIX, poll_s=3600))
    editor = RedisEditor(written.url, PREFIX)
    editor.write(editor.read(), CHAT, at("live", version=2), comment="")
    eventually(lambda: seen.stage() == "live")


def test_foreign_writers_are_pushed_too_where_redis_announces_changed_keys(written, follow):
    with redis.Redis.from_url(written.url) as client:
        client.config_set("notify-keyspace-events", "Kh")
    seen = follow(RedisSource(written.url, PREFIX, poll_s=3600))
    Redis.new_feature_store(url=written.url, prefix=PREFIX).upsert(FEATURES, at("live", version=2))
    eventually(lambda: seen.stage() == "live")


def test_flags_hold_while_redis_is_killed_and_are_caught_up_with_after_its_restart(written, follow):
    seen = follow(RedisSource(written.url, PREFIX))
    written.kill()
    eventually(lambda: not seen.up)
    assert (seen.stage(), "the last known flags stay in use" in seen.error) == ("shadow", True)
    written.start()
    editor = RedisEditor(written.url, PREFIX)
    editor.write(editor.read(), CHAT, at("live", version=2), comment="")
    eventually(lambda: seen.up and seen.stage() == "live")


def test_the_kill_switch_is_followed_right_after_a_restart(written, follow):
    seen = follow(RedisSource(written.url, PREFIX))
    written.kill()
    eventually(lambda: not seen.up)
    written.start()
    write(written, at("shadow"), kill_switch(on=True, version=2), sampling(100))
    eventually(seen.killed)


def test_a_redis_that_comes_back_empty_takes_no_flag_away(written, follow):
    seen = follow(RedisSource(written.url, PREFIX))
    with redis.Redis.from_url(written.url) as client:
        client.flushall()
    eventually(lambda: "`launchdarkly:$inited` does not exist" in seen.error)
    assert (seen.stage(), seen.up) == ("shadow", False)
    write(written, at("live", version=2), kill_switch(on=False), sampling(100))
    eventually(lambda: seen.up and seen.stage() == "live")


def test_a_redis_that_answers_no_more_is_named_though_its_connections_stay_open(written, follow):
    seen = follow(RedisSource(written.url, PREFIX))
    written.freeze()
    try:
        eventually(lambda: "it does not answer in time" in seen.error)
        assert seen.stage() == "shadow"
    finally:
        written.thaw()
    eventually(lambda: seen.up)


def test_one_spoiled_flag_touches_no_other(written, follow):
    seen = follow(RedisSource(written.url, PREFIX))
    with redis.Redis.from_url(written.url) as client:
        client.hset(f"{PREFIX}:features", CHAT, json.dumps(at("live", version=2))[:40])
        client.hset(f"{PREFIX}:features", "somebody-elses", b"\xff\xfe")
        client.hset(f"{PREFIX}:features", "execution-engine-kill-switch", json.dumps(kill_switch(on=True, version=2)))
    eventually(seen.killed)
    assert seen.stage() == "shadow"
    assert f"{CHAT}: is not JSON, or only half of it" in seen.error


def test_an_older_state_that_was_restored_is_followed(written, follow):
    write(written, at("live", version=9), kill_switch(on=False))
    seen = follow(RedisSource(written.url, PREFIX))
    assert seen.stage() == "live"
    write(written, at("shadow", version=4), kill_switch(on=False))
    eventually(lambda: seen.stage() == "shadow")


def test_a_process_that_starts_without_redis_follows_it_when_it_is_there(redis_server, follow):
    redis_server.kill()
    seen = follow(RedisSource(redis_server.url, PREFIX))
    assert "the connection is refused" in seen.error
    redis_server.start()
    write(redis_server, at("live"), kill_switch(on=False))
    eventually(lambda: seen.up and seen.stage() == "live")


def test_another_prefix_is_another_environment(written, follow):
    write(written, at("complete"), kill_switch(on=True), prefix="staging")
    seen = follow(RedisSource(written.url, PREFIX))
    assert (seen.stage(), seen.killed()) == ("shadow", False)


def test_something_else_under_the_prefix_is_named(redis_server, follow):
    with redis.Redis.from_url(redis_server.url) as client:
        client.set(f"{PREFIX}:features", "a text")
    seen = follow(RedisSource(redis_server.url, PREFIX))
    eventually(lambda: "something else is stored under that prefix" in seen.error)


def test_a_password_is_in_no_name_and_no_sentence(tmp_path, follow):
    server = RedisServer(tmp_path, "--requirepass", "the-right-one", started=b"-NOAUTH")
    server.start()
    seen = follow(RedisSource(f"redis://:the-wrong-one@127.0.0.1:{server.port}/0", PREFIX))
    eventually(lambda: "it refuses the user or password" in seen.error)
    assert "the-wrong-one" not in seen.error
    server.kill()


def test_a_rule_is_evaluated_with_segments_from_redis(redis_server, follow):
    segment = {
        "key": "pilots",
        "version": 1,
        "included": [],
        "includedContexts": [{"contextKind": "tenant", "values": ["acme"]}],
        "salt": "s",
    }
    clauses = [{"contextKind": "tenant", "attribute": "", "op": "segmentMatch", "values": ["pilots"]}]
    flag = surface_flag(rules=[{"id": "r", "variation": 3, "clauses": clauses}])
    store = Redis.new_feature_store(url=redis_server.url, prefix=PREFIX)
    store.init({FEATURES: {CHAT: flag}, SEGMENTS: {"pilots": segment}})
    seen = follow(RedisSource(redis_server.url, PREFIX))
    assert (seen.stage("acme"), seen.stage("globex")) == ("live", "off")


def test_the_rights_that_operations_md_lists_are_enough_and_an_operators_edits_need_his_own(tmp_path, follow):
    lines = [line for line in Path("docs/migration/operations.md").read_text().splitlines() if line.startswith("user netra-")]
    users = tmp_path / "users.acl"
    users.write_text("user default on nopass ~* &* +@all\n" + "\n".join(line.replace("PASSWORD", "secret") for line in lines) + "\n")
    server = RedisServer(tmp_path, "--aclfile", str(users)).start()
    write(server, at("shadow"), kill_switch(on=False), sampling(100))
    seen = follow(RedisSource(f"redis://netra-serving:secret@127.0.0.1:{server.port}/0", PREFIX))
    assert (seen.stage(), seen.error) == ("shadow", "")
    operator = RedisEditor(f"redis://netra-operator:secret@127.0.0.1:{server.port}/0", PREFIX)
    operator.write(operator.read(), CHAT, at("live", version=2), comment="")
    eventually(lambda: seen.stage() == "live")
    serving = RedisEditor(f"redis://netra-serving:secret@127.0.0.1:{server.port}/0", PREFIX)
    with pytest.raises(FlagSourceError, match=r"its user may not do this; .*nothing was changed"):
        serving.write(serving.read(), CHAT, at("off", version=3), comment="")
    server.kill()

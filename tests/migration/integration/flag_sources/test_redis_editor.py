"""Edits in a real Redis: one of two wins, others' text stays, and what became of an edit is never guessed."""

import json
import subprocess
import sys
import threading

import pytest
import redis

from migration.errors import EditConflictError, FlagSourceError
from migration.flags.editors.redis import RedisEditor
from tests.unit.migration.flags.making import at, kill_switch

pytestmark = pytest.mark.server
CHAT, KILL, PREFIX = "execution-engine-chat", "execution-engine-kill-switch", "launchdarkly"


@pytest.fixture
def editor(redis_server):
    return RedisEditor(redis_server.url, PREFIX)


@pytest.fixture
def client(redis_server):
    with redis.Redis.from_url(redis_server.url) as client:
        yield client


def test_a_first_edit_makes_the_layout(editor, client):
    found = editor.write(editor.read(), CHAT, at("dualwrite"), comment="")
    assert found.data.flags[CHAT]["fallthrough"] == {"variation": 1}
    assert (client.exists(f"{PREFIX}:$inited"), json.loads(client.hget(f"{PREFIX}:features", CHAT))["version"]) == (1, 1)


def test_of_two_edits_one_wins_and_the_other_is_told_what_changed(editor):
    read = editor.read()
    editor.write(read, CHAT, at("dualwrite"), comment="")
    mine = editor.read()
    editor.write(mine, CHAT, at("shadow", version=2), comment="")
    with pytest.raises(EditConflictError, match=f"{CHAT}: version 1 -> 2, other fallthrough"):
        editor.write(mine, CHAT, at("off", version=2), comment="")
    assert editor.read().data.flags[CHAT]["fallthrough"] == {"variation": 2}


def test_the_kill_switch_is_written_whatever_happens_to_other_flags(editor):
    editor.write(editor.read(), KILL, kill_switch(on=False), comment="")
    read = editor.read()
    editor.write(read, CHAT, at("dualwrite"), comment="")
    editor.write(read, KILL, kill_switch(on=True, version=2), comment="")
    assert editor.read().data.flags[KILL]["fallthrough"] == {"variation": 1}


def test_texts_of_others_stay_byte_for_byte(editor, client):
    foreign = b'{ "key":"theirs",  "version" : 1, "on": true, "variations":[1.50], "fallthrough":{"variation":0}, "x": 1e2 }'
    own = json.dumps(at("dualwrite")).replace('"salt": "netra"', '"salt"  :  "netra" , "theirs":1.50').encode()
    client.hset(f"{PREFIX}:features", mapping={"theirs": foreign, CHAT: own})
    client.set(f"{PREFIX}:$inited", "")
    read = editor.read()
    editor.write(read, CHAT, {**read.data.flags[CHAT], "fallthrough": {"variation": 2}, "version": 2}, comment="")
    after = client.hget(f"{PREFIX}:features", CHAT)
    assert client.hget(f"{PREFIX}:features", "theirs") == foreign
    assert b'"salt"  :  "netra" , "theirs":1.50' in after
    assert json.loads(after)["fallthrough"] == {"variation": 2}


def test_none_of_many_edits_at_once_is_lost_and_each_refusal_is_told(redis_server):
    first = RedisEditor(redis_server.url, PREFIX)
    first.write(first.read(), CHAT, at("off", version=1), comment="")
    taken, refused, broken = [], [], []

    def edit() -> None:
        editor = RedisEditor(redis_server.url, PREFIX)
        for _ in range(25):
            read = editor.read()
            flag = read.data.flags[CHAT]
            try:
                editor.write(read, CHAT, {**flag, "version": flag["version"] + 1}, comment="")
                taken.append(1)
            except EditConflictError:
                refused.append(1)
            except FlagSourceError as error:
                (taken if "another edit was made right after it" in str(error) else broken).append(1)

    editors = [threading.Thread(target=edit) for _ in range(4)]
    for thread in editors:
        thread.start()
    for thread in editors:
        thread.join(60)
    assert (len(taken) + len(refused), broken) == (100, [])
    assert first.read().data.flags[CHAT]["version"] == 1 + len(taken)


def test_without_redis_an_edit_says_so_and_changes_nothing(editor, redis_server):
    read = editor.read()
    redis_server.kill()
    with pytest.raises(FlagSourceError, match="the connection is refused"):
        editor.read()
    with pytest.raises(FlagSourceError, match="it is not known whether the edit of execution-engine-chat was accepted"):
        editor.write(read, CHAT, at("dualwrite"), comment="")
    redis_server.start()
    assert editor.read().data.flags == {}


def test_an_address_that_is_none_is_refused():
    with pytest.raises(FlagSourceError, match="NETRA_MIGRATION_REDIS_URL is not the address of a Redis"):
        RedisEditor("http://127.0.0.1:6379", PREFIX).read()


@pytest.mark.parametrize("what", ["editors.open import open_editor", "sources.open import open_source"])
def test_without_redis_for_python_the_extra_is_named(what):
    code = f"""
import sys
sys.modules["redis"] = None
from migration.errors import ConfigurationError
from migration.settings import MigrationSettings
from migration.flags.{what} as opened
try:
    opened(MigrationSettings(flags_source="redis"))
except ConfigurationError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "redis is not installed; it belongs to an extra: pip install 'netra-strangler[redis]'" in ran.stdout

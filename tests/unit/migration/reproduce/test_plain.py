"""Simplifications that remove nothing: times become zero, and ids become plain wherever they are a whole word."""

import json

import pytest

from migration.model import Effect, RunRequest
from migration.recordings import RecordedRun
from migration.reproduce.plain import plainer


def effect(reply, duration_s=2.0):
    return Effect(kind="model", name="m", lane="", key="", request=b"{}", reply=reply, error=None, started_s=0.0, duration_s=duration_s)


@pytest.fixture
def recorded():
    payload = json.dumps({"message": "for tenant-7, not tenant-77 or my-tenant-7", "list": ["tenant-7", 7]}).encode()
    request = RunRequest(
        surface="shop", tenant_id="tenant-7", user_id="u-1", thread_id="t-1", run_id="r-1", payload=payload, received_at=99.0
    )
    journal = (effect(b'{"of": "u-1"}'), effect(b"no json u-1"), effect(None))
    return RecordedRun(request=request, journal=journal)


def simplified(recorded):
    for simplify in plainer(recorded):
        recorded = simplify(recorded)
    return recorded


def test_ids_become_plain_where_they_are_a_whole_word(recorded):
    plain = simplified(recorded)
    assert (plain.request.tenant_id, plain.request.user_id, plain.request.run_id) == ("acme", "user-1", "run-1")
    assert json.loads(plain.request.payload) == {"message": "for acme, not tenant-77 or my-tenant-7", "list": ["acme", 7]}
    assert [one.reply for one in plain.journal] == [b'{"of":"user-1"}', b"no json u-1", None]


def test_no_effect_takes_time_afterwards(recorded):
    plain = simplified(recorded)
    assert (plain.request.received_at, {one.duration_s for one in plain.journal}) == (0.0, {0.0})


def test_one_effect_at_a_time_may_lose_its_duration(recorded):
    second = plainer(recorded)[2]
    assert [one.duration_s for one in second(recorded).journal] == [2.0, 0.0, 2.0]

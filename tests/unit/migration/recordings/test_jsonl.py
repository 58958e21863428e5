"""Our own recording format."""

from pathlib import Path

import msgspec
import pytest

from migration.errors import RecordingError
from migration.model import Effect, EffectError, Event, Origin, RunRecord, RunRequest
from migration.recordings.jsonl import SCHEMA, read_line, write_line


def make_effect(**changes) -> Effect:
    values = {
        "kind": "tool",
        "name": "price_lookup",
        "lane": "data",
        "key": "k",
        "request": b'{"name":"price_lookup","arguments":{}}',
        "reply": b'{"price":1.0}',
        "error": None,
        "started_s": 0.1,
        "duration_s": 0.2,
    }
    return Effect(**(values | changes))


def make_record(*effects: Effect) -> RunRecord:
    return RunRecord(
        request=RunRequest(
            surface="chat",
            tenant_id="acme",
            user_id="ann",
            thread_id="t-1",
            run_id="r-1",
            payload=b'{"message":"h\xc3\xa9"}',
            received_at=1.5,
        ),
        origin=Origin.CONTROL,
        events=(Event(kind="agent_started", lane="data", payload=b'{"type":"agent_started"}', at_s=0.01),),
        journal=effects,
        outcome="completed",
        duration_s=1.0,
        trace_id=None,
    )


def test_a_written_run_reads_back_the_same():
    record = make_record(
        make_effect(), make_effect(reply=None, error=EffectError(type="ToolFailedError", message="no")), make_effect(request=None)
    )
    read = read_line(write_line(record))
    assert (read.request, read.events, read.journal, read.origin) == (record.request, record.events, record.journal, Origin.CONTROL)


def test_a_null_reply_is_not_a_missing_one():
    assert read_line(write_line(make_record(make_effect(reply=b"null")))).journal[0].reply == b"null"


def test_payloads_stand_readable_in_the_line():
    line = msgspec.json.decode(write_line(make_record(make_effect())))
    assert line["request"]["payload"] == {"message": "hé"}
    assert line["journal"][0]["reply"] == {"price": 1.0}


@pytest.mark.parametrize("line", [b'{"schema":"one"}', b'{"schema":1}', b'{"schema":1,"request":7,"journal":[]}'])
def test_a_line_of_another_shape_is_refused(line):
    with pytest.raises(RecordingError, match="no recording of schema 1"):
        read_line(line)


def test_a_newer_schema_is_refused_with_what_to_do():
    with pytest.raises(RecordingError, match=f"schema {SCHEMA + 1}, and this tool reads up to {SCHEMA}; install the version that wrote it"):
        read_line(b'{"schema":%d,"request":"of a shape that nobody knows yet"}' % (SCHEMA + 1))


def test_an_indented_payload_stays_on_its_line():
    record = make_record(make_effect(reply=b'{\n  "price": 1.0\n}'))
    assert write_line(record).count(b"\n") == 1
    assert read_line(write_line(record)).journal[0].reply == b'{"price":1.0}'


def test_a_recording_by_hand_may_leave_out_keys_and_times():
    line = b"""{"schema": 1,
      "request": {"surface": "chat", "tenant_id": "a", "user_id": "u", "thread_id": "t", "run_id": "r", "payload": {}, "received_at": 0},
      "journal": [{"kind": "model", "name": "m", "lane": "data", "reply": {"message": "hi"}}]}"""
    (effect,) = read_line(line).journal
    assert (effect.key, effect.request, effect.started_s, effect.duration_s) == ("", None, 0.0, 0.0)


def test_every_schema_that_was_ever_written_is_read():
    kept = {int(file.stem.removeprefix("schema_")): file for file in Path(__file__).parent.glob("schema_*.jsonl")}
    assert sorted(kept) == list(range(1, SCHEMA + 1))
    first, second = (read_line(line) for line in kept[1].read_bytes().splitlines())
    assert first.origin is Origin.CONTROL
    assert first.request.run_id == "run-schema-1"
    assert first.request.payload == b'{"message":"What does my plan cost?","agent":"data","history":[]}'
    assert [(one.kind, one.name, one.lane) for one in first.journal] == [
        ("clock", "now", "data"),
        ("model", "default", "data"),
        ("tool", "price_lookup", "data"),
        ("model", "default", "data"),
    ]
    assert first.journal[2].error == EffectError(type="ToolError", message="no such model")
    assert [one.duration_s for one in first.journal] == [0.0, 0.25, 0.5, 0.25]
    assert [event.kind for event in first.events] == ["agent_started", "agent_completed"]
    assert (second.origin, second.journal[0].reply, second.events) == (None, b"null", ())

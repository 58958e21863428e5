"""Our own recording format."""

import msgspec
import pytest

from migration.errors import RecordingError
from migration.model import Effect, EffectError, Event, Origin, RunRecord, RunRequest
from migration.recordings.jsonl import read_line, write_line


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


@pytest.mark.parametrize("line", [b'{"schema":2}', b'{"schema":1}', b'{"schema":1,"request":7,"journal":[]}'])
def test_a_line_of_another_shape_is_refused(line):
    with pytest.raises(RecordingError, match="no recording of schema 1"):
        read_line(line)

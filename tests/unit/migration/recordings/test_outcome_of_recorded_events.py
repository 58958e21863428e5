import pytest

from migration.model import Event
from migration.recordings.outcome import outcome_of


def event(kind: str, payload: bytes, lane: str = "data") -> Event:
    return Event(kind=kind, lane=lane, payload=b'{"type":"x","payload":' + payload + b"}", at_s=0.0)


COMPLETED = event("agent_completed", b'{"status":"completed"}')
FAILED = event("agent_completed", b'{"status":"failed"}')
TIMEOUT = event("agent_death", b'{"death_cause":"timeout"}')


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([], "completed"),
        ([COMPLETED], "completed"),
        ([FAILED], "failed"),
        ([FAILED, COMPLETED], "completed"),
        ([TIMEOUT, FAILED], "timed_out"),
        ([event("agent_death", b'{"death_cause":"no_heartbeat"}'), FAILED], "failed"),
        ([event("agent_death", b'{"death_cause":"timeout"}', lane="triage"), FAILED], "failed"),
        ([event("agent_started", b"{}")], "completed"),
        ([Event(kind="agent_completed", lane="", payload=b"no json", at_s=0.0)], "completed"),
        ([COMPLETED, event("run_result", b'{"status":"failed"}', lane="")], "failed"),
        ([FAILED, event("run_result", b'{"status":"timed_out"}', lane="")], "timed_out"),
        ([FAILED, event("run_result", b'{"status":"completed"}', lane="")], "completed"),
    ],
)
def test_the_last_event_says_how_the_run_ended(events, outcome) -> None:
    assert outcome_of("oneshot", events, None) == outcome

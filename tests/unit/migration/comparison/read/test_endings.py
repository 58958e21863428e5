"""How a run ended, by the endings that its surface configures."""

import pytest

from migration.comparison import parse_policy
from migration.comparison.read.endings import ended, outcome_by
from migration.model import Event, Origin, RunRecord, RunRequest

POLICY = parse_policy(
    """
surface = "support"
version = 1
[envelope]
texts = ["kind"]
[[endings]]
outcome = "timed_out"
last = { kind = "closed", field = "body.how", equals = "broken" }
after = { kind = "gave_up" }
[[endings]]
outcome = "failed"
last = { kind = "closed", field = "body.how", equals = "broken" }
[[endings]]
outcome = "failed"
last = { kind = "crashed" }
""",
    "support.toml",
)


def event(kind, payload=b"{}", lane=""):
    return Event(kind=kind, lane=lane, payload=payload, at_s=0.0)


BROKEN = event("closed", b'{"body": {"how": "broken"}}')


@pytest.mark.parametrize(
    ("events", "outcome"),
    [
        ([], "completed"),
        ([event("closed", b'{"body": {"how": "well"}}')], "completed"),
        ([event("closed", b"no json")], "completed"),
        ([BROKEN], "failed"),
        ([event("gave_up"), BROKEN], "timed_out"),
        ([event("gave_up", lane="other"), BROKEN], "failed"),
        ([event("crashed")], "failed"),
        ([event("crashed"), event("closed")], "completed"),
    ],
)
def test_the_first_ending_that_fits_the_last_event_says_how_the_run_ended(events, outcome):
    assert outcome_by(POLICY.endings, events) == outcome


@pytest.mark.parametrize(("said", "outcome"), [("completed", "failed"), ("timed_out", "timed_out"), ("cut", "cut")])
def test_what_the_engine_or_the_backend_said_stays(said, outcome):
    request = RunRequest(surface="support", tenant_id="t", user_id="u", thread_id="d", run_id="r", payload=b"{}", received_at=0.0)
    run = RunRecord(request=request, origin=Origin.CONTROL, events=(BROKEN,), journal=(), outcome=said, duration_s=0.0, trace_id=None)
    assert ended(run, POLICY).outcome == outcome

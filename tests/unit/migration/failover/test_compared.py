"""The comparison of a run that control resumed: whatever its shadow does, candidate failed."""

import pytest

from migration.comparison.compare import compare
from migration.model import EffectError, FailedOver, Origin, RunRecord, Stage, Verdict
from tests.unit.migration.failover.programs import POLICY, Engine, Say, make_request

FAILED = FailedOver(reason="ValueError", outcome="failed", events=1, build="1.2")


def ran(origin, *, events=(), outcome="failed", error="ValueError", failover=None):
    said = tuple(Engine.event(step, number) for number, step in enumerate(events, 1))
    raised = EffectError(type=error, message="") if error else None
    return RunRecord(
        request=make_request(),
        origin=origin,
        events=said,
        journal=(),
        outcome=outcome,
        duration_s=1.0,
        trace_id=None,
        error=raised,
        failover=failover,
    )


WHOLE = [Say("begun"), Say("done", status="failed")]
ALIKE = "Candidate failed (ValueError) and control resumed the run; both end as failed."
CONTINUED = "Candidate crashed with ValueError; control continued."


@pytest.mark.parametrize(
    ("control", "candidate", "sentence"),
    [
        ({"events": WHOLE, "error": None}, {"events": WHOLE, "error": None}, ALIKE),
        ({"events": [Say("begun"), Say("done")], "outcome": "completed", "error": None}, {"events": [Say("begun")]}, CONTINUED),
    ],
    ids=["control fails alike", "control completes"],
)
def test_it_is_never_a_match_and_says_why(control, candidate, sentence):
    served = ran(Origin.CANDIDATE, failover=FAILED, **candidate)
    found = compare(ran(Origin.CONTROL, **control), served, stage=Stage.LIVE, serving=Origin.CANDIDATE, policy=POLICY, cross_talk=())
    assert (found.verdict, found.failover) == (Verdict.DIVERGENT, FAILED)
    assert sentence in [str(divergence.sentence) for divergence in found.divergences]


def test_without_a_failover_two_runs_that_fail_alike_match():
    both = [ran(origin, events=WHOLE, error=None) for origin in Origin]
    found = compare(*both, stage=Stage.LIVE, serving=Origin.CANDIDATE, policy=POLICY, cross_talk=())
    assert (found.verdict, found.failover) == (Verdict.MATCH, None)

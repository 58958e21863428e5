"""What control showed to others is remembered until the run that lost it is looked at."""

import dataclasses

import pytest

from migration.comparison import Comparer
from migration.effects.journals.replaying import Tally
from migration.model import Origin, Stage, Verdict
from migration.shadow.job import ShadowJob
from migration.shadow.parts import Parts
from migration.shadow.runner import ShadowRun
from migration.shadow.verdicts import judge, keep

NOTHING = Tally(recorded=0, replayed=0, missing=0, unused=0, performed=0)


def both(run_of, owner):
    return run_of(Origin.CONTROL, owner), run_of(Origin.CANDIDATE, owner)


@pytest.mark.parametrize(("field", "is_told"), [("run_id", True), ("thread_id", True), ("user_id", False), ("tenant_id", False)])
def test_an_event_in_anothers_stream_is_its_owners_if_it_names_that_run(pair, run_of, bob, field, is_told):
    inspector, control, candidate = pair.inspector, pair.control, pair.candidate
    control.frames.insert(1, ("agent_thinking", "data", {"note": getattr(bob, field)}))
    served = control.record()
    assert inspector.scan(served, candidate.record(), neighbours=[bob]).lost == ()
    own = inspector.scan(*(run.record() for run in both(run_of, bob)))
    assert own.lost == ((served.events[1],) if is_told else ())


def test_what_the_candidate_mixes_in_too_is_no_ones_loss(inspector, run_of, ann, bob):
    runs = both(run_of, ann)
    for run in runs:
        run.frames.insert(1, ("agent_thinking", "data", {"note": bob.run_id}))
    inspector.scan(*(run.record() for run in runs), neighbours=[bob])
    assert inspector.scan(*(run.record() for run in both(run_of, bob)), neighbours=[ann]).lost == ()


@pytest.fixture
def mixed_up(inspector, run_of, ann, bob):
    """Two served runs that control mixed up: bob's lost an event, ann's got it. Returns what judges either, with the parts to keep it."""
    comparer = Comparer()
    parts = Parts(
        build=lambda *_: None,
        compare=lambda job, run: comparer.compare(job.record, run, stage=job.stage, cross_talk=job.cross_talk, lost=job.lost),
        sink=None,
        inspector=inspector,
    )
    said = ("agent_thinking", "data", {"reasoning": "costs", "step_number": 1, "context": {"run_id": bob.run_id}})
    got, its_shadow = both(run_of, ann)
    lost, whole = both(run_of, bob)
    got.frames.insert(1, said)
    whole.frames.insert(1, said)

    def judged(served, shadow, neighbour):
        job = ShadowJob(record=served.record(), stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=1.0, neighbours=(neighbour,))
        return judge(job, ShadowRun(record=shadow.record(), tally=NOTHING), parts)

    return {"lost": lambda: judged(lost, whole, ann), "got": lambda: judged(got, its_shadow, bob)}, parts


def of_thoughts(result):
    return [(one.kind, one.verdict) for one in result.comparison.divergences if one.path.startswith("agent_thinking")]


LOST = [("control_cross_talk", Verdict.NOISE)]


@pytest.mark.parametrize("order", [("lost", "got"), ("got", "lost")])
def test_of_runs_that_are_judged_together_the_loss_is_noise_whichever_came_first(mixed_up, order):
    judging, parts = mixed_up
    results = dict(zip(order, keep([judging[which]() for which in order], parts), strict=True))
    assert of_thoughts(results["lost"]) == LOST
    assert "control_cross_talk" in {one.kind for one in results["got"].comparison.divergences}


def test_what_is_stored_of_a_group_is_what_is_answered(mixed_up):
    judging, parts = mixed_up
    stored = []
    sink = type("Sink", (), {"store_each": lambda _self, findings: stored.extend(findings) or [True] * len(findings)})()
    results = keep([judging["lost"](), judging["got"]()], dataclasses.replace(parts, sink=sink))
    assert [found[2] for found in stored] == [result.comparison for result in results]


def test_a_run_whose_answer_was_given_before_is_not_judged_again(mixed_up):
    judging, parts = mixed_up
    (before,) = keep([judging["lost"]()], parts)
    assert "extra_event" in {one.kind for one in before.comparison.divergences}
    judging["got"]()
    (after,) = keep([judging["lost"]()], parts)
    assert of_thoughts(after) == LOST

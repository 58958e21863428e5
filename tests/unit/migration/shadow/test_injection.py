"""Injected differences: each is seen by the comparison, and what it does not see is counted."""

import random
from collections import Counter

import msgspec
import pytest

from migration.errors import EvidenceError
from migration.model import Basis, Comparison, Origin, Stage, Verdict
from migration.shadow.injection import SELF_TEST, Injections, inject
from migration.shadow.job import ShadowJob, ShadowResult
from tests.unit.migration.comparison.conftest import compare_runs, make_run

BASIS = Basis(policy="p", ledger="l", build="b", tool="t")
SHADOW = make_run(variant=1).record(Origin.CANDIDATE)
JOB = ShadowJob(record=make_run().record(Origin.CONTROL), stage=Stage.SHADOW, shadows=Origin.CANDIDATE, deadline_s=1.0)


class Sink:
    """Counts as the evidence does."""

    def __init__(self, before: int = 0) -> None:
        self.before, self.injected, self.seen = before, Counter(), Counter()
        self.failure: Exception | None = None

    def detections(self, _surface, _basis):
        return self.before + self.injected.total()

    def store_detections(self, _surface, _basis, found):
        if self.failure is not None:
            raise self.failure
        for kind, (injected, seen) in found.items():
            self.injected[kind] += injected
            self.seen[kind] += seen


def compare(job, shadow) -> Comparison:
    from migration.comparison.compare import compare as compared

    return compared(job.record, shadow, stage=job.stage, serving=Origin.CONTROL)


def matched(**changes) -> ShadowResult:
    comparison = msgspec.structs.replace(compare_runs(make_run(), make_run(variant=1)), **{"basis": BASIS} | changes)
    return ShadowResult(run_id="r", comparison=comparison)


def follow(sink: Sink, times: int, compare=compare, **changes) -> list[ShadowResult]:
    injections = Injections(compare, sink, random.Random(5))  # noqa: S311 - the same differences each time
    return [injections.followed(JOB, matched(**changes)) for _ in range(times)]


def test_every_kind_of_difference_is_injected_and_seen_in_the_self_test():
    sink = Sink()
    follow(sink, 30)
    assert len(sink.injected) == 7
    assert sink.injected == sink.seen
    assert sink.injected.total() == SELF_TEST


def test_after_the_self_test_one_run_of_a_hundred_is_used():
    sink = Sink(before=SELF_TEST)
    follow(sink, 2000, compare=lambda job, _shadow: compare(job, SHADOW))
    assert 5 <= sink.injected.total() <= 40


def test_what_a_blind_comparison_does_not_see_is_counted_and_logged(caplog):
    sink = Sink()
    follow(sink, 30, compare=lambda job, _shadow: compare(job, SHADOW))
    assert (sink.injected.total(), sink.seen.total()) == (SELF_TEST, 0)
    assert "did not see an injected difference" in caplog.text


@pytest.mark.parametrize("verdict", [Verdict.ACCEPTED, Verdict.NOISE])
def test_a_surface_whose_runs_all_have_an_accepted_difference_has_a_self_test_too(verdict):
    sink = Sink()
    follow(sink, 30, verdict=verdict)
    assert sink.injected.total() == sink.seen.total() == SELF_TEST


@pytest.mark.parametrize("changes", [{"verdict": Verdict.DIVERGENT}, {"verdict": Verdict.INCONCLUSIVE}, {"basis": None}])
def test_only_runs_of_a_known_basis_whose_shadow_did_not_diverge_are_used(changes):
    sink = Sink()
    follow(sink, 5, **changes)
    assert not sink.injected


def broken(_job, _shadow):
    raise KeyError("secret")


@pytest.mark.parametrize(
    ("compare", "failure", "operation"), [(broken, None, "comparison.compare"), (compare, EvidenceError("full"), "evidence.write")]
)
def test_a_failure_is_counted_and_the_verdict_stands(compare, failure, operation, caplog):
    sink = Sink()
    sink.failure = failure
    (result,) = follow(sink, 1, compare=compare)
    assert (result.comparison.verdict, result.failures) == (Verdict.MATCH, (operation,))
    assert "secret" not in caplog.text


@pytest.mark.parametrize("seed", range(20))
def test_one_difference_is_injected_and_the_run_itself_stays(seed):
    before = msgspec.msgpack.encode(SHADOW)
    kind, altered = inject(SHADOW, random.Random(seed))  # noqa: S311 - the same differences each time
    assert altered != SHADOW
    assert msgspec.msgpack.encode(SHADOW) == before
    assert kind


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"nothing", b"\xff"])
def test_a_run_without_fields_events_and_effects_can_still_be_changed(payload):
    events = (msgspec.structs.replace(SHADOW.events[0], payload=payload),) if payload else ()
    bare = msgspec.structs.replace(SHADOW, events=events, journal=())
    kinds = {inject(bare, random.Random(seed))[0] for seed in range(30)}  # noqa: S311 - the same differences each time
    assert kinds == ({"terminal_state", "missing_event", "duplicate_event"} if payload else {"terminal_state"})

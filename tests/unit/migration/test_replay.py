"""Recorded runs through both engines: counted whole, and never called equal when they could not be compared."""

import contextlib
import dataclasses
import json
from typing import get_args

import msgspec
import pytest

from migration.comparison import Comparer, default_policy
from migration.comparison.compare import compare
from migration.effects import perform
from migration.effects.journals.keys import with_keys
from migration.effects.journals.misses import BLOCK, MissPolicy
from migration.errors import ConfigurationError, EvidenceError
from migration.model import Effect, Event, Origin, RunRequest, Verdict
from migration.recordings import BadLine, RecordedRun, Skipped
from migration.replay import Replay, Report, Strictness
from migration.shadow.parts import Parts


def make_run(run_id="r-1", *replies):
    effects = (
        Effect(
            kind="model",
            name="m",
            lane="data",
            key="",
            request=None,
            reply=json.dumps(reply).encode(),
            error=None,
            started_s=0,
            duration_s=0,
        )
        for reply in replies
    )
    request = RunRequest(surface="chat", tenant_id="acme", user_id="ann", thread_id="t-1", run_id=run_id, payload=b"{}", received_at=0.0)
    return RecordedRun(request=request, journal=with_keys(effects))


class AskingEngine:
    """Asks the model so many times and says what it heard, each time with its own ending."""

    def __init__(self, asks=1, ending=""):
        self.asks, self.ending = asks, ending

    async def run(self, request, /):
        yield event(request, "agent_started", status="started", message="", context={})
        for number in range(1, self.asks + 1):
            heard = await perform("model", "m", lane="data", request=b"{}", call=self.go_out)
            yield event(
                request, "agent_thinking", reasoning=json.loads(heard) + self.ending, step_number=number, progress_percentage=number
            )
        result = {"agent_name": "data", "success": True, "final_answer": "", "error": None, "duration_ms": 1, "step_count": 1}
        yield event(request, "agent_completed", status="completed", result=result)

    async def go_out(self):
        raise AssertionError("a replay went out")


def event(request, kind, **payload):
    envelope = {"type": kind, "tenant_id": request.tenant_id, "user_id": request.user_id, "thread_id": request.thread_id}
    envelope |= {"run_id": request.run_id, "agent_name": "data", "sequence": 1, "timestamp": 0.0, "payload": payload}
    return Event(kind=kind, lane="data", payload=json.dumps(envelope).encode(), at_s=0.0)


class Unbuildable:
    """Raises where an engine would be made."""


class Store:
    def __init__(self):
        self.comparisons = []

    def store_each(self, findings, /):
        self.comparisons += [comparison for _, _, comparison in findings]
        return [True] * len(findings)


def built(engine):
    if isinstance(engine, Unbuildable):
        raise ConfigurationError("no such engine")
    return engine


def open_replay(control, candidate, *, seal=lambda: contextlib.nullcontext([]), sink=None, judge=None, explain=None, misses=BLOCK):
    comparer = Comparer()
    parts = Parts(
        build=lambda _surface, origin: built(control if origin is Origin.CONTROL else candidate),
        compare=judge or (lambda job, shadow: comparer.compare(job.record, shadow, stage=job.stage)),
        sink=sink,
        misses=misses,
    )
    return contextlib.closing(Replay(parts, seal=seal, deadline_s=5.0, explain=explain))


def test_engines_that_do_the_same_match():
    with open_replay(AskingEngine(), AskingEngine()) as replay:
        assert replay.compare(make_run("r-1", "yes")).verdict is Verdict.MATCH
        report = replay.report(0.0)
    assert (report.runs, report.verdicts["match"], report.clean) == (1, 1, True)
    assert (report.effects.recorded, report.effects.replayed, report.effects.performed_by_shadow) == (1, 2, 0)


def test_a_difference_is_divergent_and_counted_by_its_fingerprint():
    with open_replay(AskingEngine(), AskingEngine(ending="!")) as replay:
        for number in range(3):
            replay.compare(make_run(f"r-{number}", "yes"))
        report = replay.report(0.0)
    assert report.verdicts["divergent"] == 3
    assert [(found.kind, found.count, found.example["run"]) for found in report.divergences] == [("payload", 3, "r-0")]
    assert not report.clean


class Judge:
    """Finds one divergence in each run, judged and counted as it is told."""

    def __init__(self, *verdicts):
        self.verdicts = list(verdicts)

    def __call__(self, job, shadow):
        verdict, occurrences, note = self.verdicts.pop(0)
        found = compare(job.record, shadow, stage=job.stage, serving=Origin.CONTROL).divergences[0]
        judged = msgspec.structs.replace(found, verdict=verdict, occurrences=occurrences, note=note)
        whole = compare(job.record, job.record, stage=job.stage, serving=Origin.CONTROL)
        return msgspec.structs.replace(whole, verdict=verdict, divergences=(judged,))


def test_a_kind_is_reported_by_its_worst_run():
    told = (Verdict.ACCEPTED, 1, ""), (Verdict.DIVERGENT, 3, "That is too much."), (Verdict.ACCEPTED, 2, "")
    with open_replay(AskingEngine(), AskingEngine(ending="!"), judge=Judge(*told)) as replay:
        for number in range(3):
            replay.compare(make_run(f"r-{number}", "yes"))
        [found] = replay.report(0.0).divergences
    assert (found.verdict, found.count, found.most, found.example["run"]) == (Verdict.DIVERGENT, 3, 3, "r-1")
    assert found.example["sentence"].endswith(" That is too much.")


@pytest.mark.parametrize(
    ("verdict", "fails"),
    [
        (Verdict.MATCH, set()),
        (Verdict.NOISE, {"accepted"}),
        (Verdict.ACCEPTED, {"accepted"}),
        (Verdict.INCONCLUSIVE, {"accepted", "inconclusive"}),
        (Verdict.DIVERGENT, {"accepted", "inconclusive", "divergent"}),
    ],
)
def test_a_report_passes_as_strictly_as_it_is_asked(verdict, fails):
    report = Report(runs=1)
    report.verdicts[verdict] = 1
    assert {strictness for strictness in get_args(Strictness) if not report.passes(strictness)} == fails


@pytest.mark.parametrize("strictness", get_args(Strictness))
def test_a_line_that_cannot_be_read_never_passes(strictness):
    assert not Report(runs=1, bad_line_count=1).passes(strictness)


@pytest.mark.parametrize("strictness", get_args(Strictness))
def test_where_no_run_was_found_nothing_passes(strictness):
    assert not Report().passes(strictness)
    assert not Report(runs=1, empty=["b.jsonl: no run in it"]).passes(strictness)


def test_what_the_policy_overlooked_in_both_runs_is_reported_when_asked_for():
    with open_replay(AskingEngine(), AskingEngine(), explain=default_policy) as replay:
        replay.compare(make_run("r-1", "yes"))
        explained = replay.report(0.0).explained
    assert {rule.rule: rule.fields for rule in explained["chat"]}["durations"] == {"agent_completed: payload.result.duration_ms": 2}
    with open_replay(AskingEngine(), AskingEngine()) as replay:
        replay.compare(make_run("r-1", "yes"))
        assert replay.report(0.0).explained is None


@pytest.mark.parametrize(("asks", "trouble"), [(1, "it asks for 1 effect too few (1 model)"), (3, "it asks for 1 effect too many")])
def test_a_recording_that_control_does_not_reproduce_is_inconclusive_even_when_both_engines_agree(asks, trouble):
    with open_replay(AskingEngine(asks), AskingEngine(asks)) as replay:
        comparison = replay.compare(make_run("r-1", "yes", "no"))
        report = replay.report(0.0)
    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert trouble in report.inconclusive[0]["reason"]
    assert report.verdicts["match"] == 0


class RefusingEngine:
    """Refuses what it is asked."""

    async def run(self, request, /):
        raise LookupError("content has an image")
        yield


def test_a_recording_that_control_does_not_reproduce_lists_no_divergence_and_names_the_error_of_control():
    with open_replay(RefusingEngine(), AskingEngine()) as replay:
        comparison = replay.compare(make_run("r-1", "yes"))
        report = replay.report(0.0)
    assert comparison.divergences == ()
    assert report.divergences == []
    [trouble] = report.inconclusive
    assert "LookupError: content has an image; it asks for 1 effect too few (1 model)" in trouble["reason"]


def test_control_must_end_and_answer_as_recorded():
    recorded = dataclasses.replace(make_run("r-1", "yes"), outcome="completed", answer="yes")
    with open_replay(AskingEngine(), AskingEngine()) as replay:
        assert replay.compare(recorded).verdict is Verdict.MATCH
    with open_replay(AskingEngine(ending="!"), AskingEngine(ending="!")) as replay:
        assert tuple(map(str, replay.compare(recorded).reasons)) == (
            "control does not reproduce the recording: it does not give the recorded answer",
        )
    with open_replay(AskingEngine(), AskingEngine()) as replay:
        other = dataclasses.replace(recorded, outcome="failed")
        assert "it ends as completed, but the recording as failed" in str(replay.compare(other).reasons[0])


@pytest.mark.parametrize("side", ["control", "candidate"])
def test_an_engine_that_cannot_be_built_makes_the_run_inconclusive_and_says_which(side):
    engines = {"control": AskingEngine(), "candidate": AskingEngine()} | {side: Unbuildable()}
    with open_replay(*engines.values()) as replay:
        comparison = replay.compare(make_run("r-1", "yes"))
    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert str(comparison.reasons[0]).startswith(f"{side}: engine:")


def test_an_engine_that_goes_out_without_a_port_is_stopped_and_the_run_says_so():
    @contextlib.contextmanager
    def seal():
        yield ["socket.connect"]

    with open_replay(AskingEngine(), AskingEngine(), seal=seal) as replay:
        comparison = replay.compare(make_run("r-1", "yes"))
        assert replay.report(0.0).effects.performed_by_shadow == 0
    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert any("control tried to reach the outside without a port: socket.connect" in reason for reason in map(str, comparison.reasons))


class ReadingEngine(AskingEngine):
    """Asks a tool as well."""

    async def run(self, request, /):
        await perform("tool", "look", lane="data", request=b"{}", call=self.look)
        async for event in super().run(request):
            yield event

    async def look(self):
        return b"1"


def test_what_the_miss_policy_lets_an_engine_read_is_counted_and_a_divergence():
    misses = MissPolicy(read_only=frozenset({"look"}), budget=1)
    with open_replay(AskingEngine(), ReadingEngine(), misses=misses) as replay:
        comparison = replay.compare(make_run("r-1", "yes"))
        report = replay.report(0.0)
    assert (comparison.verdict, [found.kind for found in comparison.divergences]) == (Verdict.DIVERGENT, ["effect_extra"])
    assert (report.effects.replayed, report.effects.performed_by_shadow) == (2, 1)
    assert (comparison.effects_missing, comparison.effects_performed_by_shadow, comparison.effects_permitted) == (1, 1, 1)


def test_a_recording_from_which_control_reads_on_is_no_fair_ground():
    misses = MissPolicy(read_only=frozenset({"look"}), budget=1)
    with open_replay(ReadingEngine(), ReadingEngine(), misses=misses) as replay:
        assert replay.compare(make_run("r-1", "yes")).verdict is Verdict.INCONCLUSIVE
        assert replay.report(0.0).effects.performed_by_shadow == 1  # by control; the candidate is not run


def test_bad_lines_and_skipped_turns_are_in_the_report_and_a_bad_line_is_a_finding():
    with open_replay(AskingEngine(), AskingEngine()) as replay:
        items = [BadLine(line=1, reason="not a JSON object"), Skipped(line=2, reason="turn 1 is not answered"), make_run("r-1", "yes")]
        assert list(replay.feed(items)) == items
        report = replay.report(0.0)
    assert (len(report.bad_lines), len(report.skipped), report.runs) == (1, 1, 1)
    assert not report.clean


def test_what_is_found_is_kept_when_there_is_a_store():
    store = Store()
    with open_replay(AskingEngine(), AskingEngine(), sink=store) as replay:
        replay.compare(make_run("r-1", "yes"))
    assert [comparison.run_id for comparison in store.comparisons] == ["r-1"]


@pytest.mark.parametrize(
    "engines",
    [
        (AskingEngine(), AskingEngine()),
        (AskingEngine(), AskingEngine(ending="!")),
        (AskingEngine(asks=2), AskingEngine()),
        (RefusingEngine(), AskingEngine()),
        (Unbuildable(), AskingEngine()),
        (AskingEngine(), Unbuildable()),
    ],
)
def test_what_is_stored_is_what_is_reported(engines):
    store = Store()
    with open_replay(*engines, sink=store) as replay:
        comparison = replay.compare(make_run("r-1", "yes"))
        report = replay.report(0.0)
    assert store.comparisons == [comparison]
    assert {verdict: count for verdict, count in report.verdicts.items() if count} == {comparison.verdict.value: 1}


def test_what_the_evidence_holds_already_or_cannot_take_is_counted_and_the_latter_never_passes():
    class Full:
        def __init__(self):
            self.answers = [True, False]

        def store_each(self, findings, /):
            return [self.answers.pop(0) if self.answers else EvidenceError("full") for _ in findings]

    with open_replay(AskingEngine(), AskingEngine(), sink=Full()) as replay:
        for _ in range(3):
            replay.compare(make_run("r-1", "yes"))
        report = replay.report(0.0)
    assert (report.evidence.stored, report.evidence.known, report.evidence.failed) == (1, 1, 1)
    assert not report.clean

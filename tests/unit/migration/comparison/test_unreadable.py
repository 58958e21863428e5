"""A comparison never raises on data: what it cannot read makes it inconclusive, and is the subject of no divergence."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migration.comparison.compare import compare
from migration.comparison.show.explain import explain
from migration.model import Comparison, Effect, EffectError, Event, Origin, RunRecord, RunRequest, Stage, Verdict

CASES = Path(__file__).resolve().parents[4].parent / "shared" / "cases" / "replay"
REQUEST = RunRequest(
    surface="chat", tenant_id="acme", user_id="ann", thread_id="thread-7", run_id="run-42", payload=b'{"message":"Hello"}', received_at=0.0
)
DEPTHS = (100, 300, 480, 700, 950, 5_000, 100_000)


def frame(result: bytes, timestamp: bytes = b"1.0") -> bytes:
    head = b'{"type":"agent_completed","tenant_id":"acme","user_id":"ann","thread_id":"thread-7","run_id":"run-42","agent_name":"assistant"'
    return head + b',"sequence":1,"timestamp":' + timestamp + b',"payload":{"result":' + result + b"}}"


def nested(depth: int, leaf: bytes) -> bytes:
    return b'{"a":' * depth + leaf + b"}" * depth


def run(origin: Origin, frames: list[bytes], effects: list[bytes] | None = None, error: str | None = None) -> RunRecord:
    return RunRecord(
        request=REQUEST,
        origin=origin,
        events=tuple(Event(kind="agent_completed", lane="assistant", payload=one, at_s=0.0) for one in frames),
        journal=tuple(
            Effect(kind="tool", name="look", lane="assistant", key="", request=one, reply=b"{}", error=None, started_s=0.0, duration_s=0.0)
            for one in effects or []
        ),
        outcome="completed" if error is None else "failed",
        duration_s=1.0,
        trace_id=None,
        error=None if error is None else EffectError(type="OSError", message=error),
    )


def set_side_by_side(control: RunRecord, candidate: RunRecord) -> Comparison:
    return compare(control, candidate, stage=Stage.SHADOW, serving=Origin.CONTROL)


def about_payload(comparison: Comparison) -> list[str]:
    """What is said of fields, beside the rules of the contract that a single frame breaks anyway."""
    return [str(one.sentence) for one in comparison.divergences if one.kind != "contract_violation"]


@pytest.mark.parametrize("depth", DEPTHS)
def test_deep_values_that_differ_are_divergent_or_said_to_be_nested_too_deeply(depth: int) -> None:
    comparison = set_side_by_side(run(Origin.CONTROL, [frame(nested(depth, b"1"))]), run(Origin.CANDIDATE, [frame(nested(depth, b"2"))]))

    if comparison.verdict is Verdict.INCONCLUSIVE:
        assert any("event 1 of" in reason and "nested too deeply" in reason for reason in map(str, comparison.reasons))
        assert about_payload(comparison) == []
    else:
        assert comparison.verdict is Verdict.DIVERGENT
        assert about_payload(comparison) != []


@pytest.mark.parametrize("depth", DEPTHS)
def test_deep_requests_that_differ_are_divergent_or_said_to_be_nested_too_deeply(depth: int) -> None:
    control, candidate = (b'{"name":"look","arguments":' + nested(depth, leaf) + b"}" for leaf in (b"1", b"2"))
    comparison = set_side_by_side(run(Origin.CONTROL, [], [control]), run(Origin.CANDIDATE, [], [candidate]))

    assert comparison.verdict is Verdict.DIVERGENT or "nested too deeply" in str(comparison.reasons[0])
    assert bool(comparison.divergences) is (comparison.verdict is Verdict.DIVERGENT)


@pytest.mark.parametrize(
    ("control", "candidate"),
    [
        (b'{"cost":NaN}', b'{"cost":NaN}'),
        (b'{"cost":NaN}', b'{"cost":1}'),
        (b'{"cost":1}', b'{"cost":NaN}'),
        (b'{"cost":1}', b'"\xff"'),
        (b'{"cost":1}', b'{"cost":1e400}'),
        (b'"\\ud800"', b"1"),
    ],
)
def test_nothing_is_said_of_what_differs_in_a_frame_that_was_not_read(control: bytes, candidate: bytes) -> None:
    comparison = set_side_by_side(run(Origin.CONTROL, [frame(control)]), run(Origin.CANDIDATE, [frame(candidate, b"2.0")]))

    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert "event 1 of" in str(comparison.reasons[0])
    assert about_payload(comparison) == []


def test_an_unread_frame_too_many_is_no_divergence_either() -> None:
    good, bad = frame(b"1"), frame(b"NaN")

    comparison = set_side_by_side(run(Origin.CONTROL, [good]), run(Origin.CANDIDATE, [good, bad]))

    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert about_payload(comparison) == []


def test_nothing_is_said_of_what_differs_from_a_request_that_was_not_read() -> None:
    comparison = set_side_by_side(run(Origin.CONTROL, [], [b'{"a":NaN}']), run(Origin.CANDIDATE, [], [b'{"a":1}']))

    assert (comparison.verdict, comparison.divergences) == (Verdict.INCONCLUSIVE, ())


def test_an_exception_whose_wording_is_no_unicode_can_be_told_and_stored() -> None:
    comparison = set_side_by_side(run(Origin.CONTROL, [], error="no file caf\udce9"), run(Origin.CANDIDATE, [], error="no file caf\udce8"))

    assert [one.kind for one in comparison.divergences] == ["error"]
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(comparison))


ANY_JSON = ["[]", "{}", "null", "1", "true", '"failed"']


@pytest.mark.parametrize("field", ["status", "tenant_id"])
@pytest.mark.parametrize("control", ANY_JSON)
@pytest.mark.parametrize("candidate", ANY_JSON)
def test_the_field_of_an_ending_or_an_owner_may_hold_any_json(field: str, control: str, candidate: str) -> None:
    whole = frame(b"1").replace(b'"payload":{', b'"payload":{"status":"completed",')
    old = {"status": b'"status":"completed"', "tenant_id": b'"tenant_id":"acme"'}[field]
    runs = [
        run(origin, [whole.replace(old, f'"{field}":{written}'.encode())])
        for origin, written in ((Origin.CONTROL, control), (Origin.CANDIDATE, candidate))
    ]

    comparison = compare(*runs, stage=Stage.SHADOW, serving=Origin.CONTROL, cross_talk=[(0, "agent_completed.tenant_id")])

    assert comparison.verdict is Verdict.DIVERGENT
    assert (control == candidate) or {"terminal_state", "isolation_breach"} & {one.kind for one in comparison.divergences}


def test_what_is_nested_too_deeply_is_left_out_of_an_explanation() -> None:
    assert explain(run(Origin.CONTROL, [frame(nested(900, b"1")), frame(b'{"duration_ms":1}')]))[-1].path == "payload.result.duration_ms"


def case(name: str, side: str) -> bytes:
    path = CASES / name / f"{side}.json"
    if not path.exists():
        pytest.skip(f"the shared case {name} is not here")
    return path.read_bytes().strip()


def test_the_shared_case_of_deep_values_is_divergent_or_inconclusive_for_that_reason() -> None:
    name = "21-compare-deep-values"
    comparison = set_side_by_side(run(Origin.CONTROL, [case(name, "control")]), run(Origin.CANDIDATE, [case(name, "candidate")]))

    assert comparison.verdict is Verdict.DIVERGENT or "nested too deeply" in str(comparison.reasons[0])


def test_the_shared_case_of_an_undecodable_frame_says_nothing_of_what_was_not_read() -> None:
    name = "23-compare-undecodable-frame"
    comparison = set_side_by_side(run(Origin.CONTROL, [case(name, "control")]), run(Origin.CANDIDATE, [case(name, "candidate")]))

    assert comparison.verdict is Verdict.INCONCLUSIVE
    assert "event 1 of control is undecodable" in str(comparison.reasons[0])
    assert about_payload(comparison) == []


texts = st.text(st.characters(codec="utf-8"), max_size=4)
numbers = st.sampled_from(["NaN", "-Infinity", "1e400", "1e-400", "-0", "0.0", "9" * 25, "9" * 5000, "1.5", "01"])
values = st.recursive(
    st.sampled_from([b"null", b"true", b'"\\ud800"', b'"\xff"', b'""', b"{", b'"\\u0000"', b'"{\\"a\\":[[]]}"'])
    | numbers.map(str.encode)
    | texts.map(msgspec.json.encode),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: b"[" + b",".join(items) + b"]")
        | st.lists(st.tuples(st.sampled_from(["a", "status", "call_id", "duration_ms", "error_type", "é"]), inner), max_size=3).map(
            lambda items: b"{" + b",".join(msgspec.json.encode(key) + b":" + value for key, value in items) + b"}"
        )
        | st.tuples(st.sampled_from([200, 499, 800, 990, 2_000]), inner).map(lambda deep: nested(*deep))
    ),
    max_leaves=6,
)
frames = values.map(frame) | st.binary(max_size=20) | values


@settings(max_examples=150, deadline=None)
@given(
    control=st.lists(frames, max_size=3),
    candidate=st.lists(frames, max_size=3),
    asked=st.lists(values, max_size=2),
    wanted=st.lists(values, max_size=2),
)
def test_whatever_two_runs_hold_is_compared_or_inconclusive(
    control: list[bytes], candidate: list[bytes], asked: list[bytes], wanted: list[bytes]
) -> None:
    comparison = set_side_by_side(run(Origin.CONTROL, control, asked), run(Origin.CANDIDATE, candidate, wanted))

    assert (comparison.verdict is Verdict.INCONCLUSIVE) is bool(comparison.reasons)
    assert msgspec.msgpack.encode(comparison)
    readable: list[Any] = [str(one.sentence) for one in comparison.divergences]
    assert all(readable)

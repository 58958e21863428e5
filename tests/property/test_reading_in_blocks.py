"""However many frames are read at once, a comparison finds the same."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migration.comparison.compare import Prepared, compare, prepared
from migration.comparison.policy import default_policy
from migration.comparison.read.outline import by_kind
from migration.model import Comparison, Event, Origin, RunRecord, RunRequest, Stage

REQUEST = RunRequest(surface="chat", tenant_id="acme", user_id="ann", thread_id="t-7", run_id="run-42", payload=b"{}", received_at=0.0)
LENGTH = 14
WHOLE = 256


def frame(number: int, *, variant: int, **changed: Any) -> bytes:
    envelope = {
        "type": "agent_thinking",
        "tenant_id": "acme",
        "user_id": "ann",
        "thread_id": "t-7",
        "run_id": "run-42",
        "agent_name": "data",
        "sequence": number,
        "timestamp": 1.5 + variant,
        "payload": {"reasoning": f"step {number}", "step_number": number, "progress_percentage": 5},
    }
    return msgspec.json.encode(envelope | changed)


CHANGES: dict[str, Callable[[int, int], bytes]] = {
    "plain": lambda number, variant: frame(number, variant=variant),
    "another payload": lambda number, variant: frame(number, variant=variant, payload={"reasoning": "else", "step_number": number}),
    "somebody else's": lambda number, variant: frame(number, variant=variant, user_id="bob"),
    "one key more": lambda number, variant: frame(number, variant=variant, note="new"),
    "no JSON": lambda _number, _variant: b"{",
    "no UTF-8": lambda number, variant: frame(number, variant=variant).replace(b"step", b"st\xffp"),
    "another text": lambda number, variant: frame(number, variant=variant, agent_name="other"),
}


def record(origin: Origin, told: list[str], variant: int) -> RunRecord:
    events = tuple(
        Event(kind="agent_thinking", lane="data", payload=CHANGES[change](number, variant), at_s=number / 10)
        for number, change in enumerate(told)
    )
    return RunRecord(request=REQUEST, origin=origin, events=events, journal=(), outcome="completed", duration_s=2.0, trace_id=None)


def compared(pair: tuple[RunRecord, RunRecord]) -> Comparison:
    return compare(*pair, stage=Stage.SHADOW, serving=Origin.CONTROL)


@st.composite
def streams(draw: st.DrawFn) -> list[str]:
    """Plain frames, with a few that are not."""
    told = ["plain"] * draw(st.integers(LENGTH - 1, LENGTH))
    for place in draw(st.lists(st.integers(0, LENGTH - 2), max_size=3)):
        told[place] = draw(st.sampled_from(list(CHANGES)))
    return told


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=300)
@given(control=streams(), candidate=st.none() | streams(), variant=st.integers(0, 1), size=st.integers(1, LENGTH))
def test_a_comparison_finds_the_same_in_blocks_of_any_size(
    control: list[str], candidate: list[str] | None, variant: int, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = record(Origin.CONTROL, control, 0), record(Origin.CANDIDATE, control if candidate is None else candidate, variant)
    monkeypatch.setattr("migration.comparison.match.pairing._BLOCK", WHOLE)
    whole = compared(pair)
    monkeypatch.setattr("migration.comparison.match.pairing._BLOCK", size)
    assert compared(pair) == whole


def test_a_difference_in_the_last_of_many_blocks_is_found() -> None:
    same = ["plain"] * (4 * WHOLE + 1)
    pair = record(Origin.CONTROL, same, 0), record(Origin.CANDIDATE, [*same[:-1], "another payload"], 1)
    changed = [found.path for found in compared(pair).divergences if found.kind == "payload"]
    assert "agent_thinking.payload.reasoning" in changed


def test_of_long_streams_in_step_only_what_differs_is_kept() -> None:
    same = ["plain"] * (3 * WHOLE)
    ready = prepared(default_policy("chat"))
    pairing = ready.pairing(record(Origin.CONTROL, same, 0), record(Origin.CANDIDATE, [*same[:300], "another payload", *same[301:]], 1))
    assert pairing.differing == [300]
    for stream in (pairing.control, pairing.candidate):
        assert [index for index in range(len(stream.events)) if stream.frames.known(index) is not None] == [300]


def test_the_same_bytes_are_somebody_elses_in_a_run_of_another_request() -> None:
    control, candidate = (record(origin, ["plain"] * 3, 0) for origin in Origin)
    request = msgspec.structs.replace(REQUEST, tenant_id="initech")
    pairing = prepared(default_policy("chat")).pairing(control, msgspec.structs.replace(candidate, request=request))
    assert (pairing.control.owners.foreign(), pairing.candidate.owners.foreign()) == ([], [0, 1, 2])


def test_events_of_two_kinds_with_the_same_frame_differ() -> None:
    control = record(Origin.CONTROL, ["plain"] * 3, 0)
    renamed = (control.events[0], msgspec.structs.replace(control.events[1], kind="agent_note"), control.events[2])
    candidate = msgspec.structs.replace(control, origin=Origin.CANDIDATE, events=renamed)
    assert {"missing_event", "extra_event"} <= {found.kind for found in compared((control, candidate)).divergences}


def test_events_of_two_kinds_with_frames_that_differ_in_their_times_alone_differ() -> None:
    control, candidate = record(Origin.CONTROL, ["plain"] * 3, 0), record(Origin.CANDIDATE, ["plain"] * 3, 1)
    renamed = (candidate.events[0], msgspec.structs.replace(candidate.events[1], kind="agent_note"), candidate.events[2])
    found = compared((control, msgspec.structs.replace(candidate, events=renamed))).divergences
    assert {"missing_event", "extra_event"} <= {divergence.kind for divergence in found}


def test_of_kinds_that_take_turns_only_frames_that_may_differ_are_doubted() -> None:
    ready = Prepared(default_policy("chat"))  # not the cached one: what other tests made it learn would count
    kinds = ["agent_thinking", "agent_note"] * (LENGTH // 2)
    told = ["plain"] * LENGTH
    told[3], told[6], told[9], told[12] = "another payload", "somebody else's", "another text", "one key more"
    control = [frame(number, variant=0, type=kind) for number, kind in enumerate(kinds)]
    candidate = [CHANGES[change](number, 1).replace(b"agent_thinking", kinds[number].encode()) for number, change in enumerate(told)]
    own = ready.reader.expected(REQUEST)
    assert ready.shapes.doubted(by_kind(kinds), control, candidate, own) == [3, 6, 9, 12]
    assert ready.shapes.doubted(by_kind(kinds[6:7]), candidate[6:7], candidate[6:7], own) == [0]  # equal, and both somebody else's


def test_half_surrogates_in_the_names_of_lanes_are_compared_like_any_other_name() -> None:
    control, candidate = record(Origin.CONTROL, ["plain"] * 3, 0), record(Origin.CANDIDATE, ["plain"] * 3, 0)
    odd = [
        msgspec.structs.replace(run, events=tuple(msgspec.structs.replace(event, lane="data\ud800") for event in run.events))
        for run in (control, candidate)
    ]
    assert prepared(default_policy("chat")).pairing(odd[0], odd[1]).differing == []
    assert prepared(default_policy("chat")).pairing(odd[0], candidate).in_step is False


@pytest.mark.parametrize("size", [1, WHOLE])
def test_what_cannot_be_read_is_listed_in_the_order_of_events(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = ["plain", "plain", "plain", "no JSON", "plain", "another payload", "plain", "no UTF-8", "plain"]
    pair = record(Origin.CONTROL, odd, 0), record(Origin.CANDIDATE, odd, 1)
    monkeypatch.setattr("migration.comparison.match.pairing._BLOCK", size)
    numbers = [re.findall(r"event (\d+) of (\w+)", str(reason))[0] for reason in compared(pair).reasons]
    assert numbers == [("4", "control"), ("8", "control"), ("4", "candidate"), ("8", "candidate")]

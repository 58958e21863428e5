"""Laws of the comparison, on generated streams."""

from collections import Counter
from collections.abc import Hashable
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from deepdiff import DeepDiff
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from migration.comparison.compare import compare
from migration.comparison.match.differences import leaves
from migration.comparison.match.sequences import gaps, match, moved
from migration.model import Comparison, Event, Origin, RunRecord, RunRequest, Stage, Verdict

REQUEST = RunRequest(surface="chat", tenant_id="acme", user_id="ann", thread_id="t1", run_id="r1", payload=b"{}", received_at=0.0)
Said = tuple[str, str, dict[str, Any]]  # kind, lane, payload

scalars = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 2.5]) | st.text("ab", max_size=3)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3), max_leaves=12
)


@st.composite
def agents(draw: st.DrawFn) -> list[list[Said]]:
    """Lanes of one to three agents, each a list of events; an agent's own lane comes before those of its calls."""
    lanes: list[list[Said]] = []
    for agent in ("triage", "data", "reporting")[: draw(st.integers(1, 3))]:
        steps = draw(st.integers(1, 3))
        own: list[Said] = [("agent_started", agent, {"status": "started"})]
        own += [("agent_thinking", agent, {"reasoning": draw(st.text("xy", max_size=2)), "step_number": n}) for n in range(1, steps + 1)]
        own.append(("agent_completed", agent, {"status": "completed", "result": {"success": True, "final_answer": draw(st.text("xy"))}}))
        lanes.append(own)
        for number in range(1, draw(st.integers(0, 3)) + 1):
            lane, parameters = f"{agent}/look#{number}", draw(values)
            lanes.append(
                [
                    ("tool_executing", lane, {"tool_name": "look", "parameters": parameters}),
                    ("tool_completed", lane, {"tool_name": "look", "result": draw(values), "status": "success"}),
                ]
            )
    return lanes


@st.composite
def interleaved(draw: st.DrawFn, lanes: list[list[Said]]) -> list[Said]:
    """Any order that keeps the order inside each lane, and in which an agent starts before its calls and completes after them."""
    waiting = [list(lane) for lane in lanes]
    order: list[Said] = []
    while any(waiting):
        ready = []
        for lane in waiting:
            if not lane:
                continue
            kind, name, _ = lane[0]
            agent = name.partition("/")[0]
            started = any(event[:2] == ("agent_started", agent) for event in order)
            calls_left = any(other and other[0][1].startswith(f"{agent}/") for other in waiting)
            if (started or kind == "agent_started") and not (kind == "agent_completed" and calls_left):
                ready.append(lane)
        order.append(draw(st.sampled_from(ready)).pop(0))
    return order


def record(origin: Origin, order: list[Said], variant: int) -> RunRecord:
    events = []
    for number, (kind, lane, payload) in enumerate(order):
        body = dict(reversed(payload.items())) if variant else payload
        frame = {
            "type": kind,
            "tenant_id": "acme",
            "user_id": "ann",
            "thread_id": "t1",
            "run_id": "r1",
            "agent_name": lane.partition("/")[0],
            "sequence": number + variant,
            "timestamp": 5.0 * variant + number / 8,
            "payload": {**body, "request_id": f"request {variant} {number}", "duration_ms": variant + number / 3},
        }
        events.append(Event(kind=kind, lane=lane, payload=msgspec.json.encode(frame), at_s=number / 8))
    return RunRecord(request=REQUEST, origin=origin, events=tuple(events), journal=(), outcome="completed", duration_s=1.0, trace_id=None)


def compared(control: list[Said], candidate: list[Said]) -> Comparison:
    records = record(Origin.CONTROL, control, 0), record(Origin.CANDIDATE, candidate, 1)
    return compare(*records, stage=Stage.SHADOW, serving=Origin.CONTROL)


@given(data=st.data(), lanes=agents())
def test_any_interleaving_that_keeps_lanes_and_contract_is_a_match(data: st.DataObject, lanes: list[list[Said]]) -> None:
    comparison = compared(data.draw(interleaved(lanes)), data.draw(interleaved(lanes)))

    assert (comparison.verdict, comparison.divergences) == (Verdict.MATCH, ())


@given(data=st.data(), lanes=agents())
def test_dropping_any_event_is_found_in_its_lane(data: st.DataObject, lanes: list[list[Said]]) -> None:
    control, candidate = data.draw(interleaved(lanes)), data.draw(interleaved(lanes))
    dropped = data.draw(st.sampled_from(candidate))
    candidate.remove(dropped)

    found = compared(control, candidate).divergences

    assert "missing_event" in {one.kind for one in found}
    family = dropped[1].rpartition("#")[0] or dropped[1]
    assert all(one.lane.startswith(family.partition("/")[0]) for one in found)


@given(data=st.data(), lanes=agents())
def test_repeating_any_event_is_found(data: st.DataObject, lanes: list[list[Said]]) -> None:
    control = data.draw(interleaved(lanes))
    at = data.draw(st.integers(0, len(control) - 1))

    found = compared(control, [*control[: at + 1], *control[at:]]).divergences

    assert [one.kind for one in found] == ["duplicate_event"]


@given(data=st.data(), lanes=agents())
def test_exchanging_two_neighbours_of_a_lane_is_a_reorder(data: st.DataObject, lanes: list[list[Said]]) -> None:
    control = [event for lane in lanes for event in lane]
    places = [n for n in range(len(control) - 1) if control[n][1] == control[n + 1][1] and control[n] != control[n + 1]]
    at = data.draw(st.sampled_from(places))
    candidate = [*control[:at], control[at + 1], control[at], *control[at + 2 :]]

    found = compared(control, candidate).divergences

    assert "causal_reorder" in {one.kind for one in found}
    assert {one.kind for one in found} <= {"causal_reorder", "contract_violation"}


@given(lanes=agents(), path=st.sampled_from(["payload", "envelope"]), value=values, other=values)
def test_a_changed_value_is_never_a_match(lanes: list[list[Said]], path: str, value: Any, other: Any) -> None:
    assume(msgspec.json.encode(value, order="sorted") != msgspec.json.encode(other, order="sorted"))
    order = [event for lane in lanes for event in lane]
    kind, lane, payload = order[0]
    changed: list[list[Said]] = [[(kind, lane, {**payload, path: one}), *order[1:]] for one in (value, other)]

    assert compared(*changed).verdict is Verdict.DIVERGENT


@given(control=values, candidate=values)
@settings(max_examples=50)
def test_a_difference_that_deepdiff_finds_is_found(control: Any, candidate: Any) -> None:
    # Not the other way round: inside lists DeepDiff takes 1 and True for equal.
    assume(DeepDiff(control, candidate))

    assert leaves(control, candidate, limit=10_000)


@given(control=values, candidate=values)
def test_leaves_are_strict_about_types(control: Any, candidate: Any) -> None:
    same = msgspec.json.encode(control, order="sorted") == msgspec.json.encode(candidate, order="sorted")

    assert (leaves(control, candidate, limit=10_000) == []) is same


keys = st.lists(st.sampled_from("abcdef"), max_size=60)


@given(control=keys, candidate=keys)
def test_matches_rise_on_both_sides_and_pair_equal_keys(control: list[str], candidate: list[str]) -> None:
    pairs = match(control, candidate)

    assert all(control[i] == candidate[j] for i, j in pairs)
    assert all(one[0] < other[0] and one[1] < other[1] for one, other in pairwise(pairs))


@given(control=keys, candidate=keys)
def test_matches_moves_and_gaps_account_for_every_item(control: list[str], candidate: list[str]) -> None:
    pairs = match(control, candidate)
    between = gaps(pairs, len(control), len(candidate))
    crossed = moved(control, candidate, between)

    assert sum(len(gap) for gap, _ in between) + len(pairs) == len(control)
    assert sum(len(gap) for _, gap in between) + len(pairs) == len(candidate)
    met = Counter(control[i] for i, _ in (*pairs, *crossed))
    assert met == Counter(control) & Counter(candidate)  # whatever both have, is met


@given(keys)
def test_equal_sequences_match_wholly(items: list[str]) -> None:
    assert match(items, items) == [(n, n) for n in range(len(items))]


class Counted:
    """A key that counts how often keys are compared or hashed."""

    operations = 0

    def __init__(self, name: Hashable) -> None:
        self.name = name

    def __eq__(self, other: object) -> bool:
        Counted.operations += 1
        return isinstance(other, Counted) and self.name == other.name

    def __hash__(self) -> int:
        Counted.operations += 1
        return hash(self.name)


def operations(control: list[Hashable], candidate: list[Hashable]) -> int:
    control_keys, candidate_keys = [Counted(name) for name in control], [Counted(name) for name in candidate]
    Counted.operations = 0
    match(control_keys, candidate_keys)
    return Counted.operations


@pytest.mark.parametrize(
    "change",
    [
        lambda items: items,
        lambda items: items[:7] + items[8:],
        lambda items: [f"new {n}" if n % 10 == 0 else item for n, item in enumerate(items)],
        lambda items: list(reversed(items)),
        lambda items: [f"other {item}" for item in items],
    ],
    ids=["equal", "one missing", "every tenth changed", "reversed", "all changed"],
)
@pytest.mark.parametrize("distinct", [10, 10_000], ids=["few keys", "all keys different"])
def test_the_cost_of_matching_grows_linearly(change: Any, distinct: int) -> None:
    def cost(size: int) -> int:
        items: list[Hashable] = [str(n % distinct) for n in range(size)]
        return operations(items, change(items))

    assert cost(10_000) <= 12 * cost(1_000)


def test_the_number_of_frames_normalised_grows_linearly(monkeypatch: pytest.MonkeyPatch) -> None:
    from migration.comparison.read import normalise

    calls = Counter[str]()
    encode = normalise.encode

    def counting(value: Any) -> bytes:
        calls["encode"] += 1
        return encode(value)

    monkeypatch.setattr(normalise, "encode", counting)

    def cost(steps: int) -> int:
        said: list[Said] = [("agent_thinking", "data", {"reasoning": f"thought {n}", "step_number": n}) for n in range(steps)]
        calls.clear()
        compared(said, [*said[: steps // 2], *said[steps // 2 + 1 :]])
        return calls["encode"]

    assert cost(4_000) <= 11 * cost(400)

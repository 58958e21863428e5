"""The shipped ledger of `chat` accepts what is known of control, as often as it is known, and hides nothing of a worse candidate."""

import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import date
from pathlib import Path

import msgspec
import pytest

from migration.comparison import Comparer
from migration.model import Comparison, Divergence, Engine, Event, Origin, RunRequest, Verdict
from migration.recordings import RecordedRun, read
from migration.replay import Replay
from migration.shadow.parts import Parts
from netra_backend.app.execution import fresh_engine

LEDGERS = Path(__file__).parents[2] / "ledger"
CALLS = (("usage_summary", "c1"), ("price_lookup", "c2"), ("price_lookup", "c3"))
CONVERSATION = {
    "id": "made-up",
    "messages": [
        {"role": "system", "content": "You answer questions on cost."},
        {"role": "user", "content": "What do we spend, and could we spend less?"},
        *(
            message
            for name, call in CALLS
            for message in (
                {
                    "role": "assistant",
                    "content": None,
                    "tool_calls": [{"id": call, "type": "function", "function": {"name": name, "arguments": json.dumps({"id": call})}}],
                },
                {"role": "tool", "tool_call_id": call, "content": f"the answer of {call}"},
            )
        ),
        {"role": "assistant", "content": "Less than before."},
    ],
}

Change = Callable[[list[Event]], list[Event]]


class Changed:
    """The candidate, with its events changed before anybody sees them."""

    def __init__(self, engine: Engine, change: Change) -> None:
        self._engine, self._change = engine, change

    async def run(self, request: RunRequest, /) -> AsyncGenerator[Event, None]:
        for event in self._change([event async for event in self._engine.run(request)]):
            yield event


@pytest.fixture
def recorded(tmp_path: Path) -> RecordedRun:
    file = tmp_path / "conversation.jsonl"
    file.write_text(json.dumps(CONVERSATION) + "\n")
    [run] = read(file, surface="chat", agent="assistant", tenant_id="acme", user_id="ann")
    assert isinstance(run, RecordedRun)
    return run


@pytest.fixture
def compared(recorded: RecordedRun) -> Iterator[Callable[[Change], Comparison]]:
    comparer = Comparer(LEDGERS, today=lambda: date(2026, 12, 1))
    with contextlib.ExitStack() as opened:

        def compare(change: Change) -> Comparison:
            parts = Parts(
                build=lambda surface, origin: (
                    Changed(fresh_engine(surface, origin), change) if origin is Origin.CANDIDATE else fresh_engine(surface, origin)
                ),
                compare=lambda job, shadow: comparer.compare(job.record, shadow, stage=job.stage),
                sink=None,
            )
            replay = opened.enter_context(contextlib.closing(Replay(parts, seal=lambda: contextlib.nullcontext([]), deadline_s=10.0)))
            return replay.compare(recorded)

        yield compare


def divergent(comparison: Comparison) -> list[Divergence]:
    return [found for found in comparison.divergences if found.verdict is Verdict.DIVERGENT]


def without(kind: str, nth: int = 0) -> Change:
    def change(events: list[Event]) -> list[Event]:
        del events[[place for place, event in enumerate(events) if event.kind == kind][nth]]
        return events

    return change


def twice(kind: str, **changes: object) -> Change:
    """Repeat the first event of the kind with another payload, so that it is not a plain duplicate."""

    def change(events: list[Event]) -> list[Event]:
        place = next(place for place, event in enumerate(events) if event.kind == kind)
        frame = msgspec.json.decode(events[place].payload)
        frame["payload"] |= changes
        again = msgspec.structs.replace(events[place], payload=msgspec.json.encode(frame))
        return [*events[: place + 1], again, *events[place + 1 :]]

    return change


def test_the_known_defects_of_control_are_accepted_whole(compared: Callable[[Change], Comparison]) -> None:
    comparison = compared(lambda events: events)
    assert (comparison.verdict, comparison.reasons) == ("accepted", ()), comparison.divergences


@pytest.mark.parametrize("nth", range(4))
def test_a_candidate_that_drops_one_thinking_event_more_is_divergent(nth: int, compared: Callable[[Change], Comparison]) -> None:
    comparison = compared(without("agent_thinking", nth))
    found = divergent(comparison)
    assert comparison.verdict is Verdict.DIVERGENT
    assert [(one.kind, one.path, one.occurrences) for one in found] == [("missing_event", "agent_thinking", 2)]
    assert found[0].note == "It does so twice in this run, and 'thinking-on-two-levels' of the ledger accepts it once."


@pytest.mark.parametrize("kind", ["agent_started", "agent_completed", "tool_executing", "tool_completed"])
def test_a_candidate_that_drops_any_other_event_is_divergent(kind: str, compared: Callable[[Change], Comparison]) -> None:
    comparison = compared(without(kind))
    assert comparison.verdict is Verdict.DIVERGENT
    assert kind in {one.path for one in divergent(comparison)}


@pytest.mark.parametrize("kind", ["agent_thinking", "tool_completed"])
def test_a_candidate_that_says_something_once_more_is_divergent(kind: str, compared: Callable[[Change], Comparison]) -> None:
    assert compared(twice(kind, reasoning="and again", result="and again")).verdict is Verdict.DIVERGENT


def test_the_end_of_a_call_that_never_began_is_a_broken_rule_and_not_the_missing_end_that_is_accepted(
    compared: Callable[[Change], Comparison],
) -> None:
    def end_a_fourth_call(events: list[Event]) -> list[Event]:
        last = next(event for event in reversed(events) if event.kind == "tool_completed")
        return [*events[:-1], msgspec.structs.replace(last, lane="assistant/price_lookup#3"), events[-1]]

    found = divergent(compared(end_a_fourth_call))
    assert [(one.kind, one.lane) for one in found] == [("contract_violation", "assistant/price_lookup#3")]
    assert str(found[0].sentence) == (
        "Candidate breaks the event contract for `assistant/price_lookup#3`: `tool_completed` must come after its `tool_executing`."
    )
